/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/domain_xml.h"
#include <vmbalancer/error.h>

#define PAGE_BYTES 4096
/* What <hugepages/> without a size means on x86, unless the kernel was started otherwise. */
#define HUGE_PAGE_DEFAULT_BYTES (2 * 1024 * 1024)
/* QEMU's MAX_NODES; also bounds the <page> elements, as each is looked at for each cell. */
#define CELLS_MAX 128

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
    g_autofree char *unit = vb_xml_attribute(page, "unit");
    guint64 bytes;
    if (!vb_xml_size("<page size>", text != NULL ? text : "", unit, &bytes, error))
        return FALSE;
    if (bytes < PAGE_BYTES || (bytes & (bytes - 1)) != 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "<page size> is %" G_GUINT64_FORMAT " bytes: expected a power of two from %d",
                    bytes, PAGE_BYTES);
        return FALSE;
    }
    cell->page_size = bytes;
    return TRUE;
}

/* @node: (nullable): <cell>. The rules are those by which libvirt chooses QEMU's memory backend. */
static gboolean
read_cell_backing(const xmlNode *node, const Backing *backing, VbDomainCell *cell, GError **error)
{
    if (!read_page_size(backing, cell, error))
        return FALSE;
    g_autofree char *access = vb_xml_attribute(node, "memAccess");
    cell->shared = access != NULL ? g_str_equal(access, "shared") : backing->shared;
    if (cell->page_size > PAGE_BYTES)
        cell->backing = VB_BACKING_HUGEPAGES;
    else if (backing->memfd)
        cell->backing = VB_BACKING_MEMFD;
    else if (backing->file || backing->access_named || access != NULL)
        cell->backing = VB_BACKING_FILE;
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
        return TRUE;
    }
    g_autoptr(VbDomainCell) whole = g_new0(VbDomainCell, 1);
    for (guint i = 0; i < max_vcpus; i++)
        vb_cpuset_add(&whole->vcpus, i);
    whole->size_bytes = domain->memory_bytes;
    return add_cell(root, NULL, &backing, g_steal_pointer(&whole), domain, error);
}
