/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/residency.h"
#include "observe/census.h"
#include "observe/numa_maps.h"
#include "observe/ram.h"
#include "observe/resolve.h"
#include "observe/inquiry.h"
#include <string.h>
#include <vmbalancer/error.h>

/* The memory map rarely changes twice while it is read; a guest that starts may do it. */
#define EXACT_TRIES 3
/* Asked one by one up to 4 GiB of small pages: some half a second. */
#define EXACT_PAGES (1u << 20)
/* Nobody acts on it: within 1.6 points is close enough, and a third of the cost. */
#define SHARED_PAGES 4096
#define NOTE_SKIPPED "its pages were not asked for"
#define NOTE_VFIO                                                                                  \
    "VFIO pins all of the guest's memory for its passed-through devices; detach them to move it"

static void
add_note(VbCell *cell, const char *note)
{
    char *both = cell->note != NULL ? g_strdup_printf("%s; %s", cell->note, note) : g_strdup(note);
    g_free(cell->note);
    cell->note = both;
}

static void
note_cells(GPtrArray *cells, const char *note)
{
    for (guint i = 0; i < cells->len; i++)
        add_note(g_ptr_array_index(cells, i), note);
}

static void
add_cells(const VbDomain *live, GPtrArray *cells)
{
    for (guint i = 0; i < live->cells->len; i++) {
        const VbDomainCell *configured = g_ptr_array_index(live->cells, i);
        VbCell *cell = vb_cell_new();
        cell->id = configured->id;
        cell->size_bytes = vb_domain_cell_bytes(live, configured);
        cell->page_size = configured->page_size;
        cell->movable = live->n_hostdevs == 0;
        if (!cell->movable)
            add_note(cell, NOTE_VFIO);
        g_ptr_array_add(cells, cell);
    }
}

void
vb_residency_unknown(const VbDomain *live, const char *why, GPtrArray *cells)
{
    add_cells(live, cells);
    note_cells(cells, why);
}

static gboolean
is_gone(const GError *error)
{
    return g_error_matches(error, VB_ERROR, VB_ERROR_CHANGED) ||
           g_error_matches(error, VB_ERROR, VB_ERROR_NO_GUEST);
}

/* A number for each look, so that no page is always or never asked for; the mover mixes it. */
static guint64
seed_of(const VbObserver *observer, const VbProcess *process, guint cell)
{
    return (guint64)observer->kernel->ops->now_ns(observer->kernel) ^ (guint64)process->pid << 32 ^
           cell;
}

/* Whom the inquiry asks. */
typedef struct {
    VbMover *mover;
    const VbProcess *process;
} Asked;

static gboolean
ask_mover(const VbRange *ranges, guint n_ranges, guint max_pages, guint64 seed, VbSample *ret,
          gpointer user_data, GError **error)
{
    const Asked *asked = user_data;
    return vb_mover_sample(asked->mover, asked->process, ranges, n_ranges, max_pages, seed, ret,
                           error);
}

/*
 * What QEMU has not mapped of shared RAM may be there all the same. Where that cannot be told it is not known:
 * what QEMU has mapped is known for that no less. Returns: FALSE if the process is gone.
 */
static gboolean
ask_unmapped(const VbObserver *observer, const VbProcess *process, const VbCellRam *ram,
             const VbRecall *recall, VbGuestSight *sight, guint index, GError **error)
{
    g_autoptr(GError) failure = NULL;
    VbCell *cell = g_ptr_array_index(sight->facts->cells, index);
    gboolean exact = observer->ram == VB_RAM_EXACT;
    if (observer->mover == NULL || ram->shared->len > VB_RANGES_MAX ||
        !vb_shared_is_worth_asking(ram->shared, cell) ||
        (!exact && vb_recall_unmapped(recall, sight, index)))
        return TRUE;
    if (sight->unmapped_ns == 0)
        sight->unmapped_ns = recall->now_ns;
    if (vb_shared_ask(observer->mover, process, ram->shared, exact ? EXACT_PAGES : SHARED_PAGES,
                      seed_of(observer, process, cell->id), cell, &failure))
        return TRUE;
    if (is_gone(failure)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    g_debug("cell %u: what others have touched of it is not known: %s", cell->id, failure->message);
    return TRUE;
}

static gboolean
sample_cell(const VbObserver *observer, const VbProcess *process, const GArray *ranges,
            VbInquiry *question, VbCell *cell, GError **error)
{
    VbSample sample = {0};
    VbSureness sureness;
    Asked asked = {observer->mover, process};
    const VbRange *first = &g_array_index(ranges, VbRange, 0);
    question->most = observer->sample_pages;
    question->seed = seed_of(observer, process, cell->id);
    if (ranges->len > VB_RANGES_MAX) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "its memory is in %u pieces, more than the %d that can be asked for at once",
                    ranges->len, VB_RANGES_MAX);
        return FALSE;
    }
    if (!vb_inquiry_run(question, first, ranges->len, ask_mover, &asked, &sample, &sureness,
                        error))
        return FALSE;
    if (vb_sampling_fill(&sample, first->page_size, question->n_nodes, sureness, cell))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "the mover's sample of it does not add up");
    return FALSE;
}

