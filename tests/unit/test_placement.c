/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pins and their undoing, on a hypervisor of the test's own. A host of two nodes, CPUs 0-3 and 4-7.
 */
#include "act/placement.h"
#include "act/state.h"
#include "act/undo.h"
#include "core/owner.h"
#include "fake_hypervisor.h"
#include "temp_dir.h"
#include "world.h"
#include <string.h>

typedef struct {
    char *dir;
    FakeHypervisor *fake;
    VbTopology *topology;
    VbPlacement placement;
    const char *uuid; /* guest web1 of two vCPUs */
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
    f->dir = temp_dir_new();
    f->fake = fake_hypervisor_new();
    f->topology = world_topology(2, 4, GIB);
    f->uuid = fake_hypervisor_add_plain(f->fake, "web1", 2, 64);
    f->placement = (VbPlacement){fake_hypervisor_base(f->fake), f->dir, f->topology, 1000};
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    fake_hypervisor_free(f->fake);
    g_free(f->topology);
    temp_dir_free(f->dir);
}

/* Pins of "vcpu0 vcpu1" to @node. */
static gboolean
pin(const Fixture *f, const char *threads, int node, GError **error)
{
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    g_auto(GStrv) names = g_strsplit(threads, " ", -1);
    VbGuest guest = {.uuid = (char *)f->uuid, .name = (char *)"web1"};
    VbCpuSet cpus = vb_topology_cpus_of_nodes(f->topology, VB_NODE_BIT(node));
    for (guint i = 0; names[i] != NULL; i++)
        vb_plan_add_pin(plan, &guest, names[i], &cpus, VB_NO_NODE, node, "test");
    return vb_placement_pin(&f->placement, f->uuid, plan->actions, error);
}

static void
must_pin(const Fixture *f, const char *threads, int node)
{
    g_autoptr(GError) error = NULL;
    pin(f, threads, node, &error);
    g_assert_no_error(error);
}

static void
assert_pinned(const Fixture *f, const char *thread, const char *cpus)
{
    g_autofree char *now = fake_hypervisor_pinned(f->fake, f->uuid, thread);
    g_assert_cmpstr(now, ==, cpus);
}

/* Whether a record is on disk, and a thread's part of it: "before>ours>meant", "-" for NULL. */
static void
assert_recorded(const Fixture *f, const char *thread, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbUndo) undo = vb_undo_load(f->dir, f->uuid, &error);
    g_assert_no_error(error);
    const VbMark *noted = undo != NULL ? vb_undo_find(undo, thread) : NULL;
    g_autofree char *text =
        noted == NULL ? NULL
                      : g_strdup_printf("%s>%s>%s", noted->before != NULL ? noted->before : "-",
                                        noted->ours, noted->meant != NULL ? noted->meant : "-");
    g_assert_cmpstr(text, ==, expected);
}

static void
assert_no_record(const Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_undo_load(f->dir, f->uuid, &error));
    g_assert_no_error(error);
}

static VbRelease
must_release(const Fixture *f)
{
    VbRelease release;
    g_autoptr(GError) error = NULL;
    vb_placement_release(&f->placement, f->uuid, &release, &error);
    g_assert_no_error(error);
    return release;
}

/* As the next look would judge the guest. */
static VbOwner
owner_of(const Fixture *f)
{
    VbHypervisor *base = fake_hypervisor_base(f->fake);
    g_autoptr(VbDomainLook) look = base->ops->look(base, f->uuid, 1000, NULL);
    g_autoptr(VbUndo) undo = vb_undo_load(f->dir, f->uuid, NULL);
    g_autoptr(GHashTable) pins = undo != NULL ? vb_undo_pins(undo) : NULL;
    VbOwnerEvidence evidence = {.live = look->live, .inactive = look->inactive, .our_pins = pins};
    VbOwnerVerdict verdict;
    vb_owner_judge(&evidence, f->topology, &verdict);
    VbOwner owner = verdict.owner;
    vb_owner_verdict_clear(&verdict);
    return owner;
}

/* --- pinning ------------------------------------------------------------------------------- */

