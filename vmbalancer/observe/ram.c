/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/ram.h"
#include "observe/maps.h"
#include <string.h>

#define SMALL_PAGE 4096
#define BACKEND_FILE "qemu_back_mem."
#define BACKEND_FILE_RANDOM 7 /* ".XXXXXX" of mkstemp() */
#define CANONICAL "_objects_" /* "/objects/ID" made fit for a file name */
#define DELETED " (deleted)"
#define MEMFD "/memfd:memory-backend-memfd"
#define ANONYMOUS_SHARED "/dev/zero"

/* The kinds of mappings that RAM may have when its name says nothing. */
typedef enum {
    KIND_NONE,
    KIND_ANONYMOUS,
    KIND_ANONYMOUS_SHARED,
    KIND_MEMFD,
} Kind;

void
vb_cell_ram_free(VbCellRam *ram)
{
    if (ram == NULL)
        return;
    g_array_unref(ram->ranges);
    g_free(ram->note);
    g_free(ram);
}

static VbCellRam *
cell_ram_new(void)
{
    VbCellRam *ram = g_new0(VbCellRam, 1);
    ram->ranges = g_array_new(FALSE, FALSE, sizeof(VbRange));
    return ram;
}

/* The path without the kernel's mark of an unlinked file. */
static char *
plain_path(const char *path)
{
    gsize length = strlen(path);
    if (g_str_has_suffix(path, DELETED))
        length -= strlen(DELETED);
    return g_strndup(path, length);
}

char *
vb_ram_backend_name(const char *path)
{
    if (*path != '/' || g_str_has_prefix(path, "/memfd:"))
        return NULL;
    g_autofree char *plain = plain_path(path);
    char *name = strrchr(plain, '/') + 1;
    if (g_str_has_prefix(name, BACKEND_FILE)) {
        gsize length = strlen(name);
        name += strlen(BACKEND_FILE);
        length -= strlen(BACKEND_FILE);
        if (length <= BACKEND_FILE_RANDOM || name[length - BACKEND_FILE_RANDOM] != '.')
            return NULL;
        name[length - BACKEND_FILE_RANDOM] = '\0';
    }
    if (g_str_has_prefix(name, CANONICAL))
        name += strlen(CANONICAL);
    return *name != '\0' ? g_strdup(name) : NULL;
}

gboolean
vb_ram_name_is(const char *name, const VbDomain *live, const VbDomainCell *cell)
{
    if (cell->backend != NULL)
        return g_str_equal(name, cell->backend);
    g_autofree char *of_cell = g_strdup_printf("ram-node%u", cell->id);
    if (g_str_equal(name, of_cell))
        return TRUE;
    /* Without cells the machine names it: "pc.ram", "mach-virt.ram", "ppc_spapr.ram", ... */
    return live->cells->len == 1 && g_str_has_suffix(name, ".ram");
}

static guint64
page_size_of(const VbDomainCell *cell)
{
    gboolean huge = cell->backing == VB_BACKING_HUGEPAGES && cell->page_size > SMALL_PAGE;
    return huge ? cell->page_size : SMALL_PAGE;
}

/* What QEMU maps for the cell: whole pages. Returns: 0 if the size is absurd. */
static guint64
mapped_size(const VbDomainCell *cell)
{
    guint64 page = page_size_of(cell), size;
    if (__builtin_add_overflow(cell->size_bytes, page - 1, &size))
        return 0;
    return size - size % page;
}

static Kind
kind_of_cell(const VbDomainCell *cell)
{
    switch (cell->backing) {
    case VB_BACKING_ANONYMOUS:
        return cell->shared ? KIND_ANONYMOUS_SHARED : KIND_ANONYMOUS;
    case VB_BACKING_MEMFD:
    case VB_BACKING_HUGEPAGES:
        return KIND_MEMFD;
    case VB_BACKING_FILE:
        break;
    }
    return KIND_NONE;
}

static gboolean
is_writable(const VbMapping *mapping)
{
    return strncmp(mapping->perms, "rw-", 3) == 0;
}

static Kind
kind_of_mapping(const VbMapping *mapping)
{
    if (!is_writable(mapping))
        return KIND_NONE;
    if (*mapping->path == '\0')
        return mapping->inode == 0 && mapping->perms[3] == 'p' ? KIND_ANONYMOUS : KIND_NONE;
    g_autofree char *plain = plain_path(mapping->path);
    if (g_str_equal(plain, ANONYMOUS_SHARED) && mapping->perms[3] == 's')
        return KIND_ANONYMOUS_SHARED;
    return g_str_equal(plain, MEMFD) ? KIND_MEMFD : KIND_NONE;
}

/* Does @next continue the same RAM block right where @mapping ends? */
static gboolean
continues(const VbMapping *mapping, const VbMapping *next)
{
    if (mapping->end != next->start || kind_of_mapping(mapping) != kind_of_mapping(next) ||
        !g_str_equal(mapping->perms, next->perms) || mapping->inode != next->inode ||
        mapping->device != next->device || !g_str_equal(mapping->path, next->path))
        return FALSE;
    return mapping->inode == 0 ||
           next->offset - mapping->offset == mapping->end - mapping->start;
}

