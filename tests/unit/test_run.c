/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running a plan: order, room, rates, progress, cancelling, and every way in which it can end. The
 * hypervisor and the mover are the test's own; what happens is written down in one log.
 */
#include "act/run.h"
#include "act/lock.h"
#include "act/undo.h"
#include "fake_hypervisor.h"
#include "temp_dir.h"
#include "world.h"
#include <string.h>

#define GUESTS_MAX 4
#define STEP (4 * MIB)

typedef struct Fixture Fixture;

struct Fixture {
    char *dir;
    FakeHypervisor *fake;
    VbTopology *topology;
    VbPlacement placement;
    VbMoves moves;
    VbRunner runner;
    VbPlan *plan;
    GCancellable *cancellable;
    const char *uuids[GUESTS_MAX];
    GMutex lock;               /* guards what follows */
    GString *log;
    gint64 free[VB_NODES_MAX]; /* bytes; moves change it */
    gint64 lowest[VB_NODES_MAX];
    guint64 rates[GUESTS_MAX]; /* asked for, by guest */
    VbRunProgress last;
    guint n_progress;
    gint64 promised_most;      /* the most that has_room() was told is coming */
    guint room_asked;          /* how often has_room() was asked */
    /* What shall happen. */
    VbMoveEnd end;             /* of each move, after half of it if it is not COMPLETE */
    guint slow_ms;             /* a step of a move takes so long */
    const char *refuse_mid;    /* may_go_on() says no from the n-th question on, with this word */
    VbError refuse_code;
    guint refuse_from;         /* question number, 0 = never */
    guint refuse_times;
    guint asked;               /* questions so far */
    gboolean no_mover, mover_dies;
    guint hold_until_asked;    /* moves stand still until has_room() was asked so often */
    guint cancel_after_steps;  /* steps of moves; 0 = never */
    guint steps;
};

static Fixture *current; /* open() of VbMoves has no user data */

