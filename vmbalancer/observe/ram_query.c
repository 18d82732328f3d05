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

/* Where QEMU has the cell. Returns: FALSE without an error if no address leads to it. */
static gboolean
ask_address(QmpTransport *transport, guint timeout_ms, const VbDomain *live,
            const VbDomainCell *cell, guint64 *ret_hva, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(shifts); i++) {
        g_autoptr(GError) failure = NULL;
        g_autoptr(QmpGpa2hva) answer = qmp_query_gpa2hva(
            transport, middle_of(live, cell) + shifts[i], timeout_ms, NULL, &failure);
        if (answer != NULL && names_cell(answer->region, live, cell)) {
            *ret_hva = answer->hva;
            return TRUE;
        }
        if (failure != NULL && !g_error_matches(failure, QMP_ERROR, QMP_ERROR_NOT_MAPPED)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
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
    if (!ask_address(transport, timeout_ms, live, cell, &address, &error)) {
        note_failure(ram, error != NULL ? error->message : "no guest address led to the cell");
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
any_alike(const GPtrArray *cells)
{
    for (guint i = 0; i < cells->len; i++)
        if (((const VbCellRam *)g_ptr_array_index(cells, i))->alike)
            return TRUE;
    return FALSE;
}

/* Two cells cannot be in one place: then none of the answers is believed. */
static void
drop_doubles(GPtrArray *cells)
{
    for (guint i = 0; i < cells->len; i++)
        for (guint j = i + 1; j < cells->len; j++) {
            VbCellRam *a = g_ptr_array_index(cells, i), *b = g_ptr_array_index(cells, j);
            if (a->ranges->len == 0 || b->ranges->len == 0 ||
                !holds(b->ranges, g_array_index(a->ranges, VbRange, 0).start))
                continue;
            g_array_set_size(a->ranges, 0);
            g_free(a->note);
            a->note = g_strdup("QEMU was asked, but put two cells in one place");
            g_array_set_size(b->ranges, 0);
            g_free(b->note);
            b->note = g_strdup(a->note);
        }
}

void
vb_ram_query(VbHypervisor *hypervisor, guint deadline_ms, const VbDomain *live,
             const GPtrArray *maps, GPtrArray *cells)
{
    if (!any_alike(cells))
        return;
    g_autoptr(QmpTransport) transport =
        vb_qmp_passthrough_new(hypervisor, live->uuid, deadline_ms);
    guint timeout_ms = MIN(deadline_ms, QMP_TIMEOUT_MAX_MS - SLACK_MS) + SLACK_MS;
    for (guint i = 0; i < cells->len; i++) {
        VbCellRam *ram = g_ptr_array_index(cells, i);
        if (ram->alike)
            query_cell(transport, timeout_ms, live, g_ptr_array_index(live->cells, i), maps, ram);
    }
    drop_doubles(cells);
}
