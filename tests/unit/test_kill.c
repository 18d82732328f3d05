/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGKILL at every step of pinning and of giving back: the record and the guest are what the next
 * process knows, carries on from, and can give back exactly. A host of two nodes, CPUs 0-3 and 4-7;
 * its one guest lives in memory that outlives the process that is killed. Every call that makes
 * something last is a step: what the record is written with, and each call to the hypervisor.
 */
#include "act/lock.h"
#include "act/placement.h"
#include "act/undo.h"
#include "core/owner.h"
#include "temp_dir.h"
#include "world.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define UUID "00000000-0000-4000-8000-000000000001"
#define XML                                                                                        \
    "<domain type='kvm'><name>web1</name><uuid>" UUID "</uuid><memory unit='MiB'>64</memory>"      \
    "<vcpu>2</vcpu></domain>"
#define THREADS 2
#define TEXT 16

static const char *const threads[THREADS] = {"vcpu0", "vcpu1"};

/* What outlives the killed process beside its files. "" stands for none. */
typedef struct {
    char pin[THREADS][TEXT];
    guint n_marks;
    char mark[THREADS][4][TEXT];
    guint steps;
} World;

static World *world;
static guint die_at; /* 0: never */

static void
step(void)
{
    if (die_at > 0 && ++world->steps == die_at)
        kill(getpid(), SIGKILL);
}

/* --- the record's steps: before and after each call of these --------------------------------- */

int
rename(const char *from, const char *to)
{
    step();
    int result = (int)syscall(SYS_rename, from, to);
    step();
    return result;
}

int
unlink(const char *path)
{
    step();
    int result = (int)syscall(SYS_unlink, path);
    step();
    return result;
}

int
mkdir(const char *path, mode_t mode)
{
    step();
    int result = (int)syscall(SYS_mkdir, path, mode);
    step();
    return result;
}

ssize_t
write(int fd, const void *bytes, size_t length)
{
    step();
    ssize_t written = syscall(SYS_write, fd, bytes, length);
    step();
    return written;
}

/* The host lives on: what is not on the disk yet is as good as there. */
int
fsync(int fd)
{
    step();
    return 0;
}

/* --- the guest ------------------------------------------------------------------------------ */

static void
keep(char *into, const char *text)
{
    g_strlcpy(into, text != NULL ? text : "", TEXT);
}

static const char *
kept(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static VbDomainLook *
shared_look(VbHypervisor *hypervisor, const char *uuid, guint deadline_ms, GError **error)
{
    VbDomainLook *look = g_new0(VbDomainLook, 1);
    look->live = vb_domain_xml_parse(XML, strlen(XML), NULL);
    look->inactive = vb_domain_xml_parse(XML, strlen(XML), NULL);
    look->state = VB_GUEST_RUNNING;
    for (guint i = 0; i < THREADS; i++) {
        if (kept(world->pin[i]) == NULL)
            continue;
        VbDomainPin *pin = g_new0(VbDomainPin, 1);
        pin->thread = g_strdup(threads[i]);
        pin->cpuset = g_strdup(world->pin[i]);
        g_ptr_array_add(look->live->pins, pin);
    }
    for (guint i = 0; i < world->n_marks; i++)
        g_ptr_array_add(look->live->marks,
                        vb_mark_new(world->mark[i][0], kept(world->mark[i][1]), world->mark[i][2],
                                    kept(world->mark[i][3])));
    return look;
}

static gboolean fail_second; /* vcpu1 cannot be pinned to node 1 */

static gboolean
shared_pin(VbHypervisor *hypervisor, const char *uuid, const char *thread, const VbCpuSet *cpus,
          guint deadline_ms, GError **error)
{
    g_autofree char *text = vb_cpuset_format(cpus);
    guint i = g_str_equal(thread, threads[1]);
    if (fail_second && i == 1 && g_str_equal(text, "4-7")) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "no");
        return FALSE;
    }
    step();
    keep(world->pin[i], text);
    step();
    return TRUE;
}

static gboolean
shared_mark(VbHypervisor *hypervisor, const char *uuid, const GPtrArray *marks, guint deadline_ms,
           GError **error)
{
    g_assert_cmpuint(marks->len, <=, THREADS);
    step();
    for (guint i = 0; i < marks->len; i++) {
        const VbMark *mark = g_ptr_array_index(marks, i);
        keep(world->mark[i][0], mark->thread);
        keep(world->mark[i][1], mark->before);
        keep(world->mark[i][2], mark->ours);
        keep(world->mark[i][3], mark->meant);
    }
    world->n_marks = marks->len;
    step();
    return TRUE;
}

static const VbHypervisorOps ops = {.look = shared_look, .pin = shared_pin, .mark = shared_mark};
static VbHypervisor hypervisor = {&ops};

/* --- what is done to it ---------------------------------------------------------------------- */

typedef struct {
    char *dir;
    VbTopology *topology;
    VbPlacement placement;
} Fixture;

/* Each takes the lock: who was killed holds it no longer. */
static gboolean
pin_to(const Fixture *f, int node)
{
    g_autoptr(VbPlan) plan = vb_plan_new("test");
    g_autoptr(GError) error = NULL;
    g_autoptr(VbLock) lock = vb_lock_take(f->dir, UUID, "web1", &error);
    g_assert_no_error(error);
    VbGuest guest = {.uuid = (char *)UUID, .name = (char *)"web1"};
    VbCpuSet cpus = vb_topology_cpus_of_nodes(f->topology, VB_NODE_BIT(node));
    for (guint i = 0; i < THREADS; i++)
        vb_plan_add_pin(plan, &guest, threads[i], &cpus, VB_NO_NODE, node, "test");
    return vb_placement_pin(&f->placement, UUID, plan->actions, NULL);
}