static void note(Fixture *f, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
note(Fixture *f, const char *format, ...)
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
guest_of(const Fixture *f, const char *uuid)
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
room_asked(Fixture *f)
{
    g_mutex_lock(&f->lock);
    guint asked = f->room_asked;
    g_mutex_unlock(&f->lock);
    return asked;
}

/* A step of a move: the bytes leave one node and arrive at the other. */
static void
step(Fixture *f, int from, int to, guint64 bytes)
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
    Fixture *f = mover;
    guint64 bytes = ranges[0].end - ranges[0].start;
    guint64 until = f->end == VB_MOVE_COMPLETE ? bytes : bytes / 2;
    VbMoveReport report = {.bytes_left = bytes};
    g_mutex_lock(&f->lock);
    f->rates[process->pid] = budget->rate_bytes_per_s;
    g_mutex_unlock(&f->lock);
    while (report.bytes_moved < until && !g_cancellable_is_cancelled(cancellable)) {
        step(f, vb_nodeset_first(budget->from), target, STEP);
        report.bytes_moved += STEP;
        report.bytes_left -= STEP;
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

static gboolean
find_ram(const VbAction *action, VbMoveSource *ret, gpointer user_data, GError **error)
{
    VbRange range = {GIB, GIB + action->bytes, 4096};
    ret->process = (VbProcess){(int)guest_of(user_data, action->uuid), 1};
    ret->ranges = g_array_new(FALSE, FALSE, sizeof range);
    g_array_append_val(ret->ranges, range);
    return TRUE;
}

static gboolean
has_room(const VbAction *action, gint64 coming_bytes, gpointer user_data, GError **error)
{
    Fixture *f = user_data;
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
    Fixture *f = user_data;
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
    Fixture *f = user_data;
    g_mutex_lock(&f->lock);
    g_assert_cmpuint(progress->bytes_moved, >=, f->last.bytes_moved);
    g_assert_cmpuint(progress->guests_done, >=, f->last.guests_done);
    f->last = *progress;
    f->n_progress++;
    g_mutex_unlock(&f->lock);
}

/* --- scaffolding --------------------------------------------------------------------------- */

static void
set_up(Fixture *f, gconstpointer unused)
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
    for (guint i = 0; i < GUESTS_MAX; i++) {
        g_autofree char *name = g_strdup_printf("guest%u", i);
        f->uuids[i] = fake_hypervisor_add_plain(f->fake, name, 1, 64);
        f->free[i] = f->lowest[i] = (gint64)GIB;
    }
    f->runner = (VbRunner){
        .placement = &f->placement,
        .moves = &f->moves,
        .workers = 2,
        .find_ram = find_ram,
        .has_room = has_room,
        .may_go_on = may_go_on,
        .progress = on_progress,
        .user_data = f,
    };
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    fake_hypervisor_free(f->fake);
    g_free(f->topology);
    vb_plan_free(f->plan);
    g_object_unref(f->cancellable);
    g_string_free(f->log, TRUE);
    g_mutex_clear(&f->lock);
    temp_dir_free(f->dir);
}

static void
plan_pin(Fixture *f, guint n, int to)
{
    g_autofree char *name = g_strdup_printf("guest%u", n);
    VbGuest guest = {.uuid = (char *)f->uuids[n], .name = name};
    VbCpuSet cpus = vb_topology_cpus_of_nodes(f->topology, VB_NODE_BIT(to));
    vb_plan_add_pin(f->plan, &guest, "vcpu0", &cpus, VB_NO_NODE, to, "test");
}

static VbAction *
plan_move(Fixture *f, guint n, int from, int to, guint64 bytes)
{
    g_autofree char *name = g_strdup_printf("guest%u", n);
    VbGuest guest = {.uuid = (char *)f->uuids[n], .name = name};
    return vb_plan_add_move(f->plan, &guest, 0, from, to, bytes, "test");
}

static GPtrArray *
run_plan(Fixture *f)
{
    f->last = (VbRunProgress){0};
    return vb_run(&f->runner, f->plan, f->cancellable);
}

/* "done 8 | failed 0 node 1 is full": result, MiB and error of each action. */
static char *
run(Fixture *f)
{
    g_autoptr(GPtrArray) outcomes = run_plan(f);
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

static void
assert_run(Fixture *f, const char *expected)
{
    g_autofree char *text = run(f);
    g_assert_cmpstr(text, ==, expected);
}

static void
assert_pinned(const Fixture *f, guint n, const char *cpus)
{
    g_autofree char *now = fake_hypervisor_pinned(f->fake, f->uuids[n], "vcpu0");
    g_assert_cmpstr(now, ==, cpus);
}

/* --- order --------------------------------------------------------------------------------- */

static void
test_an_empty_plan_has_no_outcomes(Fixture *f, gconstpointer unused)
{
    assert_run(f, "");
    g_assert_cmpstr(f->log->str, ==, "");
}

static void
test_a_guest_is_pinned_then_moved_by_one_mover(Fixture *f, gconstpointer unused)
{
    plan_move(f, 0, 1, 0, 8 * MIB);
    plan_pin(f, 0, 0);
    plan_move(f, 0, 1, 0, 4 * MIB);
    assert_run(f, "done 8 | done 0 | done 4");
    g_assert_cmpstr(f->log->str, ==, "open; move 0 to 0; move 0 to 0; close");
    assert_pinned(f, 0, "0-3");
}

static gpointer
pinned_when_moved(Fixture *f)
{
    return fake_hypervisor_pinned(f->fake, f->uuids[0], "vcpu0");
}

static gboolean
find_ram_after_pins(const VbAction *action, VbMoveSource *ret, gpointer user_data, GError **error)
{
    g_autofree char *cpus = pinned_when_moved(user_data);
    g_assert_cmpstr(cpus, ==, "0-3");
    return find_ram(action, ret, user_data, error);
}

static void
test_pages_move_after_the_pins(Fixture *f, gconstpointer unused)
{
    f->runner.find_ram = find_ram_after_pins;
    plan_move(f, 0, 1, 0, 8 * MIB);
    plan_pin(f, 0, 0);
    assert_run(f, "done 8 | done 0");
}

static void
test_pins_alone_need_no_mover(Fixture *f, gconstpointer unused)
{
    plan_pin(f, 0, 1);
    assert_run(f, "done 0");
    g_assert_cmpstr(f->log->str, ==, "");
}

static void
test_guests_do_not_hinder_each_other(Fixture *f, gconstpointer unused)
{
    fake_hypervisor_remove(f->fake, f->uuids[1]);
    for (guint i = 0; i < 3; i++) {
        plan_pin(f, i, 0);
        plan_move(f, i, 1, 0, 8 * MIB);
    }
    g_autofree char *text = run(f);
    g_assert_true(g_str_has_prefix(text, "done 0 | done 8 | failed 0 "));
    g_assert_true(g_str_has_suffix(text, "could not be pinned | done 0 | done 8"));
}

/* --- ends ---------------------------------------------------------------------------------- */

static void
test_each_end_of_a_move_has_its_outcome(Fixture *f, gconstpointer unused)
{
    static const struct {
        VbMoveEnd end;
        VbResult result;
        int code;
        const char *says;
        gboolean goes_on; /* with the guest's next move */
    } cases[] = {
        {VB_MOVE_COMPLETE, VB_RESULT_DONE, 0, NULL, TRUE},
        {VB_MOVE_LIMIT, VB_RESULT_DONE, 0, NULL, TRUE},
        {VB_MOVE_STUCK, VB_RESULT_PARTIAL, 0, "do not move", TRUE},
        {VB_MOVE_NO_SPACE, VB_RESULT_PARTIAL, VB_ERROR_NO_SPACE, "node 0 is full", FALSE},
        {VB_MOVE_STOPPED, VB_RESULT_PARTIAL, 0, "SIGSTOP", FALSE},
        {VB_MOVE_DENIED, VB_RESULT_PARTIAL, VB_ERROR_DENIED, "CAP_SYS_NICE", FALSE},
        {VB_MOVE_GONE, VB_RESULT_FAILED, VB_ERROR_NO_GUEST, "ended", FALSE},
        {VB_MOVE_CANCELLED, VB_RESULT_CANCELLED, VB_ERROR_CANCELLED, "stopped after", FALSE},
    };
    plan_move(f, 0, 1, 0, 16 * MIB);
    plan_move(f, 0, 1, 0, 16 * MIB);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", vb_move_end_name(cases[i].end));
        f->end = cases[i].end;
        g_autoptr(GPtrArray) outcomes = run_plan(f);
        const VbOutcome *first = g_ptr_array_index(outcomes, 0);
        const VbOutcome *second = g_ptr_array_index(outcomes, 1);
        g_assert_cmpint(first->result, ==, cases[i].result);
        g_assert_cmpint(first->code, ==, cases[i].code);
        g_assert_cmpuint(first->bytes_moved, ==,
                         cases[i].end == VB_MOVE_COMPLETE ? 16 * MIB : 8 * MIB);
        if (cases[i].says == NULL)
            g_assert_null(first->error);
        else
            g_assert_nonnull(strstr(first->error, cases[i].says));
        g_assert_cmpint(second->bytes_moved > 0, ==, cases[i].goes_on);
        if (!cases[i].goes_on)
            g_assert_cmpint(second->result, ==, VB_RESULT_CANCELLED);
    }
}

static void
test_a_mover_that_died_had_moved_what_it_told(Fixture *f, gconstpointer unused)
{
    f->mover_dies = TRUE;
    plan_move(f, 0, 1, 0, 8 * MIB);
    assert_run(f, "partial 8 the mover was killed");
    g_assert_cmpuint(f->last.bytes_moved, ==, 8 * MIB);
}

static void
test_without_a_mover_nothing_is_pinned(Fixture *f, gconstpointer unused)
{
    f->no_mover = TRUE;
    plan_pin(f, 0, 0);
    plan_move(f, 0, 1, 0, 8 * MIB);
    assert_run(f, "failed 0 the mover cannot be started | failed 0 the mover cannot be started");
    assert_pinned(f, 0, NULL);
}

static void
test_pages_stay_where_pins_failed(Fixture *f, gconstpointer unused)
{
    fake_hypervisor_fail(f->fake, "pin", 0, 1, VB_ERROR_FAILED, "no");
    plan_pin(f, 0, 0);
    plan_move(f, 0, 1, 0, 8 * MIB);
    assert_run(f, "failed 0 vcpu0 could not be pinned: no | cancelled 0 not tried, as its threads "
                  "could not be pinned");
    g_assert_cmpuint(f->steps, ==, 0);
}

/* --- the guest's own affairs --------------------------------------------------------------- */

static void
test_a_guest_that_must_be_left_alone_is_not_touched(Fixture *f, gconstpointer unused)
{
    f->refuse_from = 1;
    f->refuse_mid = "the guest is paused by now";
    f->refuse_code = VB_ERROR_CANCELLED;
    plan_pin(f, 0, 0);
    plan_move(f, 0, 1, 0, 8 * MIB);
    assert_run(f, "cancelled 0 the guest is paused by now | cancelled 0 the guest is paused by now");
    assert_pinned(f, 0, NULL);
    g_assert_cmpstr(f->log->str, ==, "");
}

static void
test_a_guest_that_cannot_be_asked_failed(Fixture *f, gconstpointer unused)
{
    f->refuse_from = 1;
    f->refuse_mid = "libvirt does not answer";
    f->refuse_code = VB_ERROR_TIMEOUT;
    plan_pin(f, 0, 0);
    g_autoptr(GPtrArray) outcomes = vb_run(&f->runner, f->plan, NULL);
    const VbOutcome *outcome = g_ptr_array_index(outcomes, 0);
    g_assert_cmpint(outcome->result, ==, VB_RESULT_FAILED);
    g_assert_cmpint(outcome->code, ==, VB_ERROR_TIMEOUT);
}

/* Asked twice before it is touched, then at the first progress and every two seconds. */
static void
test_a_guest_that_pauses_in_mid_move_ends_it(Fixture *f, gconstpointer unused)
{
    f->refuse_from = 3;
    f->refuse_mid = "the guest is paused by now";
    f->refuse_code = VB_ERROR_CANCELLED;
    plan_move(f, 0, 1, 0, 8 * MIB);
    plan_move(f, 0, 1, 0, 8 * MIB);
    g_autofree char *text = run(f);
    g_assert_true(g_str_has_prefix(text, "cancelled 4 stopped after the current batch, 4 MiB left: "
                                         "the guest is paused by now | cancelled 0 not tried"));
}

static void
test_libvirtd_may_restart_in_mid_move(Fixture *f, gconstpointer unused)
{
    f->refuse_from = 3;
    f->refuse_times = 1;
    f->refuse_mid = "connection refused";
    f->refuse_code = VB_ERROR_UNREACHABLE;
    plan_move(f, 0, 1, 0, 8 * MIB);
    assert_run(f, "done 8");
}

static void
test_one_command_at_a_time_acts_on_a_guest(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbLock) lock = vb_lock_take(f->dir, f->uuids[0], "guest0", NULL);
    plan_pin(f, 0, 0);
    plan_pin(f, 1, 0);
    assert_run(f, "failed 0 another vmbalancer command is at work on guest guest0: wait until it is "
                  "done, or end it | done 0");
    assert_pinned(f, 0, NULL);
}

