/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/domain_xml.h"
#include <vmbalancer/error.h>

#define PAGE_BYTES 4096
/* What <hugepages/> without a size means on x86, unless the kernel was started otherwise. */
#define HUGE_PAGE_DEFAULT_BYTES (2 * 1024 * 1024)
/* QEMU's MAX_NODES; also bounds the <page> elements, as each is looked at for each cell. */
#define CELLS_MAX 128
/* libvirt itself has at most 256 slots for them. */
#define MEMORY_DEVICES_MAX 1024

/* <memoryBacking>, as far as each cell needs it. */
typedef struct {
    const xmlNode *hugepages; /* NULL: none */
    gboolean memfd;
    gboolean file;
    gboolean shared;
    gboolean access_named;
} Backing;

static Backing
read_backing(const xmlNode *root)
{
    const xmlNode *node = vb_xml_child(root, "memoryBacking");
    const xmlNode *source = vb_xml_child(node, "source");
    const xmlNode *access = vb_xml_child(node, "access");
    return (Backing){
        .hugepages = vb_xml_child(node, "hugepages"),
        .memfd = vb_xml_attribute_is(source, "type", "memfd"),
        .file = vb_xml_attribute_is(source, "type", "file"),
        .shared = vb_xml_attribute_is(access, "mode", "shared"),
        .access_named = access != NULL,
    };
}

/* The <page> that holds for @cell: one that names it, else one for all; NULL if neither. */
static gboolean
find_page(const xmlNode *hugepages, guint cell, const xmlNode **ret, GError **error)
{
    const xmlNode *page = vb_xml_child(hugepages, "page");
    *ret = NULL;
    for (guint seen = 0; page != NULL && seen < CELLS_MAX; page = vb_xml_next(page), seen++) {
        g_autofree char *nodeset = vb_xml_attribute(page, "nodeset");
        if (nodeset == NULL) {
            *ret = page;
            continue;
        }
        /* Guest cells, not host nodes: their ids may pass VB_NODES_MAX, so a CPU list serves. */
        VbCpuSet cells;
        if (!vb_cpuset_parse(nodeset, &cells, error)) {
            g_prefix_error(error, "<page nodeset>: ");
            return FALSE;
        }
        if (vb_cpuset_has(&cells, cell)) {
            *ret = page;
            return TRUE;
        }
    }
    return TRUE;
}

static gboolean
take_page_size(const char *title, const xmlNode *node, const char *text, VbDomainCell *cell,
               GError **error)
{
    g_autofree char *unit = vb_xml_attribute(node, "unit");
    guint64 bytes;
    if (!vb_xml_size(title, text != NULL ? text : "", unit, &bytes, error))
        return FALSE;
    if (bytes < PAGE_BYTES || (bytes & (bytes - 1)) != 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "%s is %" G_GUINT64_FORMAT " bytes: expected a power of two from %d", title,
                    bytes, PAGE_BYTES);
        return FALSE;
    }
    cell->page_size = bytes;
    return TRUE;
}

static gboolean
read_page_size(const Backing *backing, VbDomainCell *cell, GError **error)
{
    cell->page_size = PAGE_BYTES;
    if (backing->hugepages == NULL)
        return TRUE;
    if (vb_xml_child(backing->hugepages, "page") == NULL) {
        cell->page_size = HUGE_PAGE_DEFAULT_BYTES;
        return TRUE;
    }
    const xmlNode *page;
    if (!find_page(backing->hugepages, cell->id, &page, error))
        return FALSE;
    if (page == NULL)
        return TRUE;
    g_autofree char *text = vb_xml_attribute(page, "size");
    return take_page_size("<page size>", page, text, cell, error);
}

