/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "run_stage.h"
#include "temp_dir.h"
#include <string.h>

static RunStage *current; /* open() of VbMoves has no user data */

static void note(RunStage *f, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
note(RunStage *f, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_mutex_lock(&f->lock);
    if (f->log->len > 0)
        g_string_append(f->log, "; ");
    g_string_append_vprintf(f->log, format, arguments);
    g_mutex_unlock(&f->lock);
    va_end(arguments);
}

static guint
guest_of(const RunStage *f, const char *uuid)
{
    guint i = 0;
    while (!g_str_equal(f->uuids[i], uuid))
        i++;
    return i;
}

/* --- the fake mover ------------------------------------------------------------------------ */

static gpointer
fake_open(GError **error)
{
    note(current, "open");
    if (!current->no_mover)
        return current;
    g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE, "the mover cannot be started");
    return NULL;
}

static void
fake_close(gpointer mover)
{
    note(mover, "close");
}

static guint
room_asked(RunStage *f)
{
    g_mutex_lock(&f->lock);
    guint asked = f->room_asked;
    g_mutex_unlock(&f->lock);
    return asked;
}

/* A step of a move: the bytes leave one node and arrive at the other. */
static void
step(RunStage *f, int from, int to, guint64 bytes)
{
    if (f->slow_ms > 0)
        g_usleep(f->slow_ms * 1000);
    while (room_asked(f) < f->hold_until_asked)
        g_usleep(1000);
    g_mutex_lock(&f->lock);
    f->free[from] += (gint64)bytes;
    f->free[to] -= (gint64)bytes;
    f->lowest[to] = MIN(f->lowest[to], f->free[to]);
    gboolean cancel = ++f->steps == f->cancel_after_steps;
    g_mutex_unlock(&f->lock);
    if (cancel)
        g_cancellable_cancel(f->cancellable);
}

/* The process ID is the guest's number, the range's length what is to move. */
static gboolean
fake_move(gpointer mover, const VbProcess *process, const VbRange *ranges, guint n_ranges,
          int target, const VbMoveBudget *budget, VbMoveProgress progress, gpointer user_data,
          GCancellable *cancellable, VbMoveReport *ret, GError **error)
{
    RunStage *f = mover;
    guint64 bytes = ranges[0].end - ranges[0].start;
    guint64 until = f->end == VB_MOVE_COMPLETE ? bytes : bytes / 2;
    VbMoveReport report = {.bytes_left = bytes};
    g_mutex_lock(&f->lock);
    f->rates[process->pid] = budget->rate_bytes_per_s;
    if (budget->common != NULL && budget->common == f->runner.common)
        f->common_rate = budget->common_rate_bytes_per_s;
    g_mutex_unlock(&f->lock);
    while (report.bytes_moved < until && !g_cancellable_is_cancelled(cancellable)) {
        step(f, vb_nodeset_first(budget->from), target, RUN_STAGE_STEP);
        report.bytes_moved += RUN_STAGE_STEP;
        report.bytes_left -= RUN_STAGE_STEP;
        progress(&report, user_data);
    }
    note(f, "move %d to %d", process->pid, target);
    if (f->mover_dies) {
        g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE, "the mover was killed");
        return FALSE;
    }
    report.end = g_cancellable_is_cancelled(cancellable) ? VB_MOVE_CANCELLED : f->end;
    *ret = report;
    return TRUE;
}

/* --- the runner's questions ---------------------------------------------------------------- */

gboolean
run_stage_find_ram(const VbAction *action, VbMoveSource *ret, gpointer user_data, GError **error)
{
    VbRange range = {GIB, GIB + action->bytes, 4096};
    ret->process = (VbProcess){(int)guest_of(user_data, action->uuid), 1};
    ret->ranges = g_array_new(FALSE, FALSE, sizeof range);
    g_array_append_val(ret->ranges, range);
    return TRUE;
}

static guint64
page_size(const VbAction *action, gpointer user_data)
{
    const RunStage *f = user_data;
    return f->huge[guest_of(user_data, action->uuid)] ? 2 * MIB : 4096;
}

static gboolean
has_room(const VbAction *action, gint64 coming_bytes, gpointer user_data, GError **error)
{
    RunStage *f = user_data;
    g_mutex_lock(&f->lock);
    gboolean room = f->free[action->to] >= (gint64)action->bytes + coming_bytes;
    f->room_asked++;
    f->promised_most = MAX(f->promised_most, coming_bytes);
    g_mutex_unlock(&f->lock);
    if (!room)
        g_set_error(error, VB_ERROR, VB_ERROR_NO_SPACE, "node %d is full", action->to);
    return room;
}

