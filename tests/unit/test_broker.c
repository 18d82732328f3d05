/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hugepages that moves borrow: how many, within which limit, and that the host has as many as before
 * whatever becomes of the move, of us, and of the guest.
 */
#include "act/broker.h"
#include "act/loans.h"
#include "act/lock.h"
#include "fake_pools.h"
#include "temp_dir.h"
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define GUEST "10000000-0000-4000-8000-000000000001"
#define OTHER "10000000-0000-4000-8000-000000000002"
#define KIB 2048
#define PAGE ((guint64)KIB * 1024)
#define ROOM (1000 * PAGE)

typedef struct {
    char *dir;
    FakeKernel *fake;
    FakePools pools;
    VbBroker broker;
} Fixture;

/* Ten pages a node; the guest has eight of node 0's, others eight of node 1's. */
static void
set_up(Fixture *f, gconstpointer unused)
{
    f->dir = temp_dir_new();
    f->fake = fake_kernel_new();
    fake_pools_init(&f->pools, f->fake, KIB, 10, 10);
    fake_pools_use(&f->pools, 0, 8);
    fake_pools_use(&f->pools, 1, 8);
    f->broker = (VbBroker){&f->fake->kernel, f->dir, 100 * PAGE};
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    fake_kernel_free(f->fake);
    temp_dir_free(f->dir);
}

static VbBorrow
need(const char *uuid, int from, int to, guint64 pages)
{
    return (VbBorrow){.uuid = uuid, .page_size = PAGE, .from = from, .to = to,
                      .pages = pages};
}

static VbBorrow
borrow(Fixture *f, int from, int to, guint64 pages, guint64 expected)
{
    VbBorrow loan = need(GUEST, from, to, pages);
    g_autoptr(GError) error = NULL;
    gboolean lent = vb_broker_borrow(&f->broker, &loan, 0, ROOM, &error);
    g_assert_no_error(error);
    g_assert_true(lent);
    g_assert_cmpuint(loan.borrowed, ==, expected);
    return loan;
}