/* @access: (nullable): its own access mode. The rules are those by which libvirt chooses a backend. */
static void
choose_backing(const Backing *backing, const char *access, VbDomainCell *cell)
{
    cell->shared = access != NULL ? g_str_equal(access, "shared") : backing->shared;
    if (cell->page_size > PAGE_BYTES)
        cell->backing = VB_BACKING_HUGEPAGES;
    else if (backing->memfd)
        cell->backing = VB_BACKING_MEMFD;
    else if (backing->file || backing->access_named || access != NULL)
        cell->backing = VB_BACKING_FILE;
}

/* @node: (nullable): <cell> */
static gboolean
read_cell_backing(const xmlNode *node, const Backing *backing, VbDomainCell *cell, GError **error)
{
    g_autofree char *access = vb_xml_attribute(node, "memAccess");
    if (!read_page_size(backing, cell, error))
        return FALSE;
    choose_backing(backing, access, cell);
    return TRUE;
}

static char *
find_memnode(const xmlNode *root, guint cell)
{
    const xmlNode *node = vb_xml_child(vb_xml_child(root, "numatune"), "memnode");
    g_autofree char *wanted = g_strdup_printf("%u", cell);
    for (; node != NULL; node = vb_xml_next(node))
        if (vb_xml_attribute_is(node, "cellid", wanted))
            return vb_xml_attribute(node, "nodeset");
    return NULL;
}

/* @position: its id if it names none, as libvirt counts */
static gboolean
read_cell(const xmlNode *node, guint position, VbDomainCell *cell, GError **error)
{
    g_autofree char *id = vb_xml_attribute(node, "id");
    g_autofree char *cpus = vb_xml_attribute(node, "cpus");
    g_autofree char *memory = vb_xml_attribute(node, "memory");
    g_autofree char *unit = vb_xml_attribute(node, "unit");
    cell->id = position;
    if (id != NULL && !vb_xml_number("<cell id>", id, 0, CELLS_MAX - 1, &cell->id, error))
        return FALSE;
    if (cpus != NULL && !vb_cpuset_parse(cpus, &cell->vcpus, error)) {
        g_prefix_error(error, "<cell cpus>: ");
        return FALSE;
    }
    return vb_xml_size("<cell memory>", memory != NULL ? memory : "", unit, &cell->size_bytes,
                       error);
}

static gboolean
add_cell(const xmlNode *root, const xmlNode *node, const Backing *backing,
         VbDomainCell *transferred, VbDomain *domain, GError **error)
{
    g_autoptr(VbDomainCell) cell = transferred;
    if (!read_cell_backing(node, backing, cell, error))
        return FALSE;
    for (guint i = 0; i < domain->cells->len; i++) {
        const VbDomainCell *other = g_ptr_array_index(domain->cells, i);
        if (other->id == cell->id) {
            g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "two <cell> have id %u", cell->id);
            return FALSE;
        }
    }
    cell->memnode = find_memnode(root, cell->id);
    g_ptr_array_add(domain->cells, g_steal_pointer(&cell));
    return TRUE;
}

static gint
compare_cells(gconstpointer a, gconstpointer b)
{
    guint left = (*(const VbDomainCell *const *)a)->id;
    guint right = (*(const VbDomainCell *const *)b)->id;
    return left < right ? -1 : left > right;
}

/* --- memory devices --------------------------------------------------------------------------- */

/* DIMMs and virtio-mem: the other kinds are files of their own, or an enclave's. */
static gboolean
is_ram(const xmlNode *node)
{
    return vb_xml_attribute_is(node, "model", "dimm") ||
           vb_xml_attribute_is(node, "model", "virtio-mem");
}

static gboolean
read_size(const xmlNode *node, const char *title, guint64 *ret, GError **error)
{
    g_autofree char *text = vb_xml_text(node);
    g_autofree char *unit = vb_xml_attribute(node, "unit");
    return vb_xml_size(title, text, unit, ret, error);
}

