/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/hypervisor.h"
#include "private_libvirtd.h"

#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define PATIENT_MS 20000
#define SHORT_MS 300
/* Over a deadline by so much at most; generous, for machines with more to do. */
#define GRACE_MS 1000

static VbHypervisor *
connect_to(const char *uri)
{
    g_autoptr(GError) error = NULL;
    VbHypervisor *hypervisor = vb_hypervisor_connect(uri, PATIENT_MS, &error);
    g_assert_no_error(error);
    return hypervisor;
}

static GPtrArray *
list(VbHypervisor *hypervisor, guint deadline_ms, GError **error)
{
    return hypervisor->ops->list(hypervisor, deadline_ms, error);
}

/* Lists with a short deadline; asserts the error and that it came in time. */
static void
assert_list_fails(VbHypervisor *hypervisor, VbError code, const char *words)
{
    g_autoptr(GError) error = NULL;
    gint64 begun = g_get_monotonic_time();
    g_assert_null(list(hypervisor, SHORT_MS, &error));
    g_assert_cmpint((g_get_monotonic_time() - begun) / 1000, <, SHORT_MS + GRACE_MS);
    g_assert_error(error, VB_ERROR, (int)code);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, words));
}

static void
wait_until_it_lists(VbHypervisor *hypervisor)
{
    for (guint i = 0; i < 100; i++) {
        g_autoptr(GPtrArray) looks = list(hypervisor, PATIENT_MS, NULL);
        if (looks != NULL)
            return;
        g_usleep(100 * 1000);
    }
    g_error("libvirtd did not come back");
}

/* --- libvirtd stops, dies ------------------------------------------------------------------- */

static void
test_stopped(void)
{
    g_autoptr(PrivateLibvirtd) libvirtd = private_libvirtd_start();
    if (libvirtd == NULL)
        return;
    g_autoptr(VbHypervisor) hypervisor = connect_to(libvirtd->test_uri);
    wait_until_it_lists(hypervisor);
    kill(libvirtd->pid, SIGSTOP);
    assert_list_fails(hypervisor, VB_ERROR_TIMEOUT, "did not answer within");
    assert_list_fails(hypervisor, VB_ERROR_TIMEOUT, "not tried");
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_hypervisor_connect(libvirtd->test_uri, SHORT_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_TIMEOUT);
    g_assert_nonnull(strstr(error->message, libvirtd->test_uri));
    kill(libvirtd->pid, SIGCONT);
    wait_until_it_lists(hypervisor);
}

static void
test_closed_while_stopped(void)
{
    g_autoptr(PrivateLibvirtd) libvirtd = private_libvirtd_start();
    if (libvirtd == NULL)
        return;
    VbHypervisor *idle = connect_to(libvirtd->test_uri);
    VbHypervisor *late = connect_to(libvirtd->test_uri);
    kill(libvirtd->pid, SIGSTOP);
    assert_list_fails(late, VB_ERROR_TIMEOUT, "did not answer within");
    gint64 begun = g_get_monotonic_time();
    vb_hypervisor_free(idle);
    vb_hypervisor_free(late);
    g_assert_cmpint((g_get_monotonic_time() - begun) / 1000, <, 2000 + GRACE_MS);
    /* What was left behind ends when libvirtd goes on. */
    kill(libvirtd->pid, SIGCONT);
    g_usleep(300 * 1000);
}

static void
test_killed(void)
{
    g_autoptr(PrivateLibvirtd) libvirtd = private_libvirtd_start();
    if (libvirtd == NULL)
        return;
    g_autoptr(VbHypervisor) hypervisor = connect_to(libvirtd->test_uri);
    wait_until_it_lists(hypervisor);
    private_libvirtd_kill(libvirtd);
    assert_list_fails(hypervisor, VB_ERROR_UNREACHABLE, "connection to libvirt is lost");
    assert_list_fails(hypervisor, VB_ERROR_UNREACHABLE, "systemctl start libvirtd");
    private_libvirtd_restart(libvirtd);
    wait_until_it_lists(hypervisor);
}

static void
test_killed_while_stopped(void)
{
    g_autoptr(PrivateLibvirtd) libvirtd = private_libvirtd_start();
    if (libvirtd == NULL)
        return;
    g_autoptr(VbHypervisor) hypervisor = connect_to(libvirtd->test_uri);
    kill(libvirtd->pid, SIGSTOP);
    assert_list_fails(hypervisor, VB_ERROR_TIMEOUT, "did not answer within");
    private_libvirtd_kill(libvirtd);
    g_usleep(300 * 1000);
    assert_list_fails(hypervisor, VB_ERROR_UNREACHABLE, "systemctl start libvirtd");
}

