/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/move.h"
#include "mover/batch.h"
#include "mover/outlook.h"
#include "mover/pace.h"
#include "mover/pages.h"
#include "mover/pressure.h"
#include "mover/steal.h"
#include <errno.h>
#include <numaif.h>
#include <vmbalancer/error.h>

#define MILLISECOND_NS G_GINT64_CONSTANT(1000000)
#define PASSES 3
/* Pages busy with I/O are free again after some milliseconds. */
#define PASS_PAUSE_NS (50 * MILLISECOND_NS)
#define POLL_NS (100 * MILLISECOND_NS)
#define PROGRESS_NS (250 * MILLISECOND_NS)
/* Nine tenths of the time while the host is short of memory, three quarters while the guest is short of CPUs, of which a
 * move takes one: it comes to its end even so. */
#define REST_MEMORY 9
#define REST_CPUS 3

/* A window with pages that did not go yet. */
typedef struct {
    const VbRange *range;
    guint64 start;
    guint64 bytes;        /* tried in vain */
    guint64 shared_bytes; /* that do not go because others map them */
    VbPageSet *pages;     /* all of these */
} Leftover;

static void
leftover_clear(gpointer data)
{
    g_free(((Leftover *)data)->pages);
}

static GArray *
leftovers_new(void)
{
    GArray *leftovers = g_array_new(FALSE, FALSE, sizeof(Leftover));
    g_array_set_clear_func(leftovers, leftover_clear);
    return leftovers;
}

typedef struct {
    const VbMoveTask *task;
    VbKernel *kernel;
    int pid;
    VbWindow window;
    VbBatch batch;
    VbPace pace;
    VbPressure pressure;
    VbSteal steal;
    VbOutlook outlook;
    gboolean probe;         /* runs have turned out to be hugepages */
    gboolean inside;        /* the window is being worked on */
    GArray *leftovers;      /* (element-type Leftover): of this pass */
    guint64 leftover_bytes; /* of these and of those of the last pass not visited again yet */
    VbMoveReport report;
    gint64 begun_ns;
    gint64 shown_ns;
    int code;               /* -errno that became an error, or 0 */
} Engine;

static void
engine_free(Engine *engine)
{
    g_array_unref(engine->leftovers);
    g_free(engine);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Engine, engine_free)

static gint64
now(const Engine *engine)
{
    return engine->kernel->ops->now_ns(engine->kernel);
}

/* Ends the move. Returns: FALSE, for the caller to pass on. */
static gboolean
end(Engine *engine, VbMoveEnd why)
{
    engine->report.end = why;
    return FALSE;
}

/* Ends the move for what a call answered. */
static gboolean
end_by_code(Engine *engine, int code)
{
    switch (code) {
    case -ESRCH:
    case -EINVAL: /* the process is on its way out and has no memory any more */
        return end(engine, VB_MOVE_GONE);
    case -EPERM:
    case -EACCES:
        return end(engine, VB_MOVE_DENIED);
    case -ENOMEM:
        return end(engine, vb_pages_may_use(engine->kernel, engine->task->target)
                               ? VB_MOVE_NO_SPACE
                               : VB_MOVE_DENIED);
    default:
        engine->code = code;
        return FALSE;
    }
}

/* Is there still somebody who wants it, and something to work on? */
static gboolean
may_go_on(Engine *engine)
{
    const VbMoveTask *task = engine->task;
    if (task->stop != NULL && task->stop(task->user_data))
        return end(engine, VB_MOVE_CANCELLED);
    switch (vb_identity_look(task->identity)) {
    case VB_IDENTITY_GONE:
        return end(engine, VB_MOVE_GONE);
    case VB_IDENTITY_STOPPED:
        return end(engine, VB_MOVE_STOPPED);
    default:
        return TRUE;
    }
}

static gboolean
nap(Engine *engine, gint64 duration_ns)
{
    for (gint64 left = duration_ns; left > 0; left -= POLL_NS) {
        engine->kernel->ops->sleep_ns(engine->kernel, MIN(left, POLL_NS));
        if (!may_go_on(engine))
            return FALSE;
    }
    return TRUE;
}

/* Brings the report up to date. */
static void
tally(Engine *engine)
{
    VbMoveReport *report = &engine->report;
    report->duration_ns = now(engine) - engine->begun_ns;
    report->bytes_left = engine->outlook.ahead_bytes + engine->leftover_bytes;
    if (engine->inside)
        report->bytes_left += vb_window_off_bytes(&engine->window, FALSE);
}