/* --- room ---------------------------------------------------------------------------------- */

static void
test_a_guest_without_room_is_not_pinned(Fixture *f, gconstpointer unused)
{
    f->free[0] = 4 * MIB;
    plan_pin(f, 0, 0);
    plan_move(f, 0, 1, 0, 8 * MIB);
    assert_run(f, "failed 0 node 0 is full | failed 0 node 0 is full");
    assert_pinned(f, 0, NULL);
}

static void
test_a_guest_waits_for_what_another_leaves(Fixture *f, gconstpointer unused)
{
    f->free[0] = f->lowest[0] = 0;
    f->slow_ms = 20;
    plan_move(f, 0, 0, 1, 32 * MIB);
    plan_pin(f, 1, 0);
    plan_move(f, 1, 1, 0, 32 * MIB);
    assert_run(f, "done 32 | done 0 | done 32");
    g_assert_cmpint(f->lowest[0], >=, 0);
}

/* More that wait than there are workers: those that will never have room end it, not a deadlock. */
static void
test_waiting_ends_when_nobody_is_left_to_leave(Fixture *f, gconstpointer unused)
{
    f->free[0] = 0;
    for (guint i = 0; i < GUESTS_MAX; i++)
        plan_move(f, i, 1, 0, 32 * MIB);
    assert_run(f, "failed 0 node 0 is full | failed 0 node 0 is full | failed 0 node 0 is full | "
                  "failed 0 node 0 is full");
}