/* The ranges of maps[first..last]. */
static GArray *
ranges_of(const GPtrArray *maps, guint first, guint last, guint64 page_size)
{
    GArray *ranges = g_array_new(FALSE, FALSE, sizeof(VbRange));
    for (guint i = first; i <= last; i++) {
        const VbMapping *mapping = g_ptr_array_index(maps, i);
        VbRange range = {.start = mapping->start, .end = mapping->end};
        g_array_append_val(ranges, range);
        /* Asking for the heads of huge pages that are none would miss 511 pages of 512. */
        if (range.start % page_size != 0 || range.end % page_size != 0)
            page_size = SMALL_PAGE;
    }
    for (guint i = 0; i < ranges->len; i++)
        g_array_index(ranges, VbRange, i).page_size = page_size;
    return ranges;
}

/* Adds each stretch of maps[first..last], which hang together, that is @size long. */
static void
add_stretches(const GPtrArray *maps, guint first, guint last, guint64 size, guint64 page_size,
              GPtrArray *into)
{
    guint low = first;
    for (guint high = first; high <= last; high++) {
        const VbMapping *end = g_ptr_array_index(maps, high);
        const VbMapping *start = g_ptr_array_index(maps, low);
        while (low < high && end->end - start->start > size)
            start = g_ptr_array_index(maps, ++low);
        if (end->end - start->start == size)
            g_ptr_array_add(into, ranges_of(maps, low, high, page_size));
    }
}

static GPtrArray *
ranges_list_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
}

GPtrArray *
vb_ram_candidates(const GPtrArray *maps, const VbDomainCell *cell)
{
    GPtrArray *found = ranges_list_new();
    Kind kind = kind_of_cell(cell);
    guint64 size = mapped_size(cell);
    for (guint first = 0; kind != KIND_NONE && size > 0 && first < maps->len; first++) {
        if (kind_of_mapping(g_ptr_array_index(maps, first)) != kind)
            continue;
        guint last = first;
        while (last + 1 < maps->len && continues(g_ptr_array_index(maps, last),
                                                 g_ptr_array_index(maps, last + 1)))
            last++;
        add_stretches(maps, first, last, size, page_size_of(cell), found);
        first = last;
    }
    return found;
}

/* All mappings that bear the cell's name, if they are its size and nothing else. */
static GPtrArray *
find_named(const GPtrArray *maps, const VbDomain *live, const VbDomainCell *cell)
{
    GPtrArray *found = ranges_list_new();
    for (guint first = 0; first < maps->len; first++) {
        const VbMapping *start = g_ptr_array_index(maps, first);
        g_autofree char *name = vb_ram_backend_name(start->path);
        if (name == NULL || !vb_ram_name_is(name, live, cell) || !is_writable(start))
            continue;
        guint last = first;
        while (last + 1 < maps->len && continues(g_ptr_array_index(maps, last),
                                                 g_ptr_array_index(maps, last + 1)))
            last++;
        const VbMapping *end = g_ptr_array_index(maps, last);
        if (end->end - start->start == mapped_size(cell))
            g_ptr_array_add(found, ranges_of(maps, first, last, page_size_of(cell)));
        first = last;
    }
    return found;
}

/* The first other cell that size and kind cannot tell from @cell, NULL if there is none. */
static const VbDomainCell *
find_twin(const VbDomain *live, const VbDomainCell *cell)
{
    for (guint i = 0; i < live->cells->len; i++) {
        const VbDomainCell *other = g_ptr_array_index(live->cells, i);
        if (other != cell && kind_of_cell(other) == kind_of_cell(cell) &&
            mapped_size(other) == mapped_size(cell))
            return other;
    }
    return NULL;
}

static char *
explain_twins(const VbDomainCell *cell, const VbDomainCell *twin)
{
    return g_strdup_printf(
        "cells %u and %u look alike (%" G_GUINT64_FORMAT " MiB each, nothing in QEMU's memory map "
        "names them): back them with <source type='file'/> or hugepages, or use --qmp-passthrough "
        "(taints the guest)",
        MIN(cell->id, twin->id), MAX(cell->id, twin->id), cell->size_bytes >> 20);
}

static char *
explain_count(const VbDomainCell *cell, guint n_found)
{
    guint64 mib = cell->size_bytes >> 20;
    if (n_found > 0)
        return g_strdup_printf("%u mappings of QEMU could be the %" G_GUINT64_FORMAT
                               " MiB of cell %u: use --qmp-passthrough (taints the guest)",
                               n_found, mib, cell->id);
    return g_strdup_printf("no mapping of QEMU has the size (%" G_GUINT64_FORMAT
                           " MiB) and kind of cell %u's memory",
                           mib, cell->id);
}

static VbCellRam *
find_cell(const GPtrArray *maps, const VbDomain *live, const VbDomainCell *cell)
{
    g_autoptr(VbCellRam) ram = cell_ram_new();
    g_autoptr(GPtrArray) named = find_named(maps, live, cell);
    g_autoptr(GPtrArray) found =
        named->len > 0 ? g_ptr_array_ref(named) : vb_ram_candidates(maps, cell);
    const VbDomainCell *twin = named->len > 0 ? NULL : find_twin(live, cell);
    if (found->len == 1 && twin == NULL) {
        g_array_unref(ram->ranges);
        ram->ranges = g_array_ref(g_ptr_array_index(found, 0));
    } else if (found->len > 0 && twin != NULL) {
        ram->note = explain_twins(cell, twin);
        ram->alike = TRUE;
    } else {
        ram->note = explain_count(cell, found->len);
        ram->alike = found->len > 0;
    }
    return g_steal_pointer(&ram);
}

GPtrArray *
vb_ram_find(const GPtrArray *maps, const VbDomain *live)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)vb_cell_ram_free);
    for (guint i = 0; i < live->cells->len; i++)
        g_ptr_array_add(all, find_cell(maps, live, g_ptr_array_index(live->cells, i)));
    return all;
}