/* --- real guests ---------------------------------------------------------------------------- */

/* One libvirtd with QEMU for all these tests: it takes seconds to learn what QEMU can do. */
static struct {
    PrivateLibvirtd *libvirtd;
    virConnectPtr operator; /* what somebody else does to the guests */
    VbHypervisor *hypervisor;
} host;

static void
host_clear(void)
{
    vb_hypervisor_free(host.hypervisor);
    if (host.operator!= NULL)
        virConnectClose(host.operator);
    private_libvirtd_free(host.libvirtd);
}

/* Starts a guest without an operating system. Returns: FALSE, skipped, if QEMU does not run here.
 */
static gboolean
start_guest(const char *name, const char *words, gboolean persistent)
{
    g_autofree char *xml =
        g_strdup_printf("<domain type='qemu'><name>%s</name><memory unit='MiB'>64</memory>%s"
                        "<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>",
                        name, words);
    virDomainPtr domain = persistent ? virDomainDefineXML(host.operator, xml)
                                     : virDomainCreateXML(host.operator, xml, 0);
    gboolean started = domain != NULL && (!persistent || virDomainCreate(domain) == 0);
    if (!started)
        g_test_skip(virGetLastErrorMessage());
    if (domain != NULL)
        virDomainFree(domain);
    return started;
}

/* Starts the host if need be, and a guest. Returns: FALSE, skipped, if that does not work here. */
static gboolean
given_guest(const char *name)
{
    if (host.libvirtd == NULL) {
        host.libvirtd = private_libvirtd_start();
        if (host.libvirtd == NULL)
            return FALSE;
        host.operator= virConnectOpen(host.libvirtd->qemu_uri);
        host.hypervisor = connect_to(host.libvirtd->qemu_uri);
    }
    return start_guest(name, "<vcpu>2</vcpu>", TRUE);
}

/* The look at the guest of that name in a list. Returns: (transfer full) (nullable). */
static VbDomainLook *
look_by_name(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) looks = list(host.hypervisor, PATIENT_MS, &error);
    g_assert_no_error(error);
    g_ptr_array_set_free_func(looks, NULL);
    VbDomainLook *found = NULL;
    for (guint i = 0; i < looks->len; i++) {
        VbDomainLook *look = g_ptr_array_index(looks, i);
        if (g_str_equal(look->live->name, name))
            found = look;
        else
            vb_domain_look_free(look);
    }
    return found;
}

static void
test_pins_are_live_only(void)
{
    if (!given_guest("one"))
        return;
    g_assert_true(start_guest("two", "<vcpu>1</vcpu><iothreads>1</iothreads>", FALSE));
    static const struct {
        const char *guest;
        const char *thread;
    } rows[] = {{"one", "vcpu0"}, {"one", "vcpu1"}, {"one", "emulator"}, {"two", "iothread1"}};
    VbCpuSet cpus = {{1}};
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s of %s", rows[i].thread, rows[i].guest);
        g_autoptr(VbDomainLook) before = look_by_name(rows[i].guest);
        g_assert_null(before->error);
        g_assert_cmpint(before->state, ==, VB_GUEST_RUNNING);
        g_autoptr(GError) error = NULL;
        host.hypervisor->ops->pin(host.hypervisor, before->live->uuid, rows[i].thread, &cpus,
                                  PATIENT_MS, &error);
        g_assert_no_error(error);
        g_autoptr(VbDomainLook) after = look_by_name(rows[i].guest);
        g_assert_cmpstr(vb_domain_pin_of(after->live, rows[i].thread), ==, "0");
        g_assert_true((after->inactive == NULL) == g_str_equal(rows[i].guest, "two"));
        if (after->inactive != NULL)
            g_assert_cmpuint(after->inactive->pins->len, ==, 0);
    }
}