/* Two that fit one by one, but not both, and ask before anything has arrived. */
static void
test_room_is_promised_once(Fixture *f, gconstpointer unused)
{
    f->free[0] = f->lowest[0] = 40 * (gint64)MIB;
    f->hold_until_asked = 3; /* twice by the first, once by the second */
    plan_move(f, 0, 1, 0, 32 * MIB);
    plan_move(f, 1, 1, 0, 32 * MIB);
    g_autofree char *text = run(f);
    g_assert_true(g_str_equal(text, "done 32 | failed 0 node 0 is full") ||
                  g_str_equal(text, "failed 0 node 0 is full | done 32"));
    g_assert_cmpint(f->lowest[0], ==, 8 * (gint64)MIB);
    g_assert_cmpint(f->promised_most, >, 0);
}

/* Two cells that change places need no more than what each leaves for the other. */
static void
test_a_guest_may_use_what_it_leaves_itself(Fixture *f, gconstpointer unused)
{
    f->free[0] = f->lowest[0] = 0;
    plan_move(f, 0, 0, 1, 32 * MIB);
    plan_move(f, 0, 1, 0, 32 * MIB);
    assert_run(f, "done 32 | done 32");
    g_assert_cmpint(f->lowest[0], >=, 0);
}

static void
test_promises_end_with_their_moves(Fixture *f, gconstpointer unused)
{
    f->end = VB_MOVE_STUCK;
    f->runner.workers = 1;
    f->free[0] = 32 * (gint64)MIB;
    plan_move(f, 0, 1, 0, 32 * MIB);
    plan_move(f, 1, 1, 0, 16 * MIB);
    g_autofree char *text = run(f);
    g_assert_nonnull(strstr(text, "| partial 8 "));
}

