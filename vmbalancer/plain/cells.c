/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain/cells.h"
#include <string.h>
#include <vmbalancer/error.h>

#define MOUNTS "/proc/self/mounts"
#define MOUNTS_MAX (4 * 1024 * 1024)
/* QEMU's MAX_NODES. */
#define CELLS_MAX 128

/* What the command line says of memory. */
typedef struct {
    char *memdev[CELLS_MAX]; /* by cell; NULL: it names none */
    guint n_cells;           /* -numa node, so far */
    char *machine;           /* -machine memory-backend=; NULL: none */
} Links;

static void
links_clear(Links *links)
{
    for (guint i = 0; i < CELLS_MAX; i++)
        g_free(links->memdev[i]);
    g_free(links->machine);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Links, links_clear)

/* QEMU takes its options with one dash or two. */
static gboolean
is_option(const char *argument, const char *name)
{
    if (*argument++ != '-')
        return FALSE;
    return g_str_equal(argument + (*argument == '-'), name);
}

/* The last "key=value" of a list; NULL if there is none. */
static const char *
value_of(char **parts, const char *key)
{
    const char *value = NULL;
    gsize size = strlen(key);
    for (guint i = 0; parts[i] != NULL; i++)
        if (strncmp(parts[i], key, size) == 0 && parts[i][size] == '=')
            value = parts[i] + size + 1;
    return value;
}

static void
take_numa(Links *links, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    if (parts[0] == NULL ||
        (!g_str_equal(parts[0], "node") && g_strcmp0(value_of(parts, "type"), "node") != 0))
        return;
    guint64 id = links->n_cells;
    const char *text = value_of(parts, "nodeid"), *memdev = value_of(parts, "memdev");
    if (text != NULL && !g_ascii_string_to_unsigned(text, 10, 0, CELLS_MAX - 1, &id, NULL))
        return;
    links->n_cells++;
    if (id >= CELLS_MAX || memdev == NULL)
        return;
    g_free(links->memdev[id]);
    links->memdev[id] = g_strdup(memdev);
}

static void
take_machine(Links *links, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    const char *backend = value_of(parts, "memory-backend");
    if (backend == NULL)
        return;
    g_free(links->machine);
    links->machine = g_strdup(backend);
}

static void
read_links(const char *cmdline, gsize length, Links *links)
{
    gboolean numa = FALSE, machine = FALSE;
    const char *end = cmdline + length;
    for (const char *at = cmdline; at < end; at += strnlen(at, (gsize)(end - at)) + 1) {
        g_autofree char *argument = g_strndup(at, (gsize)(end - at));
        if (numa)
            take_numa(links, argument);
        if (machine)
            take_machine(links, argument);
        numa = is_option(argument, "numa");
        machine = is_option(argument, "machine") || is_option(argument, "M");
    }
}

/* --- backing -------------------------------------------------------------------------------- */

/* "rw,relatime,pagesize=2M" */
static guint64
page_size_of(const char *options)
{
    g_auto(GStrv) parts = g_strsplit(options, ",", -1);
    const char *text = value_of(parts, "pagesize");
    char *unit = NULL;
    guint64 size = text != NULL ? g_ascii_strtoull(text, &unit, 10) : 0;
    static const char units[] = "KMG";
    const char *found = unit != NULL && *unit != '\0' ? strchr(units, *unit) : NULL;
    if (found == NULL || size == 0 || size > 1024 * 1024)
        return 0;
    return size << (10 * (guint)(found - units + 1));
}

static gboolean
is_below(const char *path, const char *folder)
{
    gsize size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* The page size of the hugetlbfs that @path lies on, 0 if it lies on none. */
static guint64
huge_page_of(VbKernel *kernel, const char *path)
{
    g_autofree char *text = NULL;
    guint64 size = 0;
    gsize longest = 0;
    if (!kernel->ops->read(kernel, MOUNTS, MOUNTS_MAX, &text, NULL, NULL))
        return 0;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) field = g_strsplit(lines[i], " ", 5);
        if (g_strv_length(field) < 4 || !is_below(path, field[1]) || strlen(field[1]) < longest)
            continue;
        longest = strlen(field[1]);
        size = g_str_equal(field[2], "hugetlbfs") ? page_size_of(field[3]) : 0;
    }
    return size;
}