static void
release(const Fixture *f)
{
    VbRelease ret;
    g_autoptr(GError) error = NULL;
    g_autoptr(VbLock) lock = vb_lock_take(f->dir, UUID, "web1", &error);
    g_assert_no_error(error);
    vb_placement_release(&f->placement, UUID, &ret, &error);
    g_assert_no_error(error);
}

static void
nothing(const Fixture *f)
{
}

static void
pin_first(const Fixture *f)
{
    g_assert_true(pin_to(f, 0));
}

static void
pin_second(const Fixture *f)
{
    g_assert_true(pin_to(f, 1));
}

static void
pin_half(const Fixture *f)
{
    fail_second = TRUE;
    g_assert_false(pin_to(f, 1));
    fail_second = FALSE;
}

static void
pin_elsewhere(const Fixture *f)
{
    g_assert_true(pin_to(f, 0));
    g_assert_true(vb_undo_remove(f->dir, UUID, NULL));
}

typedef struct {
    const char *name;
    void (*prepare)(const Fixture *f);
    void (*act)(const Fixture *f);
    guint least; /* steps that it takes, at least */
} Scenario;

static const Scenario scenarios[] = {
    {"first-home", nothing, pin_second, 12},
    {"second-home", pin_first, pin_second, 20},
    {"half-a-home", nothing, pin_half, 12},
    {"half-a-second-home", pin_first, pin_half, 16},
    {"release", pin_first, release, 8},
    {"second-home-of-one-that-came", pin_elsewhere, pin_second, 12},
    {"release-of-one-that-came", pin_elsewhere, release, 6},
};

static void
set_up(Fixture *f, const char *before)
{
    memset(world, 0, sizeof *world);
    keep(world->pin[0], before);
    f->dir = temp_dir_new();
    f->topology = world_topology(2, 4, GIB);
    f->placement = (VbPlacement){&hypervisor, f->dir, f->topology, 1000};
}

static void
tear_down(Fixture *f)
{
    g_free(f->topology);
    temp_dir_free(f->dir);
}

/* Returns: TRUE if it was killed at that step, FALSE if it was done before. */
static gboolean
killed_at(const Fixture *f, const Scenario *scenario, guint n)
{
    int status;
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        die_at = n;
        scenario->act(f);
        _exit(0);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    if (WIFEXITED(status)) {
        g_assert_cmpint(WEXITSTATUS(status), ==, 0);
        g_assert_cmpuint(world->steps, >=, scenario->least);
        return FALSE;
    }
    g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
    return TRUE;
}

/* As the next look would judge it. */
static VbOwner
owner_of(const Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbDomainLook) look = shared_look(NULL, UUID, 0, NULL);
    g_autoptr(VbUndo) undo = vb_undo_load(f->dir, UUID, &error);
    g_assert_no_error(error);
    g_autoptr(GHashTable) pins = undo != NULL ? vb_undo_pins(undo) : NULL;
    VbOwnerEvidence evidence = {.live = look->live, .inactive = look->inactive, .our_pins = pins};
    VbOwnerVerdict verdict;
    vb_owner_judge(&evidence, f->topology, &verdict);
    VbOwner owner = verdict.owner;
    vb_owner_verdict_clear(&verdict);
    return owner;
}

static void
assert_judged_rightly(const Fixture *f)
{
    gboolean held = FALSE;
    for (guint i = 0; i < THREADS; i++)
        held |= g_str_equal(world->pin[i], "0-3") || g_str_equal(world->pin[i], "4-7");
    g_assert_cmpint(owner_of(f), ==, held ? VB_OWNER_OURS : VB_OWNER_FREE);
}

/* Given back exactly, and nothing left behind: no record, no half-written one, no note. */
static void
assert_released(const Fixture *f, const char *before)
{
    release(f);
    g_assert_cmpstr(world->pin[0], ==, before);
    g_assert_true(kept(world->pin[1]) == NULL || g_str_equal(world->pin[1], "0-7"));
    g_assert_cmpuint(world->n_marks, ==, 0);
    g_autofree char *path = g_build_filename(f->dir, "guests", NULL);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *name = folder != NULL ? g_dir_read_name(folder) : NULL;
    g_assert_cmpstr(name, ==, NULL);
}

/* @again: whoever comes next carries on first. @before: what vcpu0 was pinned to */
static void
kill_everywhere(const Scenario *scenario, gboolean again, const char *before)
{
    gboolean killed = TRUE;
    for (guint n = 1; killed; n++) {
        Fixture f;
        set_up(&f, before);
        scenario->prepare(&f);
        killed = killed_at(&f, scenario, n);
        if (g_str_equal(before, "0-7"))
            assert_judged_rightly(&f);
        if (again)
            pin_second(&f);
        assert_released(&f, before);
        tear_down(&f);
    }
}

static void
test_scenario(gconstpointer data)
{
    kill_everywhere(data, FALSE, "0-7");
    kill_everywhere(data, FALSE, "2");
    kill_everywhere(data, TRUE, "0-7");
    kill_everywhere(data, TRUE, "2");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* A disk would make each rename wait; who is killed leaves the kernel's memory behind. */
    if (g_access("/dev/shm", W_OK) == 0)
        g_setenv("TMPDIR", "/dev/shm", TRUE);
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_assert_true(world != MAP_FAILED);
    for (guint i = 0; i < G_N_ELEMENTS(scenarios); i++) {
        g_autofree char *path = g_strdup_printf("/kill/%s", scenarios[i].name);
        g_test_add_data_func(path, &scenarios[i], test_scenario);
    }
    return g_test_run();
}