/* --- rates --------------------------------------------------------------------------------- */

static void
test_the_rate_is_shared_by_those_at_work(Fixture *f, gconstpointer unused)
{
    static const struct {
        guint64 all, each;
        guint workers, guests;
        guint64 expected;
    } cases[] = {
        {0, 0, 2, 2, 0},
        {100, 0, 2, 2, 50},
        {100, 0, 2, 1, 100},
        {100, 0, 2, 3, 50},
        {100, 0, 4, 3, 33},
        {100, 30, 2, 2, 30},
        {100, 80, 2, 2, 50},
        {0, 80, 2, 2, 80},
        {1, 0, 2, 2, 1},
        {G_MAXUINT64, 0, 1, 1, G_MAXUINT64},
        {G_MAXUINT64, 7, 2, 2, 7},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        vb_plan_free(f->plan);
        f->plan = vb_plan_new("test");
        for (guint n = 0; n < cases[i].guests; n++)
            plan_move(f, n, 1, 0, 4 * MIB);
        f->runner.rate_bytes_per_s = cases[i].all;
        f->runner.guest_rate_bytes_per_s = cases[i].each;
        f->runner.workers = cases[i].workers;
        g_autofree char *text = run(f);
        for (guint n = 0; n < cases[i].guests; n++)
            g_assert_cmpuint(f->rates[n], ==, cases[i].expected);
    }
}

/* --- progress and cancelling --------------------------------------------------------------- */

static void
test_progress_only_grows_and_ends_complete(Fixture *f, gconstpointer unused)
{
    for (guint i = 0; i < GUESTS_MAX; i++) {
        plan_pin(f, i, 0);
        plan_move(f, i, 1, 0, 16 * MIB);
    }
    g_autofree char *text = run(f);
    g_assert_cmpuint(f->last.guests_planned, ==, GUESTS_MAX);
    g_assert_cmpuint(f->last.guests_done, ==, GUESTS_MAX);
    g_assert_cmpuint(f->last.bytes_planned, ==, GUESTS_MAX * 16 * MIB);
    g_assert_cmpuint(f->last.bytes_moved, ==, GUESTS_MAX * 16 * MIB);
    g_assert_cmpuint(f->n_progress, >=, GUESTS_MAX * 5);
}

