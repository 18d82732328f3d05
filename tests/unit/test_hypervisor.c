/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_hypervisor.h"
#include "libvirt/domain_state.h"
#include "libvirt/qmp_passthrough.h"
#include "libvirt/uri.h"
#include <libvirt/libvirt.h>
#include <string.h>

/* libvirt's test driver: a guest of two vCPUs on a host of eight CPUs, in this process. */
#define TEST_URI "test:///default"
#define DEADLINE_MS 10000

static VbHypervisor *
connect_test(void)
{
    g_autoptr(GError) error = NULL;
    VbHypervisor *hypervisor = vb_hypervisor_connect(TEST_URI, DEADLINE_MS, &error);
    g_assert_no_error(error);
    g_assert_nonnull(hypervisor);
    return hypervisor;
}

static char *
only_guest(VbHypervisor *hypervisor)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) looks = hypervisor->ops->list(hypervisor, DEADLINE_MS, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(looks->len, ==, 1);
    const VbDomainLook *look = g_ptr_array_index(looks, 0);
    return g_strdup(look->live->uuid);
}

static void
test_list(void)
{
    g_autoptr(VbHypervisor) hypervisor = connect_test();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) looks = hypervisor->ops->list(hypervisor, DEADLINE_MS, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(looks->len, ==, 1);
    const VbDomainLook *look = g_ptr_array_index(looks, 0);
    g_assert_cmpstr(look->live->name, ==, "test");
    g_assert_nonnull(look->inactive);
    g_assert_cmpint(look->state, ==, VB_GUEST_RUNNING);
    g_assert_null(look->busy);
    g_assert_null(look->error);
}

static void
test_pin(void)
{
    static const struct {
        const char *thread;
        const char *cpus;
        gboolean good;
        VbError code;
        const char *words;
    } rows[] = {
        {"vcpu0", "2", TRUE, 0, NULL},
        {"vcpu1", "0-3", TRUE, 0, NULL},
        {"emulator", "4", TRUE, 0, NULL},
        {"vcpu9", "0", FALSE, VB_ERROR_FAILED, "guest test: pinning vcpu9 to CPUs 0: "},
        {"vcpu", "0", FALSE, VB_ERROR_INVALID, "no thread \"vcpu\": expected vcpuN"},
        {"vcpu-1", "0", FALSE, VB_ERROR_INVALID, "no thread"},
        {"emulator1", "0", FALSE, VB_ERROR_INVALID, "no thread"},
        {"iothread1", "0", FALSE, VB_ERROR_FAILED, "pinning iothread1"},
        {"vcpu0", "", FALSE, VB_ERROR_INVALID, "expected some of the host's, 0-7"},
        {"vcpu0", "0,4095", FALSE, VB_ERROR_INVALID, "CPUs \"0,4095\""},
    };
    g_autoptr(VbHypervisor) hypervisor = connect_test();
    g_autofree char *uuid = only_guest(hypervisor);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s to \"%s\"", rows[i].thread, rows[i].cpus);
        VbCpuSet cpus;
        g_assert_true(vb_cpuset_parse(rows[i].cpus, &cpus, NULL));
        g_autoptr(GError) error = NULL;
        gboolean good =
            hypervisor->ops->pin(hypervisor, uuid, rows[i].thread, &cpus, DEADLINE_MS, &error);
        g_assert_true(good == rows[i].good);
        if (good) {
            g_assert_no_error(error);
            g_autoptr(VbDomainLook) look =
                hypervisor->ops->look(hypervisor, uuid, DEADLINE_MS, &error);
            g_assert_no_error(error);
            g_assert_cmpstr(vb_domain_pin_of(look->live, rows[i].thread), ==, rows[i].cpus);
        } else {
            g_assert_error(error, VB_ERROR, (int)rows[i].code);
            g_assert_nonnull(strstr(error->message, rows[i].words));
        }
    }
}

/* As virDomainSetMetadata() keeps it and the domain XML gives it back. */
static void
test_marks(void)
{
    g_autoptr(VbHypervisor) hypervisor = vb_hypervisor_connect(TEST_URI, DEADLINE_MS, NULL);
    g_autoptr(GPtrArray) looks = hypervisor->ops->list(hypervisor, DEADLINE_MS, NULL);
    const VbDomain *guest = ((const VbDomainLook *)g_ptr_array_index(looks, 0))->live;
    g_autoptr(GPtrArray) marks = g_ptr_array_new_with_free_func((GDestroyNotify)vb_mark_free);
    g_autoptr(GError) error = NULL;
    g_ptr_array_add(marks, vb_mark_new("vcpu0", "2,5", "0-3", "4-7"));
    g_ptr_array_add(marks, vb_mark_new("emulator", NULL, "0-3", NULL));
    g_assert_true(hypervisor->ops->mark(hypervisor, guest->uuid, marks, DEADLINE_MS, &error));
    g_assert_no_error(error);
    g_autoptr(VbDomainLook) look =
        hypervisor->ops->look(hypervisor, guest->uuid, DEADLINE_MS, NULL);
    g_assert_cmpuint(look->live->marks->len, ==, 2);
    const VbMark *first = vb_mark_find(look->live->marks, "vcpu0");
    const VbMark *second = vb_mark_find(look->live->marks, "emulator");
    g_assert_cmpstr(first->before, ==, "2,5");
    g_assert_cmpstr(first->ours, ==, "0-3");
    g_assert_cmpstr(first->meant, ==, "4-7");
    g_assert_null(second->before);
    g_assert_null(second->meant);
    g_assert_cmpuint(look->inactive->marks->len, ==, 0);
    g_assert_null(look->live->metadata_error);
    g_ptr_array_set_size(marks, 0);
    g_assert_true(hypervisor->ops->mark(hypervisor, guest->uuid, marks, DEADLINE_MS, &error));
    g_autoptr(VbDomainLook) after =
        hypervisor->ops->look(hypervisor, guest->uuid, DEADLINE_MS, NULL);
    g_assert_cmpuint(after->live->marks->len, ==, 0);
}