static void
show(Engine *engine)
{
    const VbMoveTask *task = engine->task;
    gint64 time_ns = now(engine);
    if (task->progress == NULL || time_ns - engine->shown_ns < PROGRESS_NS)
        return;
    engine->shown_ns = time_ns;
    tally(engine);
    task->progress(&engine->report, task->user_data);
}

/* Who wants a move as fast as it goes lets the guest wait, but not the host. */
static void
rest(Engine *engine, gint64 before_ns, gint64 after_ns)
{
    gboolean steal = !vb_pace_is_unpaced(&engine->pace) &&
                     vb_steal_is_high(&engine->steal, engine->kernel, engine->pid, after_ns);
    gboolean pressure = vb_pressure_is_high(&engine->pressure, engine->kernel, after_ns);
    if (!pressure && !steal)
        return;
    vb_pace_rest(&engine->pace, pressure ? REST_MEMORY : REST_CPUS, before_ns, after_ns);
    gint64 *rested_ns = pressure ? &engine->report.rested.memory_ns : &engine->report.rested.cpus_ns;
    *rested_ns += vb_pace_rest_ns(&engine->pace, after_ns);
}

/* Submits the batch and finds out what became of it. */
static gboolean
run_batch(Engine *engine)
{
    VbKernel *kernel = engine->kernel;
    VbBatch *batch = &engine->batch;
    VbWindow *window = &engine->window;
    VbMoveReport *report = &engine->report;
    gint64 before_ns = now(engine);
    long result = kernel->ops->move_pages(
        kernel, engine->pid, batch->count, batch->page, batch->to, batch->status,
        engine->task->budget.shared ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE);
    gint64 after_ns = now(engine);
    report->batches++;
    report->longest_batch_ns = MAX(report->longest_batch_ns, after_ns - before_ns);

    guint64 told = vb_batch_take(batch, window, result), moved = 0;
    int code = told > 0 && batch->probes == 0
                   ? 0
                   : vb_window_requery(window, kernel, engine->pid, batch->first,
                                       batch->end - batch->first, &moved);
    moved += told;
    /* A PID used again would have answered for somebody else. */
    if (vb_identity_look(engine->task->identity) == VB_IDENTITY_GONE)
        return end(engine, VB_MOVE_GONE);
    if (code < 0)
        return end_by_code(engine, code);
    report->bytes_moved += moved;
    vb_pace_note(&engine->pace, window->page_size, batch->bytes, moved, before_ns, after_ns);
    rest(engine, before_ns, after_ns);
    vb_batch_settle(batch, window, result);
    if (batch->probes > 0) {
        guint went = 0, whole = 0;
        vb_batch_count_probes(batch, window, &went, &whole);
        engine->probe = went > 0 ? whole * 2 >= went : engine->probe;
    }
    /* Kernels before 2.6.30 said ENOENT where there was nothing to do. */
    return result >= 0 || result == -ENOENT || end_by_code(engine, (int)result);
}

/* The most that the next batch may move. */
static guint64
allowance(const Engine *engine)
{
    guint64 bytes = vb_pace_batch_bytes(&engine->pace, engine->window.page_size);
    guint64 limit = engine->task->budget.limit_bytes, moved = engine->report.bytes_moved;
    return limit == 0 ? bytes : MIN(bytes, limit > moved ? limit - moved : 0);
}

static gboolean
work_window(Engine *engine)
{
    for (;;) {
        guint64 most = allowance(engine);
        if (!vb_batch_fill(&engine->batch, &engine->window, MAX(most, engine->window.page_size),
                           engine->probe))
            return TRUE;
        if (most < engine->window.page_size)
            return end(engine, VB_MOVE_LIMIT);
        if (!nap(engine, vb_pace_wait_ns(&engine->pace, now(engine))) || !may_go_on(engine) ||
            !run_batch(engine))
            return FALSE;
        show(engine);
    }
}

static void
give_up(VbMoveReport *report, guint64 bytes, guint64 shared_bytes)
{
    report->bytes_unmovable += bytes + shared_bytes;
    report->bytes_shared += shared_bytes;
}

static void
leave_window(Engine *engine, const VbRange *range, guint64 start)
{
    guint64 bytes = vb_window_off_bytes(&engine->window, FALSE);
    guint64 shared_bytes = vb_window_off_bytes(&engine->window, TRUE) - bytes;
    engine->inside = FALSE;
    if (bytes == 0) {
        give_up(&engine->report, bytes, shared_bytes);
        return;
    }
    Leftover leftover = {range, start, bytes, shared_bytes, vb_window_left(&engine->window)};
    g_array_append_val(engine->leftovers, leftover);
    engine->leftover_bytes += bytes;
}