static gboolean
read_target(const xmlNode *target, VbDomainCell *device, GError **error)
{
    const xmlNode *node = vb_xml_child(target, "node"), *current = vb_xml_child(target, "current");
    g_autofree char *cell = vb_xml_text(node);
    if (!read_size(vb_xml_child(target, "size"), "<memory> <size>", &device->size_bytes, error) ||
        (node != NULL &&
         !vb_xml_number("<memory> <node>", cell, 0, CELLS_MAX - 1, &device->id, error)))
        return FALSE;
    device->given_bytes = device->size_bytes;
    return current == NULL ||
           read_size(current, "<memory> <current>", &device->given_bytes, error);
}

/* What names no page size has that of its cell. */
static gboolean
read_device_backing(const xmlNode *node, const Backing *backing, VbDomainCell *device,
                    GError **error)
{
    const xmlNode *page = vb_xml_child(vb_xml_child(node, "source"), "pagesize");
    g_autofree char *size = vb_xml_text(page);
    g_autofree char *access = vb_xml_attribute(node, "access");
    if (page != NULL ? !take_page_size("<memory> <pagesize>", page, size, device, error)
                     : !read_page_size(backing, device, error))
        return FALSE;
    choose_backing(backing, access, device);
    return TRUE;
}

/* A device that has no alias is not plugged in. */
static gboolean
add_memory_device(const xmlNode *node, const char *alias, const Backing *backing, VbDomain *domain,
                  GError **error)
{
    g_autoptr(VbDomainCell) device = g_new0(VbDomainCell, 1);
    if (!read_target(vb_xml_child(node, "target"), device, error) ||
        !read_device_backing(node, backing, device, error))
        return FALSE;
    device->backend = g_strdup_printf("mem%s", alias);
    gboolean has_cell = FALSE;
    for (guint i = 0; i < domain->cells->len; i++)
        has_cell |= ((const VbDomainCell *)g_ptr_array_index(domain->cells, i))->id == device->id;
    if (!has_cell) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "<memory> %s is of cell %u, which is not there",
                    alias, device->id);
        return FALSE;
    }
    g_ptr_array_add(domain->memory_devices, g_steal_pointer(&device));
    return TRUE;
}

static gboolean
read_memory_devices(const xmlNode *root, const Backing *backing, VbDomain *domain, GError **error)
{
    const xmlNode *node = vb_xml_child(vb_xml_child(root, "devices"), "memory");
    for (guint seen = 0; node != NULL && seen < MEMORY_DEVICES_MAX; node = vb_xml_next(node), seen++) {
        g_autofree char *alias = vb_xml_attribute(vb_xml_child(node, "alias"), "name");
        if (alias != NULL && is_ram(node) &&
            !add_memory_device(node, alias, backing, domain, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vb_domain_xml_read_cells(const xmlNode *root, guint max_vcpus, VbDomain *domain, GError **error)
{
    Backing backing = read_backing(root);
    domain->locked = vb_xml_child(vb_xml_child(root, "memoryBacking"), "locked") != NULL;
    const xmlNode *node = vb_xml_child(vb_xml_child(vb_xml_child(root, "cpu"), "numa"), "cell");
    for (guint position = 0; node != NULL; node = vb_xml_next(node), position++) {
        g_autoptr(VbDomainCell) cell = g_new0(VbDomainCell, 1);
        if (!read_cell(node, position, cell, error) ||
            !add_cell(root, node, &backing, g_steal_pointer(&cell), domain, error))
            return FALSE;
    }
    if (domain->cells->len > 0) {
        g_ptr_array_sort(domain->cells, compare_cells);
        return read_memory_devices(root, &backing, domain, error);
    }
    g_autoptr(VbDomainCell) whole = g_new0(VbDomainCell, 1);
    for (guint i = 0; i < max_vcpus; i++)
        vb_cpuset_add(&whole->vcpus, i);
    whole->size_bytes = domain->memory_bytes;
    return add_cell(root, NULL, &backing, g_steal_pointer(&whole), domain, error) &&
           read_memory_devices(root, &backing, domain, error);
}