static void
test_unknown_guest(void)
{
    static const char *const none = "00000000-0000-4000-8000-000000000001";
    g_autoptr(VbHypervisor) hypervisor = connect_test();
    g_autoptr(GError) error = NULL;
    g_assert_null(hypervisor->ops->look(hypervisor, none, DEADLINE_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    g_clear_error(&error);
    VbCpuSet cpus = {{1}};
    g_assert_false(hypervisor->ops->pin(hypervisor, none, "vcpu0", &cpus, DEADLINE_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
}

static void
test_no_monitor(void)
{
    g_autoptr(VbHypervisor) hypervisor = connect_test();
    g_autofree char *uuid = only_guest(hypervisor);
    g_autoptr(GError) error = NULL;
    g_assert_null(hypervisor->ops->monitor(hypervisor, uuid, "{}", DEADLINE_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED);
}

static void
test_refused_uris(void)
{
    static const struct {
        const char *uri;
        VbError code;
        const char *words;
    } rows[] = {
        {"qemu+ssh://host/system", VB_ERROR_UNSUPPORTED, "own host"},
        {"qemu+ssh:///system", VB_ERROR_UNSUPPORTED, "own host"},
        {"qemu+tcp://127.0.0.1/system", VB_ERROR_UNSUPPORTED, "own host"},
        {"qemu+tls:///system", VB_ERROR_UNSUPPORTED, "own host"},
        {"qemu+ext:///system?command=nc", VB_ERROR_UNSUPPORTED, "own host"},
        {"qemu://host/system", VB_ERROR_UNSUPPORTED, "own host"},
        {"qemu+unix:///system?socket=/nowhere/sock", VB_ERROR_UNREACHABLE,
         "systemctl start libvirtd"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].uri);
        g_autoptr(GError) error = NULL;
        g_assert_null(vb_hypervisor_connect(rows[i].uri, DEADLINE_MS, &error));
        g_assert_error(error, VB_ERROR, (int)rows[i].code);
        g_assert_nonnull(strstr(error->message, rows[i].uri));
        g_assert_nonnull(strstr(error->message, rows[i].words));
    }
}

static void
test_chosen_uri(void)
{
    g_unsetenv("LIBVIRT_DEFAULT_URI");
    g_autofree char *fallback = vb_uri_choose(NULL);
    g_assert_cmpstr(fallback, ==, "qemu:///system");
    g_setenv("LIBVIRT_DEFAULT_URI", TEST_URI, TRUE);
    g_autofree char *environment = vb_uri_choose(NULL);
    g_assert_cmpstr(environment, ==, TEST_URI);
    g_autofree char *empty = vb_uri_choose("");
    g_assert_cmpstr(empty, ==, TEST_URI);
    g_autofree char *named = vb_uri_choose("qemu:///session");
    g_assert_cmpstr(named, ==, "qemu:///session");
    g_autoptr(VbHypervisor) hypervisor = vb_hypervisor_connect(NULL, DEADLINE_MS, NULL);
    g_assert_nonnull(hypervisor);
    g_unsetenv("LIBVIRT_DEFAULT_URI");
}

static void
test_states(void)
{
    static const struct {
        int state;
        int reason;
        VbGuestState ours;
        const char *busy;
    } rows[] = {
        {VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, VB_GUEST_RUNNING, NULL},
        {VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_MIGRATED, VB_GUEST_RUNNING, NULL},
        {VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY, VB_GUEST_BUSY, "migration"},
        {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, VB_GUEST_PAUSED, NULL},
        {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, VB_GUEST_PAUSED, NULL},
        {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, VB_GUEST_BUSY, "migration"},
        {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SAVE, VB_GUEST_BUSY, "save"},
        {VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_DUMP, VB_GUEST_BUSY, "dump"},
        {VIR_DOMAIN_PMSUSPENDED, 0, VB_GUEST_PAUSED, NULL},
        {VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_USER, VB_GUEST_BUSY, "shutdown"},
        {VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED, VB_GUEST_OFF, NULL},
        {VIR_DOMAIN_NOSTATE, 0, VB_GUEST_UNKNOWN, NULL},
        {99, 99, VB_GUEST_UNKNOWN, NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *busy;
        g_assert_cmpint(vb_domain_state_read(rows[i].state, rows[i].reason, &busy), ==,
                        rows[i].ours);
        g_assert_cmpstr(busy, ==, rows[i].busy);
    }
    g_assert_cmpstr(vb_domain_state_job(VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT), ==, "migration");
    g_assert_null(vb_domain_state_job(VIR_DOMAIN_JOB_OPERATION_BACKUP));
    g_assert_cmpstr(vb_domain_state_job(99), ==, "job");
}

/* --- the fake -------------------------------------------------------------------------------- */

static void
test_fake_pins(void)
{
    g_autoptr(FakeHypervisor) fake = fake_hypervisor_new();
    VbHypervisor *base = fake_hypervisor_base(fake);
    const char *uuid = fake_hypervisor_add_plain(fake, "web<1>", 2, 512);
    VbCpuSet cpus = {{0xf}};
    g_assert_true(base->ops->pin(base, uuid, "vcpu1", &cpus, 0, NULL));
    fake_hypervisor_pin_from_outside(fake, uuid, "emulator", "7");
    g_autoptr(VbDomainLook) look = base->ops->look(base, uuid, 0, NULL);
    g_assert_cmpstr(look->live->name, ==, "web<1>");
    g_assert_cmpstr(vb_domain_pin_of(look->live, "vcpu1"), ==, "0-3");
    g_assert_cmpstr(vb_domain_pin_of(look->live, "emulator"), ==, "7");
    g_assert_cmpuint(look->inactive->pins->len, ==, 0);
    fake_hypervisor_remove(fake, uuid);
    g_autoptr(GError) error = NULL;
    g_assert_null(base->ops->look(base, uuid, 0, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    g_autofree char *log = fake_hypervisor_log(fake);
    g_autofree char *expected =
        g_strdup_printf("pin %s vcpu1 0-3\nlook %s\nlook %s\n", uuid, uuid, uuid);
    g_assert_cmpstr(log, ==, expected);
}

static void
test_fake_fails(void)
{
    g_autoptr(FakeHypervisor) fake = fake_hypervisor_new();
    VbHypervisor *base = fake_hypervisor_base(fake);
    const char *uuid = fake_hypervisor_add_plain(fake, "a", 1, 64);
    fake_hypervisor_fail(fake, "pin", 1, 1, VB_ERROR_DENIED, "not you");
    VbCpuSet cpus = {{1}};
    g_autoptr(GError) error = NULL;
    g_assert_true(base->ops->pin(base, uuid, "vcpu0", &cpus, 0, NULL));
    g_assert_false(base->ops->pin(base, uuid, "vcpu0", &cpus, 0, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    g_assert_true(base->ops->pin(base, uuid, "vcpu0", &cpus, 0, NULL));
    g_assert_cmpuint(fake_hypervisor_count(fake, "pin"), ==, 3);
    fake_hypervisor_set_state(fake, uuid, VB_GUEST_BUSY, "migration");
    g_autoptr(GPtrArray) looks = base->ops->list(base, 0, NULL);
    const VbDomainLook *look = g_ptr_array_index(looks, 0);
    g_assert_cmpint(look->state, ==, VB_GUEST_BUSY);
    g_assert_cmpstr(look->busy, ==, "migration");
}

static void
test_passthrough(void)
{
    g_autoptr(FakeHypervisor) fake = fake_hypervisor_new();
    const char *uuid = fake_hypervisor_add_plain(fake, "a", 1, 64);
    fake_hypervisor_answer(fake, "query-status", "{\"return\":{\"status\":\"running\"}}");
    g_autoptr(QmpTransport) qmp =
        vb_qmp_passthrough_new(fake_hypervisor_base(fake), uuid, DEADLINE_MS);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) reply =
        qmp_transport_execute(qmp, "query-status", NULL, DEADLINE_MS, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(reply), "status"), ==,
                    "running");
    g_assert_null(qmp_transport_execute(qmp, "query-kvm", NULL, DEADLINE_MS, NULL, &error));
    g_assert_nonnull(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hypervisor/lists-running-guests", test_list);
    g_test_add_func("/hypervisor/a-pin-shows-in-the-next-look", test_pin);
    g_test_add_func("/hypervisor/the-note-of-our-pins-reads-back", test_marks);
    g_test_add_func("/hypervisor/an-unknown-guest-is-no-guest", test_unknown_guest);
    g_test_add_func("/hypervisor/a-driver-without-monitor-says-so", test_no_monitor);
    g_test_add_func("/hypervisor/remote-and-dead-uris-are-refused", test_refused_uris);
    g_test_add_func("/hypervisor/the-uri-is-chosen-as-virsh-does", test_chosen_uri);
    g_test_add_func("/hypervisor/states-tell-what-keeps-a-guest-busy", test_states);
    g_test_add_func("/fake-hypervisor/pins-show-and-calls-are-logged", test_fake_pins);
    g_test_add_func("/fake-hypervisor/fails-when-told", test_fake_fails);
    g_test_add_func("/hypervisor/qmp-goes-through", test_passthrough);
    return g_test_run();
}
