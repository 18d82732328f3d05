/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Undo records of a whole host: giving all back, and dropping those of guests that are gone. */
#include "act/loans.h"
#include "act/lock.h"
#include "act/undo.h"
#include "engine/private.h"
#include "engine/records.h"
#include "fake_hypervisor.h"
#include "fake_pools.h"
#include "temp_dir.h"

#define SECOND G_GINT64_CONSTANT(1000000000)
#define GONE "10000000-0000-4000-8000-000000000001"
#define BROKEN "10000000-0000-4000-8000-000000000002"

typedef struct {
    char *dir;
    FakeHypervisor *fake;
    VbEngine engine;
    const char *uuid; /* guest web1, which runs */
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
    f->dir = temp_dir_new();
    g_setenv("VMBALANCER_STATE_DIR", f->dir, TRUE);
    f->fake = fake_hypervisor_new();
    f->uuid = fake_hypervisor_add_plain(f->fake, "web1", 1, 64);
    f->engine.hypervisor = fake_hypervisor_base(f->fake);
    f->engine.observer.kernel = vb_kernel_real();
    f->engine.deadline_ms = 1000;
    f->engine.config = vb_config_new();
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    vb_config_free(f->engine.config);
    fake_hypervisor_free(f->fake);
    temp_dir_free(f->dir);
}

static void
record(const Fixture *f, const char *uuid, const char *name, const char *before)
{
    g_autoptr(VbUndo) undo = vb_undo_new(uuid, name);
    vb_undo_note(undo, "vcpu0", before, "0-3", NULL);
    g_assert_true(vb_undo_save(f->dir, undo, NULL));
}

static void
damage(const Fixture *f, const char *uuid)
{
    g_autofree char *path = g_strdup_printf("%s/guests/%s.json", f->dir, uuid);
    g_assert_true(g_file_set_contents(path, "{", -1, NULL));
}

/* The UUIDs that have a record, in a line. */
static char *
records(const Fixture *f)
{
    g_autoptr(GPtrArray) uuids = vb_undo_list(f->dir, NULL);
    g_ptr_array_add(uuids, NULL);
    return g_strjoinv(" ", (char **)uuids->pdata);
}

static void
assert_records(const Fixture *f, const char *expected)
{
    g_autofree char *now = records(f);
    g_assert_cmpstr(now, ==, expected);
}

static GPtrArray *
release_all(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *all = vb_engine_release_all(&f->engine, "asked for", &error);
    g_assert_no_error(error);
    return all;
}

static void
test_all_that_has_a_record_or_a_note_is_given_back(Fixture *f, gconstpointer unused)
{
    g_autoptr(GPtrArray) marks = g_ptr_array_new_with_free_func((GDestroyNotify)vb_mark_free);
    const char *came = fake_hypervisor_add_plain(f->fake, "came", 1, 64);
    fake_hypervisor_add_plain(f->fake, "free", 1, 64);
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu0", "0-3");
    fake_hypervisor_pin_from_outside(f->fake, came, "vcpu0", "4-7");
    g_ptr_array_add(marks, vb_mark_new("vcpu0", "6", "4-7", NULL));
    fake_hypervisor_mark_from_outside(f->fake, came, marks);
    record(f, f->uuid, "web1", "2");
    record(f, GONE, "gone", NULL);
    record(f, BROKEN, "broken", NULL);
    damage(f, BROKEN);
    g_autoptr(GPtrArray) all = release_all(f);
    g_assert_cmpuint(all->len, ==, 4);
    guint restored = 0, ended = 0;
    for (guint i = 0; i < all->len; i++) {
        const VbReleased *released = g_ptr_array_index(all, i);
        g_assert_no_error(released->error);
        restored += released->release.restored;
        ended += released->ended;
    }
    g_assert_cmpuint(restored, ==, 2);
    g_assert_cmpuint(ended, ==, 2);
    g_autofree char *one = fake_hypervisor_pinned(f->fake, f->uuid, "vcpu0");
    g_autofree char *two = fake_hypervisor_pinned(f->fake, came, "vcpu0");
    g_assert_cmpstr(one, ==, "2");
    g_assert_cmpstr(two, ==, "6");
    assert_records(f, "");
    g_autoptr(GPtrArray) again = release_all(f);
    g_assert_cmpuint(again->len, ==, 0);
}

static void
test_one_that_is_busy_holds_up_no_other(Fixture *f, gconstpointer unused)
{
    record(f, f->uuid, "web1", NULL);
    record(f, GONE, "gone", NULL);
    g_autoptr(VbLock) lock = vb_lock_take(f->dir, f->uuid, "web1", NULL);
    g_autoptr(GPtrArray) all = release_all(f);
    const VbReleased *busy = g_ptr_array_index(all, 0), *gone = g_ptr_array_index(all, 1);
    g_assert_cmpstr(busy->name, ==, "web1");
    g_assert_error(busy->error, VB_ERROR, VB_ERROR_FAILED);
    g_assert_cmpstr(gone->name, ==, "gone");
    g_assert_true(gone->ended);
    assert_records(f, f->uuid);
}