/* Brings what is to move of the window to the target. @code: of the query that opened it */
static gboolean
settle_window(Engine *engine, int code, const VbRange *range, guint64 start)
{
    if (code < 0)
        return end_by_code(engine, code);
    engine->inside = TRUE;
    if (!work_window(engine))
        return FALSE;
    leave_window(engine, range, start);
    return TRUE;
}

static gboolean
visit(Engine *engine, const VbRange *range, guint64 start, guint64 *ret_end)
{
    if (!may_go_on(engine))
        return FALSE;
    int code = vb_window_open(&engine->window, engine->kernel, engine->pid, range, start, ret_end);
    vb_outlook_pass(&engine->outlook, *ret_end);
    return settle_window(engine, code, range, start);
}

static gboolean
visit_again(Engine *engine, const Leftover *leftover)
{
    engine->leftover_bytes -= leftover->bytes;
    if (!may_go_on(engine))
        return FALSE;
    int code = vb_window_reopen(&engine->window, engine->kernel, engine->pid, leftover->range, leftover->start,
                                leftover->pages);
    return settle_window(engine, code, leftover->range, leftover->start);
}

static gboolean
first_pass(Engine *engine)
{
    const VbMoveTask *task = engine->task;
    for (guint i = 0; i < task->n_ranges; i++) {
        guint64 start = task->ranges[i].start;
        while (start < task->ranges[i].end)
            if (!visit(engine, &task->ranges[i], start, &start))
                return FALSE;
    }
    return TRUE;
}

/* Goes once more to each window that has pages left. */
static gboolean
retry_pass(Engine *engine)
{
    g_autoptr(GArray) last = g_steal_pointer(&engine->leftovers);
    engine->leftovers = leftovers_new();
    if (!nap(engine, PASS_PAUSE_NS))
        return FALSE;
    for (guint i = 0; i < last->len; i++)
        if (!visit_again(engine, &g_array_index(last, Leftover, i)))
            return FALSE;
    return TRUE;
}

static gboolean
run_passes(Engine *engine)
{
    const VbMoveTask *task = engine->task;
    int code = vb_outlook_take(&engine->outlook, engine->kernel, engine->pid, task->ranges,
                               task->n_ranges, engine->window.leaving);
    if (code < 0)
        return end_by_code(engine, code);
    if (!first_pass(engine))
        return FALSE;
    for (guint pass = 1; pass < PASSES && engine->leftovers->len > 0; pass++)
        if (!retry_pass(engine))
            return FALSE;
    for (guint i = 0; i < engine->leftovers->len; i++) {
        const Leftover *leftover = &g_array_index(engine->leftovers, Leftover, i);
        give_up(&engine->report, leftover->bytes, leftover->shared_bytes);
    }
    engine->leftover_bytes = 0;
    return end(engine, engine->report.bytes_unmovable > 0 ? VB_MOVE_STUCK : VB_MOVE_COMPLETE);
}

gboolean
vb_move_run(const VbMoveTask *task, VbMoveReport *ret, GError **error)
{
    g_autoptr(Engine) engine = g_new0(Engine, 1);
    engine->task = task;
    engine->kernel = vb_identity_kernel(task->identity);
    engine->pid = vb_identity_pid(task->identity);
    engine->probe = TRUE;
    engine->leftovers = leftovers_new();
    VbNodeSet from = task->budget.from != 0 ? task->budget.from : ~(VbNodeSet)0;
    engine->window.leaving = from & ~VB_NODE_BIT(task->target);
    engine->window.target = task->target;
    engine->begun_ns = engine->shown_ns = now(engine);
    vb_pace_begin(&engine->pace, task->budget.rate_bytes_per_s, task->budget.batch_target_ns,
                  engine->begun_ns);
    vb_pace_join(&engine->pace, task->budget.common, task->budget.common_rate_bytes_per_s);
    vb_steal_is_high(&engine->steal, engine->kernel, engine->pid, engine->begun_ns);
    run_passes(engine);
    if (engine->code != 0) {
        vb_pages_set_error(error, engine->pid, engine->code);
        return FALSE;
    }
    tally(engine);
    *ret = engine->report;
    return TRUE;
}