static void
test_gone_guest(void)
{
    if (!given_guest("gone"))
        return;
    g_autoptr(VbDomainLook) look = look_by_name("gone");
    virDomainPtr domain = virDomainLookupByName(host.operator, "gone");
    g_assert_cmpint(virDomainDestroy(domain), ==, 0);
    virDomainFree(domain);
    VbHypervisor *hypervisor = host.hypervisor;
    const char *uuid = look->live->uuid;
    VbCpuSet cpus = {{1}};
    g_autoptr(GError) error = NULL;
    g_assert_false(hypervisor->ops->pin(hypervisor, uuid, "vcpu0", &cpus, PATIENT_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    g_clear_error(&error);
    g_assert_null(hypervisor->ops->look(hypervisor, uuid, PATIENT_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    g_assert_null(look_by_name("gone"));
}

static void
test_paused_guest(void)
{
    if (!given_guest("paused"))
        return;
    virDomainPtr domain = virDomainLookupByName(host.operator, "paused");
    g_assert_cmpint(virDomainSuspend(domain), ==, 0);
    g_autoptr(VbDomainLook) look = look_by_name("paused");
    g_assert_cmpint(look->state, ==, VB_GUEST_PAUSED);
    virDomainFree(domain);
}

static void
test_hung_guest(void)
{
    static const char *const query = "{\"execute\":\"query-status\"}";
    if (!given_guest("hung"))
        return;
    g_assert_true(start_guest("other", "<vcpu>1</vcpu>", FALSE));
    g_autoptr(VbDomainLook) look = look_by_name("hung");
    VbHypervisor *hypervisor = host.hypervisor;
    const char *uuid = look->live->uuid;
    g_autoptr(GError) error = NULL;
    g_autofree char *reply = hypervisor->ops->monitor(hypervisor, uuid, query, PATIENT_MS, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(reply, "running"));

    GPid qemu = private_libvirtd_guest_pid(host.libvirtd, "hung");
    g_assert_cmpint(qemu, >, 1);
    kill(qemu, SIGSTOP);
    g_assert_null(hypervisor->ops->monitor(hypervisor, uuid, query, SHORT_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_TIMEOUT);
    gint64 begun = g_get_monotonic_time();
    g_autoptr(VbDomainLook) hung = look_by_name("hung");
    g_autoptr(VbDomainLook) other = look_by_name("other");
    g_assert_cmpint((g_get_monotonic_time() - begun) / 1000, <, GRACE_MS);
    g_assert_cmpint(hung->state, ==, VB_GUEST_BUSY);
    g_assert_nonnull(hung->busy);
    g_assert_cmpint(other->state, ==, VB_GUEST_RUNNING);

    kill(qemu, SIGCONT);
    for (guint i = 0; i < 100; i++) {
        g_autoptr(VbDomainLook) again = look_by_name("hung");
        if (again->state == VB_GUEST_RUNNING)
            return;
        g_usleep(100 * 1000);
    }
    g_error("the guest did not come back");
}

typedef struct {
    virDomainPtr domain;
    const char *path;
} Dump;

static gpointer
dump_live(gpointer data)
{
    const Dump *dump = data;
    virDomainCoreDump(dump->domain, dump->path, VIR_DUMP_LIVE);
    return NULL;
}

/* A dump of a running guest into a pipe that nobody reads: as a live migration, no state shows it.
 */
static void
test_job_of_running_guest(void)
{
    if (!given_guest("dumped"))
        return;
    g_autofree char *path = g_build_filename(host.libvirtd->folder, "pipe", NULL);
    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    if (geteuid() == 0)
        g_assert_cmpint(chmod(path, 0666), ==, 0);
    int pipe = open(path, O_RDONLY | O_NONBLOCK);
    g_assert_cmpint(pipe, >=, 0);
    Dump dump = {virDomainLookupByName(host.operator, "dumped"), path};
    GThread *thread = g_thread_new("dump", dump_live, &dump);
    gboolean seen = FALSE;
    for (guint i = 0; !seen && i < 50; i++) {
        g_autoptr(VbDomainLook) look = look_by_name("dumped");
        g_test_message("state %d, busy with %s", look->state, look->busy);
        seen = look->state == VB_GUEST_BUSY && g_str_equal(look->busy, "dump");
        g_usleep(100 * 1000);
    }
    close(pipe);
    g_thread_join(thread);
    virDomainFree(dump.domain);
    g_assert_true(seen);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/libvirtd/stopped-is-a-timeout-then-it-comes-back", test_stopped);
    g_test_add_func("/libvirtd/stopped-does-not-hold-up-the-end", test_closed_while_stopped);
    g_test_add_func("/libvirtd/killed-is-unreachable-until-it-is-back", test_killed);
    g_test_add_func("/libvirtd/killed-while-a-call-is-late-is-unreachable",
                    test_killed_while_stopped);
    g_test_add_func("/libvirtd/pins-are-live-only", test_pins_are_live_only);
    g_test_add_func("/libvirtd/a-gone-guest-is-no-guest", test_gone_guest);
    g_test_add_func("/libvirtd/a-paused-guest-is-paused", test_paused_guest);
    g_test_add_func("/libvirtd/a-hung-guest-holds-up-no-other", test_hung_guest);
    g_test_add_func("/libvirtd/a-job-of-a-running-guest-shows", test_job_of_running_guest);
    int result = g_test_run();
    host_clear();
    return result;
}
