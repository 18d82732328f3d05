/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/ram_query.h"
#include "libvirt/qmp_passthrough.h"
#include "observe/ram.h"
#include <qmp/qmp.h>
#include <string.h>

#define GIB (G_GUINT64_CONSTANT(1) << 30)
/* What libqmp waits on top of the hypervisor's deadline, so that no call outlives its answer. */
#define SLACK_MS 1000

/*
 * How far a cell's guest address lies above the sum of the cells before it: below the hole of a PC
 * not at all, above it by the hole's size (pc: 3.5 GiB or 3 GiB low; q35: 2 GiB or 2.75 GiB low),
 * and on arm64 "virt" by the 1 GiB where RAM begins. A wrong try costs a question, no more.
 */
static const guint64 shifts[] = {0, GIB / 2, GIB, 2 * GIB, 5 * GIB / 4};

/* The middle of the cell, counted from the start of the first. */
static guint64
middle_of(const VbDomain *live, const VbDomainCell *cell)
{
    guint64 before = 0;
    for (guint i = 0; i < live->cells->len; i++) {
        const VbDomainCell *other = g_ptr_array_index(live->cells, i);
        if (other->id < cell->id)
            before += other->size_bytes;
    }
    return before + cell->size_bytes / 2;
}

/* "/objects/ram-node1" or "ram-node1". */
static gboolean
names_cell(const char *region, const VbDomain *live, const VbDomainCell *cell)
{
    const char *slash = strrchr(region, '/');
    return vb_ram_name_is(slash != NULL ? slash + 1 : region, live, cell);
}

/* Where QEMU has what lies at a guest address. Returns: FALSE without an error if that is not @piece. */
static gboolean
ask_address(QmpTransport *transport, guint timeout_ms, const VbDomain *live,
            const VbDomainCell *piece, guint64 address, guint64 *ret_hva, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(QmpGpa2hva) answer =
        qmp_query_gpa2hva(transport, address, timeout_ms, NULL, &failure);
    if (answer != NULL && names_cell(answer->region, live, piece)) {
        *ret_hva = answer->hva;
        return TRUE;
    }
    if (failure != NULL && !g_error_matches(failure, QMP_ERROR, QMP_ERROR_NOT_MAPPED))
        g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

static gboolean
ask_cell(QmpTransport *transport, guint timeout_ms, const VbDomain *live,
         const VbDomainCell *cell, guint64 *ret_hva, GError **error)
{
    g_autoptr(GError) failure = NULL;
    guint64 middle = middle_of(live, cell);
    for (guint i = 0; failure == NULL && i < G_N_ELEMENTS(shifts); i++)
        if (ask_address(transport, timeout_ms, live, cell, middle + shifts[i], ret_hva, &failure))
            return TRUE;
    if (failure != NULL)
        g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

/* A memory device's guest address QEMU tells. */
static gboolean
ask_device(QmpTransport *transport, guint timeout_ms, const VbDomain *live,
           const VbDomainCell *device, guint64 *ret_hva, GError **error)
{
    g_autoptr(GPtrArray) devices = qmp_query_memory_devices(transport, timeout_ms, NULL, error);
    for (guint i = 0; devices != NULL && i < devices->len; i++) {
        const QmpMemoryDevice *told = g_ptr_array_index(devices, i);
        if (told->memdev != NULL && names_cell(told->memdev, live, device))
            return ask_address(transport, timeout_ms, live, device, (guint64)told->addr, ret_hva,
                               error);
    }
    return FALSE;
}

static gboolean
holds(const GArray *ranges, guint64 address)
{
    for (guint i = 0; i < ranges->len; i++) {
        const VbRange *range = &g_array_index(ranges, VbRange, i);
        if (address >= range->start && address < range->end)
            return TRUE;
    }
    return FALSE;
}

/* The only candidate that holds @address, NULL if there is none or more than one. */
static GArray *
pick(const GPtrArray *candidates, guint64 address)
{
    GArray *found = NULL;
    for (guint i = 0; i < candidates->len; i++) {
        GArray *ranges = g_ptr_array_index(candidates, i);
        if (!holds(ranges, address))
            continue;
        if (found != NULL)
            return NULL;
        found = ranges;
    }
    return found;
}

static void
note_failure(VbCellRam *ram, const char *reason)
{
    char *note = g_strdup_printf("%s; QEMU was asked, but %s", ram->note, reason);
    g_free(ram->note);
    ram->note = note;
}

static void
query_cell(QmpTransport *transport, guint timeout_ms, const VbDomain *live,
           const VbDomainCell *cell, const GPtrArray *maps, VbCellRam *ram)
{
    g_autoptr(GError) error = NULL;
    guint64 address = 0;
    gboolean is_device = g_ptr_array_find(live->memory_devices, cell, NULL);
    if (!(is_device ? ask_device : ask_cell)(transport, timeout_ms, live, cell, &address, &error)) {
        note_failure(ram, error != NULL ? error->message : "no guest address led to it");
        return;
    }
    g_autoptr(GPtrArray) candidates = vb_ram_candidates(maps, cell);
    GArray *ranges = pick(candidates, address);
    if (ranges == NULL) {
        note_failure(ram, "its answer points into no mapping of that size");
        return;
    }
    g_array_unref(ram->ranges);
    ram->ranges = g_array_ref(ranges);
    g_clear_pointer(&ram->note, g_free);
    ram->alike = FALSE;
}

static gboolean
any_alike(const GPtrArray *rams)
{
    for (guint i = 0; i < rams->len; i++)
        if (((const VbCellRam *)g_ptr_array_index(rams, i))->alike)
            return TRUE;
    return FALSE;
}

/* Two cannot be in one place: then none of the answers is believed. */
static void
drop_doubles(GPtrArray *rams)
{
    for (guint i = 0; i < rams->len; i++)
        for (guint j = i + 1; j < rams->len; j++) {
            VbCellRam *a = g_ptr_array_index(rams, i), *b = g_ptr_array_index(rams, j);
            if (a->ranges->len == 0 || b->ranges->len == 0 ||
                !holds(b->ranges, g_array_index(a->ranges, VbRange, 0).start))
                continue;
            g_array_set_size(a->ranges, 0);
            g_free(a->note);
            a->note = g_strdup("QEMU was asked, but put two pieces of RAM in one place");
            g_array_set_size(b->ranges, 0);
            g_free(b->note);
            b->note = g_strdup(a->note);
        }
}

void
vb_ram_query(VbHypervisor *hypervisor, guint deadline_ms, const VbDomain *live,
             const GPtrArray *maps, GPtrArray *rams)
{
    if (!any_alike(rams))
        return;
    g_autoptr(QmpTransport) transport =
        vb_qmp_passthrough_new(hypervisor, live->uuid, deadline_ms);
    guint timeout_ms = MIN(deadline_ms, QMP_TIMEOUT_MAX_MS - SLACK_MS) + SLACK_MS;
    for (guint i = 0; i < rams->len; i++) {
        VbCellRam *ram = g_ptr_array_index(rams, i);
        if (ram->alike)
            query_cell(transport, timeout_ms, live, vb_domain_ram(live, i), maps, ram);
    }
    drop_doubles(rams);
}