static void
test_pins_are_set_and_recorded(Fixture *f, gconstpointer unused)
{
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "emulator", "0-7");
    must_pin(f, "vcpu0 vcpu1 emulator", 1);
    assert_pinned(f, "vcpu0", "4-7");
    assert_pinned(f, "emulator", "4-7");
    assert_recorded(f, "vcpu0", "->4-7>-");
    assert_recorded(f, "emulator", "0-7>4-7>-");
    g_assert_cmpint(owner_of(f), ==, VB_OWNER_OURS);
}

static void
test_nothing_is_pinned_before_the_record_is_on_disk(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *in_the_way = g_build_filename(f->dir, "guests", NULL);
    g_assert_true(g_file_set_contents(in_the_way, "", 0, NULL));
    g_assert_false(pin(f, "vcpu0", 1, &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(fake_hypervisor_count(f->fake, "pin"), ==, 0);
}

static void
test_a_damaged_record_forbids_pinning(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    must_pin(f, "vcpu0", 0);
    g_autofree char *path = g_strdup_printf("%s/guests/%s.json", f->dir, f->uuid);
    g_assert_true(g_file_set_contents(path, "{", -1, NULL));
    g_assert_false(pin(f, "vcpu0", 1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    assert_pinned(f, "vcpu0", "0-3");
}

static void
test_a_damaged_record_forbids_releasing(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    VbRelease release;
    must_pin(f, "vcpu0", 0);
    g_autofree char *path = g_strdup_printf("%s/guests/%s.json", f->dir, f->uuid);
    g_assert_true(g_file_set_contents(path, "{", -1, NULL));
    g_assert_false(vb_placement_release(&f->placement, f->uuid, &release, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    assert_pinned(f, "vcpu0", "0-3");
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void
test_a_guest_that_was_half_read_is_left_alone(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    VbRelease release;
    must_pin(f, "vcpu0", 0);
    fake_hypervisor_set_error(f->fake, f->uuid, "its inactive XML could not be read");
    g_assert_false(pin(f, "vcpu0", 1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, "inactive XML"));
    g_clear_error(&error);
    g_assert_false(vb_placement_release(&f->placement, f->uuid, &release, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    assert_pinned(f, "vcpu0", "0-3");
    assert_recorded(f, "vcpu0", "->0-3>-");
}

static void
test_a_guest_that_ended_since_the_plan_is_no_guest(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    fake_hypervisor_remove(f->fake, f->uuid);
    g_assert_false(pin(f, "vcpu0", 1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    assert_no_record(f);
}

static void
test_pinning_again_keeps_what_was_before_us(Fixture *f, gconstpointer unused)
{
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu0", "2");
    must_pin(f, "vcpu0 vcpu1", 0);
    must_pin(f, "vcpu0 vcpu1", 1);
    assert_recorded(f, "vcpu0", "2>4-7>-");
    assert_recorded(f, "vcpu1", "->4-7>-");
    must_release(f);
    assert_pinned(f, "vcpu0", "2");
    assert_pinned(f, "vcpu1", "0-7");
}

static void
test_pins_of_a_guest_started_anew_are_not_taken_for_ours(Fixture *f, gconstpointer unused)
{
    must_pin(f, "vcpu0 vcpu1", 0);
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu0", NULL);
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu1", NULL);
    must_pin(f, "vcpu0", 1);
    assert_recorded(f, "vcpu0", "->4-7>-");
    assert_recorded(f, "vcpu1", NULL);
}

/* --- when it fails half-way ---------------------------------------------------------------- */

static void
test_a_pin_that_fails_undoes_those_before_it(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu0", "2");
    g_autofree char *call = g_strdup_printf("pin %s vcpu1", f->uuid);
    fake_hypervisor_fail(f->fake, call, 0, G_MAXUINT, VB_ERROR_FAILED, "no such vCPU");
    g_assert_false(pin(f, "vcpu0 vcpu1", 1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    g_assert_cmpstr(error->message, ==, "vcpu1 could not be pinned: no such vCPU");
    assert_pinned(f, "vcpu0", "2");
    assert_pinned(f, "vcpu1", NULL);
    assert_no_record(f);
}

/* Back to where it was just before, which is our own home for it, not to no pin at all. */
static void
test_a_failed_second_home_leaves_the_first(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    must_pin(f, "vcpu0 vcpu1", 0);
    g_autofree char *call = g_strdup_printf("pin %s vcpu1 4-7", f->uuid);
    fake_hypervisor_fail(f->fake, call, 0, 1, VB_ERROR_FAILED, "no");
    g_assert_false(pin(f, "vcpu0 vcpu1", 1, &error));
    assert_pinned(f, "vcpu0", "0-3");
    assert_pinned(f, "vcpu1", "0-3");
    assert_recorded(f, "vcpu0", "->0-3>-");
    assert_recorded(f, "vcpu1", "->0-3>-");
    g_assert_cmpint(owner_of(f), ==, VB_OWNER_OURS);
}

/* What was not heard of may yet happen: the record holds it. */
static void
test_a_pin_that_timed_out_stays_recorded(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    must_pin(f, "vcpu0 vcpu1", 0);
    g_autofree char *call = g_strdup_printf("pin %s vcpu1", f->uuid);
    fake_hypervisor_fail(f->fake, call, 0, G_MAXUINT, VB_ERROR_TIMEOUT, "it did not answer");
    g_assert_false(pin(f, "vcpu0 vcpu1", 1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_TIMEOUT);
    g_assert_nonnull(strstr(error->message, "1 threads could not be given back"));
    assert_pinned(f, "vcpu0", "0-3");
    assert_recorded(f, "vcpu1", "->0-3>4-7");
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu1", "4-7");
    g_assert_cmpint(owner_of(f), ==, VB_OWNER_OURS);
}

/* SIGKILL between the record and any of the pins: each mixture is ours and can be released. */
static void
test_a_kill_at_any_step_leaves_what_is_ours(Fixture *f, gconstpointer unused)
{
    static const char *const states[][2] = {{"0-3", "0-3"}, {"4-7", "0-3"}, {"4-7", "4-7"}};
    for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
        g_autoptr(VbUndo) undo = vb_undo_new(f->uuid, "web1");
        vb_undo_note(undo, "vcpu0", "2", "0-3", "4-7");
        vb_undo_note(undo, "vcpu1", NULL, "0-3", "4-7");
        g_assert_true(vb_undo_save(f->dir, undo, NULL));
        fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu0", states[i][0]);
        fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu1", states[i][1]);
        g_assert_cmpint(owner_of(f), ==, VB_OWNER_OURS);
        VbRelease release = must_release(f);
        g_assert_cmpuint(release.restored, ==, 2);
        assert_pinned(f, "vcpu0", "2");
        assert_pinned(f, "vcpu1", "0-7");
        assert_no_record(f);
    }
}

typedef struct {
    FakeHypervisor *fake;
    const char *uuid;
} Outsider;

static gpointer
pin_late(gpointer data)
{
    const Outsider *outsider = data;
    while (fake_hypervisor_count(outsider->fake, "look") < 2)
        g_usleep(1000);
    fake_hypervisor_pin_from_outside(outsider->fake, outsider->uuid, "vcpu1", "7");
    return NULL;
}

/* The second look is slow, so that the outsider is in time. */
static void
test_an_outsider_wins_and_the_rest_is_undone(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    Outsider outsider = {f->fake, f->uuid};
    fake_hypervisor_delay(f->fake, "look", 100);
    GThread *thread = g_thread_new("outsider", pin_late, &outsider);
    g_assert_false(pin(f, "vcpu0 vcpu1", 1, &error));
    g_thread_join(thread);
    g_assert_error(error, VB_ERROR, VB_ERROR_CHANGED);
    g_assert_nonnull(strstr(error->message, "\"7\""));
    assert_pinned(f, "vcpu0", "0-7");
    assert_pinned(f, "vcpu1", "7");
    assert_no_record(f);
}

static void
test_pins_that_cannot_be_verified_are_undone(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    fake_hypervisor_fail(f->fake, "look", 1, 1, VB_ERROR_TIMEOUT, "it did not answer");
    g_assert_false(pin(f, "vcpu0 vcpu1", 1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_TIMEOUT);
    assert_pinned(f, "vcpu0", "0-7");
    assert_pinned(f, "vcpu1", "0-7");
    assert_no_record(f);
}

/* --- giving back --------------------------------------------------------------------------- */

static void
test_without_a_record_there_is_nothing_to_release(Fixture *f, gconstpointer unused)
{
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu0", "1");
    VbRelease release = must_release(f);
    g_assert_false(release.recorded);
    assert_pinned(f, "vcpu0", "1");
}

static void
test_what_an_outsider_pinned_since_is_left(Fixture *f, gconstpointer unused)
{
    must_pin(f, "vcpu0 vcpu1", 1);
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu1", "5");
    VbRelease release = must_release(f);
    g_assert_true(release.recorded);
    g_assert_cmpuint(release.restored, ==, 1);
    g_assert_cmpuint(release.left, ==, 1);
    assert_pinned(f, "vcpu1", "5");
    assert_no_record(f);
}

static void
test_pins_that_are_gone_already_are_nobodys_doing(Fixture *f, gconstpointer unused)
{
    must_pin(f, "vcpu0 vcpu1", 1);
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu0", NULL);
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu1", "0-7");
    VbRelease release = must_release(f);
    g_assert_cmpuint(release.restored, ==, 0);
    g_assert_cmpuint(release.left, ==, 0);
    assert_no_record(f);
}

/* A saved guest comes back with the pins that it had. */
static void
test_the_record_of_a_guest_that_does_not_run_stays(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    VbRelease release;
    must_pin(f, "vcpu0", 1);
    fake_hypervisor_remove(f->fake, f->uuid);
    g_assert_false(vb_placement_release(&f->placement, f->uuid, &release, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    assert_recorded(f, "vcpu0", "->4-7>-");
}

static void
test_one_that_cannot_be_given_back_does_not_hold_up_the_others(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    VbRelease release;
    must_pin(f, "vcpu0 vcpu1", 1);
    g_autofree char *call = g_strdup_printf("pin %s vcpu0", f->uuid);
    fake_hypervisor_fail(f->fake, call, 0, 1, VB_ERROR_FAILED, "no");
    g_assert_false(vb_placement_release(&f->placement, f->uuid, &release, &error));
    g_assert_cmpstr(error->message, ==, "vcpu0 could not be given back: no");
    g_assert_cmpuint(release.restored, ==, 1);
    assert_pinned(f, "vcpu1", "0-7");
    assert_recorded(f, "vcpu0", "->4-7>-");
    assert_recorded(f, "vcpu1", NULL);
    g_assert_cmpuint(must_release(f).restored, ==, 1);
    assert_no_record(f);
}

#define XML(vcpus, rest)                                                                           \
    "<domain type='kvm'><name>web1</name><uuid>00000000-0000-4000-8000-0000000000ff</uuid>"        \
    "<memory unit='MiB'>64</memory>" vcpus rest "</domain>"

/* libvirt keeps the pin of an unplugged vCPU, refuses to change it, and applies it on replug. */
static void
test_the_pin_of_an_unplugged_vcpu_stays_recorded(Fixture *f, gconstpointer unused)
{
    const char *gaps = XML("<vcpu current='2'>3</vcpu>",
                           "<vcpus><vcpu id='0' enabled='yes'/><vcpu id='1' enabled='no'/>"
                           "<vcpu id='2' enabled='yes'/></vcpus>");
    f->uuid = fake_hypervisor_add(f->fake, gaps, gaps);
    g_autoptr(VbUndo) undo = vb_undo_new(f->uuid, "web1");
    const char *const threads[] = {"vcpu0", "vcpu1", "vcpu2", "iothread1"};
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++) {
        vb_undo_note(undo, threads[i], NULL, "0-3", NULL);
        fake_hypervisor_pin_from_outside(f->fake, f->uuid, threads[i], "0-3");
    }
    g_assert_true(vb_undo_save(f->dir, undo, NULL));
    VbRelease release = must_release(f);
    g_assert_cmpuint(release.restored, ==, 2);
    g_assert_cmpuint(release.absent, ==, 2);
    assert_pinned(f, "vcpu0", "0-7");
    assert_pinned(f, "vcpu2", "0-7");
    assert_recorded(f, "vcpu1", "->0-3>-");
    assert_recorded(f, "vcpu2", NULL);
    g_assert_cmpint(owner_of(f), ==, VB_OWNER_OURS);
}

static void
test_no_pin_means_what_the_guest_may_use(Fixture *f, gconstpointer unused)
{
    static const struct {
        const char *xml;
        const char *cpus;
    } cases[] = {
        {XML("<vcpu>1</vcpu>", ""), "0-7"},
        {XML("<vcpu cpuset='1-6'>1</vcpu>", ""), "1-6"},
        {XML("<vcpu placement='auto'>1</vcpu>",
             "<numatune><memory mode='strict' nodeset='1'/></numatune>"),
         "4-7"},
        {XML("<vcpu>1</vcpu>", "<numatune><memory mode='strict' nodeset='1'/></numatune>"), "0-7"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        f->uuid = fake_hypervisor_add(f->fake, cases[i].xml, cases[i].xml);
        must_pin(f, "vcpu0", 0);
        must_release(f);
        assert_pinned(f, "vcpu0", cases[i].cpus);
        fake_hypervisor_remove(f->fake, f->uuid);
    }
}

/* --- pins that came with the guest ---------------------------------------------------------- */

static void
lose_record(const Fixture *f)
{
    g_assert_true(vb_undo_remove(f->dir, f->uuid, NULL));
    assert_no_record(f);
}

static guint
count_marks(const Fixture *f)
{
    VbHypervisor *base = fake_hypervisor_base(f->fake);
    g_autoptr(VbDomainLook) look = base->ops->look(base, f->uuid, 1000, NULL);
    return look->live->marks->len;
}

static void
test_pins_without_a_record_are_known_by_the_guests_own_note(Fixture *f, gconstpointer unused)
{
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu0", "2");
    must_pin(f, "vcpu0 vcpu1", 1);
    lose_record(f);
    g_assert_cmpint(owner_of(f), ==, VB_OWNER_OURS);
    VbRelease release = must_release(f);
    g_assert_true(release.recorded);
    g_assert_cmpuint(release.restored, ==, 2);
    assert_pinned(f, "vcpu0", "2");
    assert_pinned(f, "vcpu1", "0-7");
    g_assert_cmpuint(count_marks(f), ==, 0);
}

static void
test_pins_that_came_with_the_guest_are_recorded_when_it_is_pinned(Fixture *f,
                                                                  gconstpointer unused)
{
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu0", "2");
    must_pin(f, "vcpu0 vcpu1", 1);
    lose_record(f);
    must_pin(f, "vcpu0", 0);
    assert_recorded(f, "vcpu0", "2>0-3>-");
    assert_recorded(f, "vcpu1", "->4-7>-");
    g_assert_cmpuint(count_marks(f), ==, 2);
}

/* It went to another host, was pinned there, and came back: the record here is of long ago. */
static void
test_a_guest_that_comes_back_with_other_pins_is_ours(Fixture *f, gconstpointer unused)
{
    must_pin(f, "vcpu0 vcpu1", 1);
    g_autoptr(VbUndo) old = vb_undo_new(f->uuid, "web1");
    vb_undo_note(old, "vcpu0", "5", "0-3", NULL);
    g_assert_true(vb_undo_save(f->dir, old, NULL));
    g_assert_cmpint(owner_of(f), ==, VB_OWNER_OURS);
    g_assert_cmpuint(must_release(f).restored, ==, 2);
    assert_pinned(f, "vcpu0", "0-7");
    assert_no_record(f);
}

static void
test_a_note_does_not_cover_an_operators_pin(Fixture *f, gconstpointer unused)
{
    must_pin(f, "vcpu0 vcpu1", 1);
    lose_record(f);
    fake_hypervisor_pin_from_outside(f->fake, f->uuid, "vcpu1", "5");
    g_assert_cmpint(owner_of(f), ==, VB_OWNER_HANDS_OFF);
    g_assert_cmpuint(must_release(f).restored, ==, 1);
    assert_pinned(f, "vcpu1", "5");
    g_assert_cmpuint(count_marks(f), ==, 0);
}

static void
test_nothing_is_pinned_that_cannot_be_noted(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    fake_hypervisor_fail(f->fake, "mark", 0, 1, VB_ERROR_FAILED, "no");
    g_assert_false(pin(f, "vcpu0", 1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    g_assert_cmpuint(fake_hypervisor_count(f->fake, "pin"), ==, 0);
    assert_no_record(f);
}

/* Else an operator's pin to the same CPUs would count as ours from then on. */
static void
test_a_note_that_cannot_be_removed_keeps_the_record(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    VbRelease release;
    must_pin(f, "vcpu0", 1);
    fake_hypervisor_fail(f->fake, "mark", 0, 1, VB_ERROR_FAILED, "no");
    g_assert_false(vb_placement_release(&f->placement, f->uuid, &release, &error));
    assert_pinned(f, "vcpu0", "0-7");
    assert_recorded(f, "vcpu0", "->4-7>-");
    must_release(f);
    assert_no_record(f);
    g_assert_cmpuint(count_marks(f), ==, 0);
}

#define ADD(path, test) g_test_add("/placement/" path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("pins-are-set-and-recorded", test_pins_are_set_and_recorded);
    ADD("no-pin-before-the-record", test_nothing_is_pinned_before_the_record_is_on_disk);
    ADD("damaged-record-forbids", test_a_damaged_record_forbids_pinning);
    ADD("release/damaged-record-forbids", test_a_damaged_record_forbids_releasing);
    ADD("half-read-guest-is-left-alone", test_a_guest_that_was_half_read_is_left_alone);
    ADD("ended-guest-is-no-guest", test_a_guest_that_ended_since_the_plan_is_no_guest);
    ADD("again-keeps-what-was-before", test_pinning_again_keeps_what_was_before_us);
    ADD("started-anew-is-not-ours", test_pins_of_a_guest_started_anew_are_not_taken_for_ours);
    ADD("failure-undoes-those-before", test_a_pin_that_fails_undoes_those_before_it);
    ADD("failed-second-home-leaves-the-first", test_a_failed_second_home_leaves_the_first);
    ADD("timed-out-stays-recorded", test_a_pin_that_timed_out_stays_recorded);
    ADD("kill-at-any-step-is-ours", test_a_kill_at_any_step_leaves_what_is_ours);
    ADD("outsider-wins", test_an_outsider_wins_and_the_rest_is_undone);
    ADD("unverified-is-undone", test_pins_that_cannot_be_verified_are_undone);
    ADD("release/without-record", test_without_a_record_there_is_nothing_to_release);
    ADD("release/outsider-is-left", test_what_an_outsider_pinned_since_is_left);
    ADD("release/gone-already", test_pins_that_are_gone_already_are_nobodys_doing);
    ADD("release/not-running-keeps-record", test_the_record_of_a_guest_that_does_not_run_stays);
    ADD("release/one-failure-stops-no-other",
        test_one_that_cannot_be_given_back_does_not_hold_up_the_others);
    ADD("release/unplugged-stays-recorded", test_the_pin_of_an_unplugged_vcpu_stays_recorded);
    ADD("release/no-pin-is-what-it-may-use", test_no_pin_means_what_the_guest_may_use);
    ADD("note/lost-record", test_pins_without_a_record_are_known_by_the_guests_own_note);
    ADD("note/pinned-again", test_pins_that_came_with_the_guest_are_recorded_when_it_is_pinned);
    ADD("note/came-back", test_a_guest_that_comes_back_with_other_pins_is_ours);
    ADD("note/operator", test_a_note_does_not_cover_an_operators_pin);
    ADD("note/no-note-no-pin", test_nothing_is_pinned_that_cannot_be_noted);
    ADD("note/stuck-keeps-record", test_a_note_that_cannot_be_removed_keeps_the_record);
    return g_test_run();
}