static void
refused(Fixture *f, guint64 pages, gint64 coming, guint64 room, const char *expected)
{
    VbBorrow loan = need(GUEST, 0, 1, pages);
    g_autoptr(GError) error = NULL;
    g_assert_false(vb_broker_borrow(&f->broker, &loan, coming, room, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_SPACE);
    g_assert_true(strstr(error->message, expected) != NULL);
    g_assert_cmpuint(loan.borrowed, ==, 0);
}

static void
give_back(Fixture *f, const VbBorrow *loan, guint64 moved)
{
    g_autoptr(GError) error = NULL;
    gboolean given = vb_broker_give_back(&f->broker, loan, moved, &error);
    g_assert_no_error(error);
    g_assert_true(given);
}

static gboolean
has_ended(const char *uuid, gpointer user_data)
{
    return g_strcmp0(uuid, user_data) == 0;
}

static void
settle(Fixture *f, const char *ended)
{
    g_autoptr(GError) error = NULL;
    gboolean settled = vb_broker_settle(&f->broker, has_ended, (gpointer)ended, &error);
    g_assert_no_error(error);
    g_assert_true(settled);
}

/* "node 0: 4 of 10 free; ..." */
static void
assert_pools(const Fixture *f, guint64 free0, guint64 total0, guint64 free1, guint64 total1)
{
    g_assert_cmpuint(f->pools.free[0], ==, free0);
    g_assert_cmpuint(f->pools.total[0], ==, total0);
    g_assert_cmpuint(f->pools.free[1], ==, free1);
    g_assert_cmpuint(f->pools.total[1], ==, total1);
}

/* --- one move ------------------------------------------------------------------------------- */

static void
test_what_lacks_is_borrowed_and_the_pages_travel(Fixture *f, gconstpointer unused)
{
    VbBorrow loan = borrow(f, 0, 1, 8, 6);
    assert_pools(f, 2, 10, 8, 16);
    fake_pools_move(&f->pools, 0, 1, 8);
    give_back(f, &loan, 8);
    assert_pools(f, 4, 4, 0, 16);
    g_assert_true(vb_loans_exist(f->dir));
}

static void
test_home_again_all_is_as_it_was(Fixture *f, gconstpointer unused)
{
    VbBorrow loan = borrow(f, 0, 1, 8, 6);
    fake_pools_move(&f->pools, 0, 1, 8);
    give_back(f, &loan, 8);
    loan = borrow(f, 1, 0, 8, 6);
    fake_pools_move(&f->pools, 1, 0, 8);
    give_back(f, &loan, 8);
    assert_pools(f, 2, 10, 2, 10);
    g_assert_false(vb_loans_exist(f->dir));
}

static void
test_a_pool_with_room_is_not_touched(Fixture *f, gconstpointer unused)
{
    VbBorrow loan = borrow(f, 0, 1, 2, 0);
    give_back(f, &loan, 2);
    g_assert_cmpuint(f->pools.writes, ==, 0);
    g_assert_false(vb_loans_exist(f->dir));
}

static void
test_a_move_that_fails_leaves_the_pools_as_they_were(Fixture *f, gconstpointer unused)
{
    VbBorrow loan = borrow(f, 0, 1, 8, 6);
    give_back(f, &loan, 0);
    assert_pools(f, 2, 10, 2, 10);
    g_assert_false(vb_loans_exist(f->dir));
}

static void
test_of_a_move_that_ends_early_the_rest_goes_back(Fixture *f, gconstpointer unused)
{
    VbBorrow loan = borrow(f, 0, 1, 8, 6);
    fake_pools_move(&f->pools, 0, 1, 5);
    give_back(f, &loan, 5);
    assert_pools(f, 4, 7, 0, 13);
}

static void
test_others_moves_count(Fixture *f, gconstpointer unused)
{
    VbBorrow first = need(GUEST, 0, 1, 6), second = need(OTHER, 0, 1, 4);
    fake_pools_use(&f->pools, 0, -6);
    fake_pools_use(&f->pools, 0, 2);
    g_assert_true(vb_broker_borrow(&f->broker, &first, 4, ROOM, NULL));
    g_assert_cmpuint(first.borrowed, ==, 6);
    g_assert_true(vb_broker_borrow(&f->broker, &second, 6, ROOM, NULL));
    g_assert_cmpuint(second.borrowed, ==, 2);
    g_assert_cmpuint(f->pools.free[1], ==, 10);
}

static void
test_what_is_promised_to_mappings_stays(Fixture *f, gconstpointer unused)
{
    VbBorrow loan = borrow(f, 0, 1, 8, 6);
    g_autoptr(GError) error = NULL;
    fake_pools_move(&f->pools, 0, 1, 8);
    f->pools.promised = 7;
    fake_pools_show(&f->pools);
    g_assert_false(vb_broker_give_back(&f->broker, &loan, 8, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    assert_pools(f, 7, 7, 0, 16);
    f->pools.promised = 0;
    fake_pools_show(&f->pools);
    settle(f, NULL);
    assert_pools(f, 4, 4, 0, 16);
}

/* --- limits --------------------------------------------------------------------------------- */

static void
test_by_default_no_pool_is_touched(Fixture *f, gconstpointer unused)
{
    f->broker.limit_bytes = 0;
    borrow(f, 0, 1, 8, 0);
    g_assert_cmpuint(f->pools.writes, ==, 0);
}

static void
test_no_more_than_the_limit_is_lent(Fixture *f, gconstpointer unused)
{
    f->broker.limit_bytes = 5 * PAGE;
    refused(f, 8, 0, ROOM, "no more than 5 can be borrowed");
    g_assert_cmpuint(f->pools.writes, ==, 0);
    f->broker.limit_bytes = 6 * PAGE;
    VbBorrow loan = borrow(f, 0, 1, 8, 6);
    fake_pools_move(&f->pools, 0, 1, 8);
    give_back(f, &loan, 8);
    /* What guests took along counts as long as it is there. */
    refused(f, 1, 0, ROOM, "no more than 0 can be borrowed");
}

static void
test_no_more_than_memory_has_room_for_is_lent(Fixture *f, gconstpointer unused)
{
    refused(f, 8, 0, 6 * PAGE - 1, "no more than 5 can be borrowed");
    g_assert_cmpuint(f->pools.writes, ==, 0);
}

static void
test_what_the_kernel_cannot_make_is_said_and_given_back(Fixture *f, gconstpointer unused)
{
    f->pools.gives[1] = 4;
    refused(f, 8, 0, ROOM, "of 6 more that it was asked for the kernel gave 4");
    assert_pools(f, 2, 10, 2, 10);
    g_assert_false(vb_loans_exist(f->dir));
}

static void
test_a_pool_that_may_not_be_written_lends_nothing(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    VbBorrow loan = need(GUEST, 0, 1, 8);
    f->fake->written = NULL;
    fake_kernel_deny(f->fake,
                     "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages");
    g_assert_false(vb_broker_borrow(&f->broker, &loan, 0, ROOM, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    assert_pools(f, 2, 10, 2, 10);
}

static void
test_what_may_be_borrowed_is_offered(Fixture *f, gconstpointer unused)
{
    g_autofree VbTopology *host = g_new0(VbTopology, 1);
    guint64 reserve[VB_NODES_MAX] = {[1] = 3 * PAGE};
    g_autoptr(GError) error = NULL;
    host->nodes = 3;
    for (guint i = 0; i < 2; i++) {
        host->node[i].memory_free_bytes = 10 * PAGE;
        host->node[i].n_pools = 1;
        host->node[i].pools[0] = (VbHugePool){.page_size = PAGE, .total = 10, .free = 2};
    }
    f->broker.limit_bytes = 9 * PAGE;
    g_autofree VbTopology *denied = g_memdup2(host, sizeof *host);
    g_assert_true(vb_broker_offer(&f->broker, reserve, host, NULL));
    g_assert_cmpuint(host->node[0].pools[0].borrow, ==, 9);
    g_assert_cmpuint(host->node[0].pools[0].free, ==, 11);
    g_assert_cmpuint(host->node[1].pools[0].borrow, ==, 7);
    fake_kernel_deny(f->fake,
                     "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages");
    g_assert_false(vb_broker_offer(&f->broker, reserve, denied, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    g_assert_true(strstr(error->message, "hugepages-borrow=") != NULL);
    g_assert_cmpuint(denied->node[0].pools[0].borrow, ==, 9);
    g_assert_cmpuint(denied->node[1].pools[0].borrow, ==, 0);
}

/* --- kills ---------------------------------------------------------------------------------- */

static void
test_killed_before_the_move_all_is_given_back(Fixture *f, gconstpointer unused)
{
    borrow(f, 0, 1, 8, 6);
    settle(f, NULL);
    assert_pools(f, 2, 10, 2, 10);
    g_assert_false(vb_loans_exist(f->dir));
}

static void
test_killed_after_some_moved_the_host_has_as_many_as_before(Fixture *f, gconstpointer unused)
{
    for (guint moved = 1; moved <= 8; moved++) {
        tear_down(f, NULL);
        set_up(f, NULL);
        borrow(f, 0, 1, 8, 6);
        fake_pools_move(&f->pools, 0, 1, moved);
        settle(f, NULL);
        g_assert_cmpuint(f->pools.total[0] + f->pools.total[1], ==, 20);
        g_assert_cmpuint(f->pools.total[1], >=, 10);
        g_assert_cmpuint(f->pools.free[0] + f->pools.free[1], ==, 4);
    }
}

static gboolean
dies_before(FakeKernel *fake, const char *path, const char *text, GError **error)
{
    _exit(9);
}

/* Another process borrows and is killed as it writes to the pool. */
static void
die_in_write(Fixture *f)
{
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        VbBorrow loan = need(GUEST, 0, 1, 8);
        f->fake->written = dies_before;
        vb_broker_borrow(&f->broker, &loan, 0, ROOM, NULL);
        _exit(1);
    }
    int status = 0;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 9);
}

/* The write was made in whole, in part, not at all; or somebody else wrote more still. */
static void
test_killed_in_the_write_what_it_did_is_found(Fixture *f, gconstpointer unused)
{
    static const struct {
        guint64 made, kept;
    } cases[] = {{0, 0}, {3, 0}, {6, 0}, {9, 3}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        tear_down(f, NULL);
        set_up(f, NULL);
        die_in_write(f);
        f->pools.total[1] += cases[i].made;
        f->pools.free[1] += cases[i].made;
        fake_pools_show(&f->pools);
        settle(f, NULL);
        assert_pools(f, 2, 10, 2 + cases[i].kept, 10 + cases[i].kept);
        g_assert_false(vb_loans_exist(f->dir));
    }
}

static void
test_a_move_under_way_is_not_settled(Fixture *f, gconstpointer unused)
{
    borrow(f, 0, 1, 8, 6);
    g_autoptr(VbLock) lock = vb_lock_take(f->dir, GUEST, "web1", NULL);
    settle(f, NULL);
    assert_pools(f, 2, 10, 8, 16);
}

static void
test_of_another_boot_nothing_is_owed(Fixture *f, gconstpointer unused)
{
    borrow(f, 0, 1, 8, 6);
    guint writes = f->pools.writes;
    fake_kernel_write(f->fake, "/proc/sys/kernel/random/boot_id", "boot-two\n", -1);
    settle(f, GUEST);
    g_assert_cmpuint(f->pools.writes, ==, writes);
    g_assert_false(vb_loans_exist(f->dir));
}

static void
test_a_damaged_file_is_an_error_with_its_name(Fixture *f, gconstpointer unused)
{
    static const char *const texts[] = {
        "{", "[]", "{\"schema\":\"vmbalancer.pools/2\"}",
        "{\"schema\":\"vmbalancer.pools/1\",\"boot\":\"boot-one\",\"loans\":[{\"guest\":\"../x\","
        "\"page_size\":4096,\"from\":0,\"to\":1,\"nodes\":[]}],\"totals\":[]}",
        "{\"schema\":\"vmbalancer.pools/1\",\"boot\":\"boot-one\",\"loans\":[{\"guest\":\"" GUEST
        "\",\"page_size\":4096,\"from\":0,\"to\":1,\"nodes\":[{\"node\":64,\"pages\":1}]}],"
        "\"totals\":[]}",
    };
    g_autofree char *path = g_build_filename(f->dir, "pools.json", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
        g_assert_false(vb_broker_settle(&f->broker, NULL, NULL, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
        g_assert_true(strstr(error->message, path) != NULL);
    }
    g_assert_cmpuint(f->pools.writes, ==, 0);
}

/* --- afterwards ----------------------------------------------------------------------------- */

static void
take_along(Fixture *f)
{
    VbBorrow loan = borrow(f, 0, 1, 8, 6);
    fake_pools_move(&f->pools, 0, 1, 8);
    give_back(f, &loan, 8);
}

static void
test_as_a_guest_runs_its_pages_stay_with_it(Fixture *f, gconstpointer unused)
{
    take_along(f);
    settle(f, OTHER);
    assert_pools(f, 4, 4, 0, 16);
}

static void
test_what_a_guest_took_along_goes_back_as_it_ends(Fixture *f, gconstpointer unused)
{
    take_along(f);
    fake_pools_use(&f->pools, 1, -8);
    settle(f, GUEST);
    assert_pools(f, 10, 10, 2, 10);
    g_assert_false(vb_loans_exist(f->dir));
}

static void
test_what_others_use_by_then_stays_until_they_leave(Fixture *f, gconstpointer unused)
{
    take_along(f);
    fake_pools_use(&f->pools, 1, -3);
    settle(f, GUEST);
    assert_pools(f, 7, 7, 0, 13);
    fake_pools_use(&f->pools, 1, -5);
    settle(f, GUEST);
    assert_pools(f, 10, 10, 2, 10);
}

static void
test_pools_that_the_administrator_set_anew_are_left_alone(Fixture *f, gconstpointer unused)
{
    take_along(f);
    fake_pools_use(&f->pools, 1, -8);
    f->pools.total[1] = f->pools.free[1] = 8;
    fake_pools_show(&f->pools);
    settle(f, GUEST);
    assert_pools(f, 4, 4, 8, 8);
    g_assert_false(vb_loans_exist(f->dir));
}

static void
test_what_the_administrator_took_away_is_not_owed(Fixture *f, gconstpointer unused)
{
    VbBorrow loan = borrow(f, 0, 1, 8, 6);
    f->pools.total[1] -= 4;
    f->pools.free[1] -= 4;
    fake_pools_show(&f->pools);
    give_back(f, &loan, 0);
    assert_pools(f, 2, 10, 2, 10);
}

static void
test_a_guest_that_goes_on_to_another_node_takes_them_along(Fixture *f, gconstpointer unused)
{
    take_along(f);
    /* Home by way of a move that brings half of it. */
    VbBorrow loan = borrow(f, 1, 0, 4, 4);
    assert_pools(f, 8, 8, 0, 16);
    fake_pools_move(&f->pools, 1, 0, 4);
    give_back(f, &loan, 4);
    assert_pools(f, 4, 8, 0, 12);
    loan = borrow(f, 1, 0, 4, 2);
    fake_pools_move(&f->pools, 1, 0, 4);
    give_back(f, &loan, 4);
    assert_pools(f, 2, 10, 2, 10);
}

/* A GiB at a time is no other thing to a pool. */
static void
test_pages_of_a_gib_are_lent_too(Fixture *f, gconstpointer unused)
{
    fake_pools_init(&f->pools, f->fake, 1024 * 1024, 1, 0);
    fake_pools_use(&f->pools, 0, 1);
    f->broker.limit_bytes = G_GUINT64_CONSTANT(1) << 30;
    VbBorrow loan = need(GUEST, 0, 1, 1);
    loan.page_size = G_GUINT64_CONSTANT(1) << 30;
    g_assert_true(vb_broker_borrow(&f->broker, &loan, 0, loan.page_size, NULL));
    g_assert_cmpuint(loan.borrowed, ==, 1);
    fake_pools_move(&f->pools, 0, 1, 1);
    give_back(f, &loan, 1);
    assert_pools(f, 0, 0, 0, 1);
}

#define ADD(path, test) g_test_add("/broker/" path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what lacks is borrowed and the pages travel", test_what_lacks_is_borrowed_and_the_pages_travel);
    ADD("home again all is as it was", test_home_again_all_is_as_it_was);
    ADD("a pool with room is not touched", test_a_pool_with_room_is_not_touched);
    ADD("a move that fails leaves the pools as they were", test_a_move_that_fails_leaves_the_pools_as_they_were);
    ADD("of a move that ends early the rest goes back", test_of_a_move_that_ends_early_the_rest_goes_back);
    ADD("others' moves count", test_others_moves_count);
    ADD("what is promised to mappings stays", test_what_is_promised_to_mappings_stays);
    ADD("by default no pool is touched", test_by_default_no_pool_is_touched);
    ADD("no more than the limit is lent", test_no_more_than_the_limit_is_lent);
    ADD("no more than memory has room for is lent", test_no_more_than_memory_has_room_for_is_lent);
    ADD("what the kernel cannot make is said and given back", test_what_the_kernel_cannot_make_is_said_and_given_back);
    ADD("a pool that may not be written lends nothing", test_a_pool_that_may_not_be_written_lends_nothing);
    ADD("what may be borrowed is offered", test_what_may_be_borrowed_is_offered);
    ADD("killed before the move all is given back", test_killed_before_the_move_all_is_given_back);
    ADD("killed after some moved the host has as many as before", test_killed_after_some_moved_the_host_has_as_many_as_before);
    ADD("killed in the write what it did is found", test_killed_in_the_write_what_it_did_is_found);
    ADD("a move under way is not settled", test_a_move_under_way_is_not_settled);
    ADD("of another boot nothing is owed", test_of_another_boot_nothing_is_owed);
    ADD("a damaged file is an error with its name", test_a_damaged_file_is_an_error_with_its_name);
    ADD("as a guest runs its pages stay with it", test_as_a_guest_runs_its_pages_stay_with_it);
    ADD("what a guest took along goes back as it ends", test_what_a_guest_took_along_goes_back_as_it_ends);
    ADD("what others use by then stays until they leave", test_what_others_use_by_then_stays_until_they_leave);
    ADD("pools that the administrator set anew are left alone", test_pools_that_the_administrator_set_anew_are_left_alone);
    ADD("what the administrator took away is not owed", test_what_the_administrator_took_away_is_not_owed);
    ADD("a guest that goes on takes them along", test_a_guest_that_goes_on_to_another_node_takes_them_along);
    ADD("pages of a GiB are lent too", test_pages_of_a_gib_are_lent_too);
    return g_test_run();
}
