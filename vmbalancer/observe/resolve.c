/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/resolve.h"
#include "observe/maps.h"
#include "observe/ram.h"
#include "observe/ram_query.h"
#include <vmbalancer/error.h>

/* 65,530 mappings (vm.max_map_count) of some 100 bytes, with room for a larger limit. */
#define MEMORY_FILE_MAX (64 * 1024 * 1024)

static const char *const file_names[] = {
    [VB_MOVER_MAPS] = "maps",
    [VB_MOVER_NUMA_MAPS] = "numa_maps",
    [VB_MOVER_SMAPS] = "smaps",
};

char *
vb_memory_file_read(const VbObserver *observer, const VbProcess *process, VbMoverFile file,
                    gsize *ret_length, GError **error)
{
    if (observer->mover != NULL)
        return vb_mover_read(observer->mover, process, file, ret_length, error);
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", process->pid, file_names[file]);
    g_autofree char *text = NULL;
    if (!observer->kernel->ops->read(observer->kernel, path, MEMORY_FILE_MAX, &text, ret_length,
                                     error))
        return NULL;
    /* The identity holds for the text only if it still holds after it was read. */
    if (!vb_process_alive(observer->kernel, process)) {
        g_set_error(error, VB_ERROR, VB_ERROR_CHANGED,
                    "process %d is no longer the guest that was meant", process->pid);
        return NULL;
    }
    return g_steal_pointer(&text);
}

GPtrArray *
vb_ram_resolve(const VbObserver *observer, const VbProcess *process, const VbDomain *live,
               GError **error)
{
    gsize length = 0;
    g_autofree char *text =
        vb_memory_file_read(observer, process, VB_MOVER_MAPS, &length, error);
    if (text == NULL)
        return NULL;
    g_autoptr(GPtrArray) maps = vb_maps_parse(text, length, error);
    if (maps == NULL)
        return NULL;
    GPtrArray *rams = vb_ram_find(maps, live);
    if ((observer->passthrough || live->own_monitor) && observer->hypervisor != NULL)
        vb_ram_query(observer->hypervisor, observer->deadline_ms, live, maps, rams);
    vb_ram_join(live, rams);
    for (guint i = 0; i < rams->len; i++) {
        VbCellRam *ram = g_ptr_array_index(rams, i);
        ram->shared = vb_shared_find(maps, ram->ranges);
    }
    return rams;
}

/* The notes of all cells whose RAM is not known, NULL if there is none. */
static char *
collect_notes(const GPtrArray *cells)
{
    GString *notes = g_string_new(NULL);
    for (guint i = 0; i < cells->len; i++) {
        const VbCellRam *ram = g_ptr_array_index(cells, i);
        if (ram->note == NULL || g_strstr_len(notes->str, -1, ram->note) != NULL)
            continue;
        g_string_append_printf(notes, "%s%s", notes->len > 0 ? "; " : "", ram->note);
    }
    return g_string_free(notes, notes->len == 0);
}

GPtrArray *
vb_observe_ram(const VbObserver *observer, const VbProcess *process, const VbDomain *live,
               GError **error)
{
    g_autoptr(GPtrArray) cells = vb_ram_resolve(observer, process, live, error);
    if (cells == NULL)
        return NULL;
    g_autofree char *notes = collect_notes(cells);
    if (notes != NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED, "guest %s: %s", live->name, notes);
        return NULL;
    }
    g_autoptr(GPtrArray) mappings = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < cells->len; i++) {
        const VbCellRam *ram = g_ptr_array_index(cells, i);
        const VbDomainCell *cell = g_ptr_array_index(live->cells, i);
        for (guint j = 0; j < ram->ranges->len; j++) {
            VbRamMapping *mapping = g_new0(VbRamMapping, 1);
            mapping->cell = cell->id;
            mapping->range = g_array_index(ram->ranges, VbRange, j);
            g_ptr_array_add(mappings, mapping);
        }
    }
    return g_steal_pointer(&mappings);
}