static gboolean
may_go_on(const char *uuid, gpointer user_data, GError **error)
{
    RunStage *f = user_data;
    g_mutex_lock(&f->lock);
    guint asked = ++f->asked;
    g_mutex_unlock(&f->lock);
    if (f->refuse_from == 0 || asked < f->refuse_from || asked >= f->refuse_from + f->refuse_times)
        return TRUE;
    g_set_error_literal(error, VB_ERROR, (int)f->refuse_code, f->refuse_mid);
    return FALSE;
}

static void
on_progress(const VbRunProgress *progress, gpointer user_data)
{
    RunStage *f = user_data;
    g_mutex_lock(&f->lock);
    g_assert_cmpuint(progress->bytes_moved, >=, f->last.bytes_moved);
    g_assert_cmpuint(progress->guests_done, >=, f->last.guests_done);
    f->last = *progress;
    f->n_progress++;
    g_mutex_unlock(&f->lock);
}

/* --- scaffolding --------------------------------------------------------------------------- */

void
run_stage_set_up(RunStage *f, gconstpointer unused)
{
    current = f;
    f->dir = temp_dir_new();
    f->fake = fake_hypervisor_new();
    f->topology = world_topology(2, 4, GIB);
    f->placement = (VbPlacement){fake_hypervisor_base(f->fake), f->dir, f->topology, 1000};
    f->moves = (VbMoves){fake_open, fake_move, fake_close};
    f->plan = vb_plan_new("test");
    f->cancellable = g_cancellable_new();
    f->log = g_string_new(NULL);
    g_mutex_init(&f->lock);
    f->end = VB_MOVE_COMPLETE;
    f->refuse_times = G_MAXUINT / 2;
    for (guint i = 0; i < RUN_STAGE_GUESTS; i++) {
        g_autofree char *name = g_strdup_printf("guest%u", i);
        f->uuids[i] = fake_hypervisor_add_plain(f->fake, name, 1, 64);
        f->free[i] = f->lowest[i] = (gint64)GIB;
    }
    f->runner = (VbRunner){
        .placement = &f->placement,
        .moves = &f->moves,
        .workers = 2,
        .find_ram = run_stage_find_ram,
        .page_size = page_size,
        .has_room = has_room,
        .may_go_on = may_go_on,
        .progress = on_progress,
        .user_data = f,
    };
}

void
run_stage_tear_down(RunStage *f, gconstpointer unused)
{
    fake_hypervisor_free(f->fake);
    g_free(f->topology);
    vb_plan_free(f->plan);
    g_object_unref(f->cancellable);
    g_string_free(f->log, TRUE);
    g_mutex_clear(&f->lock);
    temp_dir_free(f->dir);
}

void
run_stage_plan_pin(RunStage *f, guint n, int to)
{
    g_autofree char *name = g_strdup_printf("guest%u", n);
    VbGuest guest = {.uuid = (char *)f->uuids[n], .name = name};
    VbCpuSet cpus = vb_topology_cpus_of_nodes(f->topology, VB_NODE_BIT(to));
    vb_plan_add_pin(f->plan, &guest, "vcpu0", &cpus, VB_NO_NODE, to, "test");
}

VbAction *
run_stage_plan_move(RunStage *f, guint n, int from, int to, guint64 bytes)
{
    g_autofree char *name = g_strdup_printf("guest%u", n);
    VbGuest guest = {.uuid = (char *)f->uuids[n], .name = name};
    return vb_plan_add_move(f->plan, &guest, 0, from, to, bytes, "test");
}

GPtrArray *
run_stage_run_plan(RunStage *f)
{
    f->last = (VbRunProgress){0};
    return vb_run(&f->runner, f->plan, f->cancellable);
}

/* "done 8 | failed 0 node 1 is full": result, MiB and error of each action. */
char *
run_stage_run(RunStage *f)
{
    g_autoptr(GPtrArray) outcomes = run_stage_run_plan(f);
    g_autoptr(GString) text = g_string_new(NULL);
    g_assert_cmpuint(outcomes->len, ==, f->plan->actions->len);
    for (guint i = 0; i < outcomes->len; i++) {
        const VbOutcome *outcome = g_ptr_array_index(outcomes, i);
        g_assert_nonnull(outcome);
        g_assert_cmpuint(outcome->action, ==, i);
        g_string_append_printf(text, "%s%s %u%s%s", i > 0 ? " | " : "",
                               vb_result_name(outcome->result),
                               (guint)(outcome->bytes_moved / MIB),
                               outcome->error != NULL ? " " : "",
                               outcome->error != NULL ? outcome->error : "");
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

void
run_stage_assert_run(RunStage *f, const char *expected)
{
    g_autofree char *text = run_stage_run(f);
    g_assert_cmpstr(text, ==, expected);
}

void
run_stage_assert_pinned(const RunStage *f, guint n, const char *cpus)
{
    g_autofree char *now = fake_hypervisor_pinned(f->fake, f->uuids[n], "vcpu0");
    g_assert_cmpstr(now, ==, cpus);
}