static void
test_nothing_is_dropped_while_libvirt_is_away(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    record(f, GONE, "gone", NULL);
    fake_hypervisor_fail(f->fake, "look", 0, 1, VB_ERROR_UNREACHABLE, "away");
    g_autoptr(GPtrArray) all = release_all(f);
    const VbReleased *released = g_ptr_array_index(all, 0);
    g_assert_error(released->error, VB_ERROR, VB_ERROR_UNREACHABLE);
    assert_records(f, GONE);
    fake_hypervisor_fail(f->fake, "list", 0, 1, VB_ERROR_UNREACHABLE, "away");
    g_assert_null(vb_engine_release_all(&f->engine, "asked for", &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNREACHABLE);
}

/* A full look at that time that saw @uuid alone; NULL: nobody. */
static void
sweep(Fixture *f, VbRecords *gone, gint64 time_ns, const char *uuid)
{
    g_autoptr(VbObservation) seen = vb_observation_new(VB_LOOK_FULL);
    seen->time_ns = time_ns;
    if (uuid != NULL) {
        VbGuestSight *sight = vb_guest_sight_new();
        sight->facts->uuid = g_strdup(uuid);
        g_ptr_array_add(seen->guests, sight);
    }
    vb_records_sweep(gone, &f->engine, seen);
}

static void
test_a_record_goes_a_minute_after_its_guest(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbRecords) gone = vb_records_new();
    record(f, GONE, "gone", NULL);
    sweep(f, gone, 100 * SECOND, NULL);
    sweep(f, gone, 160 * SECOND - 1, NULL);
    assert_records(f, GONE);
    sweep(f, gone, 160 * SECOND, NULL);
    assert_records(f, "");
}

static void
test_a_guest_that_was_seen_again_is_not_gone(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbRecords) gone = vb_records_new();
    record(f, GONE, "gone", NULL);
    sweep(f, gone, 100 * SECOND, NULL);
    sweep(f, gone, 130 * SECOND, GONE);
    sweep(f, gone, 160 * SECOND, NULL);
    sweep(f, gone, 200 * SECOND, NULL);
    assert_records(f, GONE);
}

static void
test_a_guest_that_looks_miss_but_runs_keeps_its_record(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbRecords) gone = vb_records_new();
    record(f, f->uuid, "web1", NULL);
    for (gint64 i = 1; i < 10; i++)
        sweep(f, gone, i * 100 * SECOND, NULL);
    assert_records(f, f->uuid);
}

/* Six hugepages that a guest took from node 0 to node 1. */
static void
take_along(const Fixture *f, const char *uuid)
{
    g_autoptr(VbLoans) loans = vb_loans_new();
    VbLoan *loan = vb_loans_open(loans, uuid, 2048 * 1024);
    loan->from = 0;
    loan->to = 1;
    loan->pages[0] = -6;
    loan->pages[1] = 6;
    vb_loans_set_total(loans, loan->page_size, 20);
    g_assert_true(vb_loans_save(f->dir, "boot-one", loans, NULL));
}

static void
test_hugepages_go_back_a_minute_after_their_guest(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbRecords) gone = vb_records_new();
    g_autoptr(FakeKernel) kernel = fake_kernel_new();
    FakePools pools;
    fake_pools_init(&pools, kernel, 2048, 4, 16);
    fake_kernel_start(kernel, 7, 1, "/usr/bin/sleep", "sleep 9");
    f->engine.observer.kernel = &kernel->kernel;
    take_along(f, f->uuid);
    sweep(f, gone, 10 * SECOND, NULL);
    sweep(f, gone, 80 * SECOND, NULL);
    g_assert_cmpuint(pools.writes, ==, 0);
    take_along(f, GONE);
    sweep(f, gone, 100 * SECOND, GONE);
    sweep(f, gone, 110 * SECOND, NULL);
    sweep(f, gone, 170 * SECOND - 1, NULL);
    g_assert_cmpuint(pools.writes, ==, 0);
    sweep(f, gone, 170 * SECOND, NULL);
    g_assert_cmpuint(pools.total[0], ==, 10);
    g_assert_cmpuint(pools.total[1], ==, 10);
    g_assert_false(vb_loans_exist(f->dir));
}

#define ADD(path, test) g_test_add("/records/" path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("all/given-back", test_all_that_has_a_record_or_a_note_is_given_back);
    ADD("all/busy", test_one_that_is_busy_holds_up_no_other);
    ADD("all/libvirt-away", test_nothing_is_dropped_while_libvirt_is_away);
    ADD("gone/a-minute", test_a_record_goes_a_minute_after_its_guest);
    ADD("gone/seen-again", test_a_guest_that_was_seen_again_is_not_gone);
    ADD("gone/missed-but-runs", test_a_guest_that_looks_miss_but_runs_keeps_its_record);
    ADD("gone/hugepages", test_hugepages_go_back_a_minute_after_their_guest);
    return g_test_run();
}
