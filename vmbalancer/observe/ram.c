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
    g_clear_pointer(&ram->shared, g_array_unref);
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

/* The others that size and kind cannot tell from a piece of RAM. */
typedef struct {
    const VbDomainCell *stranger; /* the first of another cell; NULL: all are of one cell */
    guint n_kin;                  /* how many of its own cell, itself included */
    guint rank;                   /* which of those it is, from 0 */
} Twins;

static Twins
find_twins(const VbDomain *live, const VbDomainCell *piece)
{
    Twins twins = {0};
    for (guint i = 0; i < vb_domain_n_ram(live); i++) {
        const VbDomainCell *other = vb_domain_ram(live, i);
        if (kind_of_cell(other) != kind_of_cell(piece) || mapped_size(other) != mapped_size(piece))
            continue;
        if (other == piece)
            twins.rank = twins.n_kin;
        if (other->id == piece->id)
            twins.n_kin++;
        else if (twins.stranger == NULL)
            twins.stranger = other;
    }
    return twins;
}

/* "cell 0", or "memory device memdimm0 of cell 0". */
static char *
title_of(const VbDomain *live, const VbDomainCell *piece)
{
    return g_ptr_array_find(live->memory_devices, piece, NULL)
               ? g_strdup_printf("memory device %s of cell %u", piece->backend, piece->id)
               : g_strdup_printf("cell %u", piece->id);
}

static char *
explain_twins(const VbDomain *live, const VbDomainCell *piece, const VbDomainCell *twin)
{
    g_autofree char *one = title_of(live, piece->id <= twin->id ? piece : twin);
    g_autofree char *other = title_of(live, piece->id <= twin->id ? twin : piece);
    g_autofree char *both = g_str_has_prefix(one, "cell") && g_str_has_prefix(other, "cell")
                                ? g_strdup_printf("cells %s and %s", one + 5, other + 5)
                                : g_strdup_printf("%s and %s", one, other);
    return g_strdup_printf(
        "%s look alike (%" G_GUINT64_FORMAT " MiB each, nothing in QEMU's memory map "
        "names them): back them with <source type='file'/> or hugepages, or use --qmp-passthrough "
        "(taints the guest)",
        both, piece->size_bytes >> 20);
}

static char *
explain_count(const VbDomain *live, const VbDomainCell *piece, guint n_found)
{
    guint64 mib = piece->size_bytes >> 20;
    g_autofree char *title = title_of(live, piece);
    if (n_found > 0)
        return g_strdup_printf("%u mappings of QEMU could be the %" G_GUINT64_FORMAT
                               " MiB of %s: use --qmp-passthrough (taints the guest)",
                               n_found, mib, title);
    return g_strdup_printf("no mapping of QEMU has the size (%" G_GUINT64_FORMAT
                           " MiB) and kind of %s's memory",
                           mib, title);
}

static VbCellRam *
find_piece(const GPtrArray *maps, const VbDomain *live, const VbDomainCell *piece)
{
    g_autoptr(VbCellRam) ram = cell_ram_new();
    g_autoptr(GPtrArray) named = find_named(maps, live, piece);
    Twins twins = {.n_kin = 1};
    if (named->len == 0)
        twins = find_twins(live, piece);
    g_autoptr(GPtrArray) found =
        named->len > 0 ? g_ptr_array_ref(named) : vb_ram_candidates(maps, piece);
    if (found->len == twins.n_kin && twins.stranger == NULL) {
        g_array_unref(ram->ranges);
        ram->ranges = g_array_ref(g_ptr_array_index(found, twins.rank));
    } else if (found->len > 0 && twins.stranger != NULL) {
        ram->note = explain_twins(live, piece, twins.stranger);
        ram->alike = TRUE;
    } else {
        ram->note = explain_count(live, piece, found->len);
        ram->alike = found->len > 0;
    }
    return g_steal_pointer(&ram);
}

GPtrArray *
vb_ram_find(const GPtrArray *maps, const VbDomain *live)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)vb_cell_ram_free);
    for (guint i = 0; i < vb_domain_n_ram(live); i++)
        g_ptr_array_add(all, find_piece(maps, live, vb_domain_ram(live, i)));
    return all;
}

/* --- cells with memory devices ---------------------------------------------------------------- */

static gint
compare_ranges(gconstpointer a, gconstpointer b)
{
    const VbRange *left = a, *right = b;
    return left->start < right->start ? -1 : left->start > right->start;
}

static guint64
pages_of(const GArray *ranges)
{
    return g_array_index(ranges, VbRange, 0).page_size;
}

static void
add_device(VbCellRam *cell, const VbCellRam *device, const VbDomainCell *piece)
{
    if (cell->note != NULL)
        return;
    if (device->note != NULL) {
        cell->note = g_strdup(device->note);
        cell->alike = device->alike;
    } else if (pages_of(cell->ranges) != pages_of(device->ranges)) {
        cell->note = g_strdup_printf("memory device %s has pages of %" G_GUINT64_FORMAT
                                     " KiB where cell %u has %" G_GUINT64_FORMAT
                                     " KiB: give both the same",
                                     piece->backend, pages_of(device->ranges) >> 10, piece->id,
                                     pages_of(cell->ranges) >> 10);
    } else {
        /* What was found may be shared with the list of candidates: it is not added to in place. */
        GArray *all = g_array_copy(cell->ranges);
        g_array_append_vals(all, device->ranges->data, device->ranges->len);
        g_array_sort(all, compare_ranges);
        g_array_unref(cell->ranges);
        cell->ranges = all;
    }
}

void
vb_ram_join(const VbDomain *live, GPtrArray *rams)
{
    guint n_cells = live->cells->len;
    for (guint i = n_cells; i < rams->len; i++) {
        const VbDomainCell *piece = vb_domain_ram(live, i);
        for (guint c = 0; c < n_cells; c++)
            if (vb_domain_ram(live, c)->id == piece->id)
                add_device(g_ptr_array_index(rams, c), g_ptr_array_index(rams, i), piece);
    }
    for (guint c = 0; c < n_cells; c++) {
        VbCellRam *ram = g_ptr_array_index(rams, c);
        if (ram->note != NULL)
            g_array_set_size(ram->ranges, 0);
    }
    g_ptr_array_set_size(rams, (gint)n_cells);
}