static guint
count_cpus(const VbTopology *topology)
{
    guint count = 0;
    int id;
    VB_NODESET_FOREACH(id, topology->nodes)
    count += topology->node[id].n_cpus;
    return count;
}

/* All of its hugepages where it is made of them, else a sample. */
static gboolean
count_cell(const VbObserver *observer, const VbProcess *process, const GArray *ranges,
           const VbCensus *census, const VbGuestSight *sight, VbInquiry *question, VbCell *cell,
           GError **error)
{
    if (census->blocks == NULL)
        return sample_cell(observer, process, ranges, question, cell, error);
    return sample_cell(observer, process, census->blocks, question, cell, error) &&
           (vb_census_settle(census, sight, cell) ||
            sample_cell(observer, process, ranges, question, cell, error));
}

static gboolean
read_sampled(const VbObserver *observer, const VbProcess *process, const VbDomain *live,
             const VbRecall *recall, VbGuestSight *sight, GError **error)
{
    g_autoptr(GPtrArray) rams = vb_ram_resolve(observer, process, live, error);
    if (rams == NULL)
        return FALSE;
    for (guint i = 0; i < rams->len; i++) {
        const VbCellRam *ram = g_ptr_array_index(rams, i);
        VbCell *cell = g_ptr_array_index(sight->facts->cells, i);
        if (ram->note != NULL) {
            add_note(cell, ram->note);
            continue;
        }
        g_autoptr(GError) failure = NULL;
        VbInquiry question = vb_recall_question(recall->topology, sight, i);
        /* Who does not look in passing was asked by somebody, who may act. */
        question.may_act |= observer->before == NULL;
        g_auto(VbCensus) census =
            vb_census_plan(live, ram->ranges, sight, count_cpus(recall->topology));
        if (count_cell(observer, process, ram->ranges, &census, sight, &question, cell, &failure)) {
            if (!ask_unmapped(observer, process, ram, recall, sight, i, error))
                return FALSE;
            continue;
        }
        if (is_gone(failure)) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return FALSE;
        }
        add_note(cell, failure->message);
    }
    return TRUE;
}

/* Sums a cell's mappings; FALSE if the two files do not show the same ones. */
static gboolean
sum_cell(const GPtrArray *numa_maps, const GArray *ranges, VbCell *cell)
{
    guint64 by_node[VB_NODES_MAX] = {0}, size = 0, present = 0;
    for (guint i = 0; i < ranges->len; i++) {
        const VbRange *range = &g_array_index(ranges, VbRange, i);
        size += range->end - range->start;
        if (!vb_numa_maps_sum(numa_maps, range->start, range->end, by_node))
            return FALSE;
    }
    for (guint i = 0; i < VB_NODES_MAX; i++)
        if (__builtin_add_overflow(present, by_node[i], &present))
            return FALSE;
    if (present > size)
        return FALSE;
    memcpy(cell->by_node, by_node, sizeof by_node);
    cell->present_bytes = present;
    cell->error_bp = 0;
    cell->residency_known = TRUE;
    return TRUE;
}

static gboolean
same_ranges(const GPtrArray *before, const GPtrArray *after)
{
    for (guint i = 0; i < before->len; i++) {
        const GArray *a = ((const VbCellRam *)g_ptr_array_index(before, i))->ranges;
        const GArray *b = ((const VbCellRam *)g_ptr_array_index(after, i))->ranges;
        if (a->len != b->len ||
            (a->len > 0 && memcmp(a->data, b->data, a->len * sizeof(VbRange)) != 0))
            return FALSE;
    }
    return TRUE;
}