static VbDomainCell *
cell_new(VbKernel *kernel, guint id, const VbPlainBackend *backend)
{
    VbDomainCell *cell = g_new0(VbDomainCell, 1);
    cell->id = id;
    cell->size_bytes = backend->size_bytes;
    cell->page_size = backend->page_size;
    cell->backing = backend->backing;
    cell->shared = backend->shared;
    cell->backend = g_strdup(backend->id);
    cell->given_bytes = backend->given_bytes;
    guint64 huge = backend->mem_path != NULL ? huge_page_of(kernel, backend->mem_path) : 0;
    if (huge > 0) {
        cell->page_size = huge;
        cell->backing = VB_BACKING_HUGEPAGES;
    }
    return cell;
}

/* --- cells ---------------------------------------------------------------------------------- */

static const VbPlainBackend *
find_backend(const VbPlainAnswer *answer, const char *id)
{
    for (guint i = 0; id != NULL && i < answer->backends->len; i++) {
        const VbPlainBackend *backend = g_ptr_array_index(answer->backends, i);
        if (g_str_equal(backend->id, id))
            return backend;
    }
    return NULL;
}

/* The machine's RAM: what it was given, else its own ("pc.ram"), else the only one there is. */
static const VbPlainBackend *
find_main(const VbPlainAnswer *answer, const Links *links)
{
    if (links->machine != NULL)
        return find_backend(answer, links->machine);
    for (guint i = 0; i < answer->backends->len; i++) {
        const VbPlainBackend *backend = g_ptr_array_index(answer->backends, i);
        if (g_str_has_suffix(backend->id, ".ram"))
            return backend;
    }
    return answer->backends->len == 1 ? g_ptr_array_index(answer->backends, 0) : NULL;
}

/* How many of the vCPUs a cell has; those of no cell where @id is -1. */
static void
add_vcpus(const VbPlainAnswer *answer, gint64 id, VbDomainCell *cell)
{
    for (guint i = 0; i < answer->cpus->len; i++) {
        const QmpCpu *cpu = g_ptr_array_index(answer->cpus, i);
        if ((id < 0 || cpu->node_id == id) && cpu->index < VB_CPUS_MAX)
            vb_cpuset_add(&cell->vcpus, (guint)cpu->index);
    }
}

static gboolean
add_one_cell(VbKernel *kernel, const VbPlainAnswer *answer, const Links *links, GPtrArray *cells,
             GError **error)
{
    const VbPlainBackend *backend = find_main(answer, links);
    if (backend == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "which of QEMU's memory backends is the guest's RAM cannot be told: name it with "
                    "-machine memory-backend=ID");
        return FALSE;
    }
    VbDomainCell *cell = cell_new(kernel, 0, backend);
    add_vcpus(answer, -1, cell);
    g_ptr_array_add(cells, cell);
    return TRUE;
}

gboolean
vb_plain_cells(VbKernel *kernel, const VbPlainAnswer *answer, const char *cmdline, gsize length,
               GPtrArray *cells, GError **error)
{
    g_auto(Links) links = {0};
    read_links(cmdline, length, &links);
    for (guint id = 0; id < CELLS_MAX; id++) {
        const VbPlainBackend *backend = find_backend(answer, links.memdev[id]);
        if (backend == NULL)
            continue;
        VbDomainCell *cell = cell_new(kernel, id, backend);
        add_vcpus(answer, id, cell);
        g_ptr_array_add(cells, cell);
    }
    if (cells->len > 0)
        return TRUE;
    if (links.n_cells <= 1)
        return add_one_cell(kernel, answer, &links, cells, error);
    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "its %u cells share one memory backend: give each -numa node a memdev=",
                links.n_cells);
    return FALSE;
}

static gboolean
has_cell(const VbDomain *domain, int id)
{
    for (guint i = 0; i < domain->cells->len; i++)
        if (((const VbDomainCell *)g_ptr_array_index(domain->cells, i))->id == (guint)id)
            return TRUE;
    return FALSE;
}

gboolean
vb_plain_memory_devices(VbKernel *kernel, const VbPlainAnswer *answer, VbDomain *domain,
                        GError **error)
{
    for (guint i = 0; i < answer->devices->len; i++) {
        const VbPlainBackend *backend = g_ptr_array_index(answer->devices, i);
        if (!has_cell(domain, backend->cell)) {
            g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                        "its memory device %s is of cell %d, which is not there", backend->id,
                        backend->cell);
            return FALSE;
        }
        g_ptr_array_add(domain->memory_devices, cell_new(kernel, (guint)backend->cell, backend));
    }
    return TRUE;
}