static void
test_cancelled_before_is_not_begun(Fixture *f, gconstpointer unused)
{
    g_cancellable_cancel(f->cancellable);
    plan_pin(f, 0, 0);
    plan_move(f, 1, 1, 0, 8 * MIB);
    assert_run(f, "cancelled 0 cancelled before it began | cancelled 0 cancelled before it began");
    assert_pinned(f, 0, NULL);
    g_assert_cmpstr(f->log->str, ==, "");
}

/* Guest 0 ends with its batch, guest 1 has not begun. */
static void
test_cancelled_in_mid_move_ends_with_the_batch(Fixture *f, gconstpointer unused)
{
    f->runner.workers = 1;
    f->cancel_after_steps = 2;
    plan_pin(f, 0, 0);
    plan_move(f, 0, 1, 0, 32 * MIB);
    plan_pin(f, 1, 0);
    assert_run(f, "done 0 | cancelled 8 stopped after the current batch, 24 MiB left | cancelled 0 "
                  "cancelled before it began");
    g_autoptr(VbUndo) undo = vb_undo_load(f->dir, f->uuids[0], NULL);
    g_assert_nonnull(undo);
}

/* Guest 1 would wait for ever for what guest 0 does not leave any more. */
static void
test_cancelled_while_it_waits_for_room(Fixture *f, gconstpointer unused)
{
    f->free[0] = 0;
    f->slow_ms = 100;
    f->cancel_after_steps = 4;
    plan_move(f, 0, 0, 1, 32 * MIB);
    plan_move(f, 1, 1, 0, 32 * MIB);
    g_autofree char *text = run(f);
    g_assert_true(g_str_has_prefix(text, "cancelled 16 "));
    g_assert_true(g_str_has_suffix(text, "| cancelled 0 cancelled before it began"));
}

#define ADD(path, test) g_test_add("/run/" path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("empty", test_an_empty_plan_has_no_outcomes);
    ADD("order/one-mover-a-guest", test_a_guest_is_pinned_then_moved_by_one_mover);
    ADD("order/pages-after-pins", test_pages_move_after_the_pins);
    ADD("order/pins-alone-need-no-mover", test_pins_alone_need_no_mover);
    ADD("order/guests-do-not-hinder-each-other", test_guests_do_not_hinder_each_other);
    ADD("ends/each-has-its-outcome", test_each_end_of_a_move_has_its_outcome);
    ADD("ends/dead-mover-had-moved-what-it-told", test_a_mover_that_died_had_moved_what_it_told);
    ADD("ends/no-mover-no-pin", test_without_a_mover_nothing_is_pinned);
    ADD("ends/failed-pins-stay-alone", test_pages_stay_where_pins_failed);
    ADD("guest/left-alone", test_a_guest_that_must_be_left_alone_is_not_touched);
    ADD("guest/cannot-be-asked", test_a_guest_that_cannot_be_asked_failed);
    ADD("guest/pauses-in-mid-move", test_a_guest_that_pauses_in_mid_move_ends_it);
    ADD("guest/libvirtd-may-restart", test_libvirtd_may_restart_in_mid_move);
    ADD("guest/one-command-at-a-time", test_one_command_at_a_time_acts_on_a_guest);
    ADD("room/none-no-pin", test_a_guest_without_room_is_not_pinned);
    ADD("room/waits-for-what-another-leaves", test_a_guest_waits_for_what_another_leaves);
    ADD("room/waiting-ends", test_waiting_ends_when_nobody_is_left_to_leave);
    ADD("room/promised-once", test_room_is_promised_once);
    ADD("room/own-leavings", test_a_guest_may_use_what_it_leaves_itself);
    ADD("room/promises-end", test_promises_end_with_their_moves);
    ADD("rate/shared", test_the_rate_is_shared_by_those_at_work);
    ADD("progress/grows", test_progress_only_grows_and_ends_complete);
    ADD("cancel/before", test_cancelled_before_is_not_begun);
    ADD("cancel/mid-move", test_cancelled_in_mid_move_ends_with_the_batch);
    ADD("cancel/waiting", test_cancelled_while_it_waits_for_room);
    return g_test_run();
}