static gboolean
sum_cells(const GPtrArray *rams, const GPtrArray *numa_maps, GPtrArray *cells)
{
    for (guint i = 0; i < rams->len; i++) {
        const VbCellRam *ram = g_ptr_array_index(rams, i);
        if (ram->note == NULL && !sum_cell(numa_maps, ram->ranges, g_ptr_array_index(cells, i)))
            return FALSE;
    }
    for (guint i = 0; i < rams->len; i++) {
        const VbCellRam *ram = g_ptr_array_index(rams, i);
        if (ram->note != NULL)
            add_note(g_ptr_array_index(cells, i), ram->note);
    }
    return TRUE;
}

static GPtrArray *
read_numa_maps(const VbObserver *observer, const VbProcess *process, GError **error)
{
    gsize length = 0;
    g_autofree char *text =
        vb_memory_file_read(observer, process, VB_MOVER_NUMA_MAPS, &length, error);
    return text != NULL ? vb_numa_maps_parse(text, length, error) : NULL;
}

static gboolean
ask_all_unmapped(const VbObserver *observer, const VbProcess *process, const GPtrArray *rams,
                 const VbRecall *recall, VbGuestSight *sight, GError **error)
{
    for (guint i = 0; i < rams->len; i++) {
        const VbCellRam *ram = g_ptr_array_index(rams, i);
        if (ram->note == NULL &&
            !ask_unmapped(observer, process, ram, recall, sight, i, error))
            return FALSE;
    }
    return TRUE;
}

/*
 * numa_maps tells only where a mapping starts, so its lines mean something only together with a
 * memory map of the same moment: one before and one after that agree.
 */
static gboolean
read_exact(const VbObserver *observer, const VbProcess *process, const VbDomain *live,
           const VbRecall *recall, VbGuestSight *sight, GError **error)
{
    g_autoptr(GPtrArray) before = vb_ram_resolve(observer, process, live, error);
    for (guint try = 0; before != NULL && try < EXACT_TRIES; try++) {
        g_autoptr(GPtrArray) numa_maps = read_numa_maps(observer, process, error);
        if (numa_maps == NULL)
            return FALSE;
        GPtrArray *after = vb_ram_resolve(observer, process, live, error);
        if (after == NULL)
            return FALSE;
        gboolean agrees = same_ranges(before, after);
        g_ptr_array_unref(before);
        before = after;
        if (agrees && sum_cells(before, numa_maps, sight->facts->cells))
            return ask_all_unmapped(observer, process, before, recall, sight, error);
    }
    if (before != NULL)
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "the memory map changed each time that it was read; look again");
    return FALSE;
}

/* The cgroup was read before the pages: what changes in between shows as a change later. */
static void
note_asked(const VbRecall *recall, VbGuestSight *sight)
{
    sight->asked_ns = recall->now_ns;
    sight->asked_held_known = sight->held_known;
    memcpy(sight->asked_held_bytes, sight->held_bytes, sizeof sight->asked_held_bytes);
}

static gboolean
read_pages(const VbObserver *observer, const VbProcess *process, const VbDomain *live,
           const VbRecall *recall, VbGuestSight *sight, GError **error)
{
    note_asked(recall, sight);
    if (observer->ram == VB_RAM_EXACT)
        return read_exact(observer, process, live, recall, sight, error);
    if (observer->mover == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE,
                    "no mover that could ask for pages; look at RAM exactly");
        return FALSE;
    }
    return vb_recall_pages(recall, sight) ||
           read_sampled(observer, process, live, recall, sight, error);
}

/* What is half known is not known: a cell has a residency or a note, not both halves. */
static void
forget_pages(GPtrArray *cells)
{
    for (guint i = 0; i < cells->len; i++) {
        VbCell *cell = g_ptr_array_index(cells, i);
        cell->residency_known = FALSE;
        cell->present_bytes = 0;
        cell->unmapped_known = FALSE;
        memset(cell->by_node, 0, sizeof cell->by_node);
    }
}

gboolean
vb_residency_read(const VbObserver *observer, const VbProcess *process, const VbDomain *live,
                  const VbRecall *recall, VbGuestSight *sight)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *cells = sight->facts->cells;
    add_cells(live, cells);
    if (observer->ram == VB_RAM_SKIP) {
        note_cells(cells, NOTE_SKIPPED);
        return TRUE;
    }
    if (!read_pages(observer, process, live, recall, sight, &error)) {
        if (is_gone(error))
            return FALSE;
        forget_pages(cells);
        note_cells(cells, error->message);
        sight->asked_ns = 0;
    }
    for (guint i = 0; i < cells->len; i++) {
        VbCell *cell = g_ptr_array_index(cells, i);
        if (cell->residency_known && !cell->movable)
            cell->unmovable_bytes = cell->present_bytes;
    }
    return TRUE;
}
