/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real QEMU of this machine. There is no skip: without qemu-system-x86_64 this fails. */
#include "qmp/qmp.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define PATIENCE_MS 30000
#define MIB ((gint64)1024 * 1024)

typedef struct {
    char *dir;
    char *path;
    GSubprocess *process;
} Qemu;

/* A test that fails leaves no guest behind. */
static void
die_with_parent(gpointer data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Starts a stopped guest; NULL-terminated arguments follow. Waits until its monitor is there. */
static Qemu *
qemu_start(const char *pretty, const char *const *args)
{
    Qemu *self = g_new0(Qemu, 1);
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;

    self->dir = g_dir_make_tmp("qmp-XXXXXX", NULL);
    self->path = g_build_filename(self->dir, "monitor", NULL);
    g_ptr_array_add(argv, g_strdup("qemu-system-x86_64"));
    for (guint i = 0; args[i] != NULL; i++)
        g_ptr_array_add(argv, g_strdup(args[i]));
    g_ptr_array_add(argv, g_strdup("-chardev"));
    g_ptr_array_add(argv, g_strdup_printf("socket,id=m,path=%s,server=on,wait=off", self->path));
    g_ptr_array_add(argv, g_strdup("-mon"));
    g_ptr_array_add(argv, g_strdup_printf("chardev=m,mode=control,pretty=%s", pretty));
    g_ptr_array_add(argv, NULL);
    g_subprocess_launcher_set_child_setup(launcher, die_with_parent, NULL, NULL);
    self->process =
        g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 300 && !g_file_test(self->path, G_FILE_TEST_EXISTS); i++)
        g_usleep(100 * 1000);
    return self;
}

static void
qemu_stop(Qemu *self)
{
    g_subprocess_force_exit(self->process);
    g_assert_true(g_subprocess_wait(self->process, NULL, NULL));
    g_object_unref(self->process);
    g_remove(self->path);
    g_rmdir(self->dir);
    g_free(self->path);
    g_free(self->dir);
    g_free(self);
}

/* QEMU binds its socket before it listens: an early refusal is not the answer yet. */
static QmpClient *
qemu_open(Qemu *qemu, const QmpWatch *watch)
{
    g_autoptr(GError) error = NULL;
    QmpClient *client = NULL;

    for (guint i = 0; i < 300 && client == NULL; i++) {
        g_clear_error(&error);
        client = qmp_client_open(qemu->path, watch, PATIENCE_MS, NULL, &error);
        if (client == NULL)
            g_usleep(100 * 1000);
    }
    g_assert_no_error(error);
    return client;
}

static const char *const two_cells[] = {
    "-nodefaults", "-display",
    "none",        "-S",
    "-machine",    "q35",
    "-smp",        "4",
    "-m",          "64M,slots=2,maxmem=1G",
    "-object",     "memory-backend-ram,id=cell0,size=32M",
    "-object",     "memory-backend-ram,id=cell1,size=32M",
    "-numa",       "node,nodeid=0,cpus=0-1,memdev=cell0",
    "-numa",       "node,nodeid=1,cpus=2-3,memdev=cell1",
    "-object",     "iothread,id=disk",
    "-object",     "memory-backend-ram,id=plug,size=128M",
    "-device",     "pc-dimm,id=dimm,memdev=plug,node=1",
    NULL,
};

/* The kernel knows the thread that QMP names. */
static void
check_thread(Qemu *qemu, gint64 tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/task/%" G_GINT64_FORMAT,
                                            g_subprocess_get_identifier(qemu->process), tid);

    g_assert_true(g_file_test(path, G_FILE_TEST_IS_DIR));
}

static void
check_guest(Qemu *qemu, QmpTransport *transport)
{
    g_autoptr(GPtrArray) cpus = qmp_query_cpus(transport, PATIENCE_MS, NULL, NULL);
    g_autoptr(GPtrArray) iothreads = qmp_query_iothreads(transport, PATIENCE_MS, NULL, NULL);
    g_autoptr(GPtrArray) memdevs = qmp_query_memdevs(transport, PATIENCE_MS, NULL, NULL);
    g_autoptr(GPtrArray) devices = qmp_query_memory_devices(transport, PATIENCE_MS, NULL, NULL);
    g_autoptr(QmpVersion) version = qmp_query_version(transport, PATIENCE_MS, NULL, NULL);
    g_autoptr(QmpGpa2hva) cell1 = qmp_query_gpa2hva(transport, 40 * MIB, PATIENCE_MS, NULL, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpuint(cpus->len, ==, 4);
    for (guint i = 0; i < cpus->len; i++) {
        const QmpCpu *cpu = cpus->pdata[i];

        g_assert_cmpint(cpu->node_id, ==, cpu->index / 2);
        check_thread(qemu, cpu->tid);
    }
    g_assert_cmpuint(iothreads->len, ==, 1);
    check_thread(qemu, ((QmpIothread *)iothreads->pdata[0])->tid);
    g_assert_cmpuint(memdevs->len, ==, 3);
    g_assert_cmpuint(devices->len, ==, 1);
    g_assert_cmpint(((QmpMemoryDevice *)devices->pdata[0])->size_bytes, ==, 128 * MIB);
    g_assert_cmpint(((QmpMemoryDevice *)devices->pdata[0])->node, ==, 1);
    g_assert_cmpint(version->major, >=, 7);
    g_assert_cmpstr(cell1->region, ==, "cell1");
    g_assert_null(qmp_query_gpa2hva(transport, 1024 * 1024 * MIB, PATIENCE_MS, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_NOT_MAPPED);
}

static void
test_guest(gconstpointer pretty)
{
    Qemu *qemu = qemu_start(pretty, two_cells);
    QmpClient *client = qemu_open(qemu, NULL);

    check_guest(qemu, qmp_client_transport(client));
    qmp_client_unref(client);
    qemu_stop(qemu);
}

static const char *const no_machine[] = {"-nodefaults", "-display", "none", "-S",
                                         "-machine",    "none",     NULL};

/* While one client holds the monitor, the second is told so and what to do. */
static void
test_second_client(void)
{
    Qemu *qemu = qemu_start("off", no_machine);
    QmpClient *first = qemu_open(qemu, NULL);
    QmpClient *second;
    g_autoptr(GError) error = NULL;
    g_autoptr(QmpVersion) version = NULL;

    g_assert_null(qmp_client_open(qemu->path, NULL, 500, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_BUSY);
    g_assert_nonnull(strstr(error->message, "a second -qmp socket"));
    version = qmp_query_version(qmp_client_transport(first), PATIENCE_MS, NULL, NULL);
    g_assert_nonnull(version);
    qmp_client_unref(first);
    second = qemu_open(qemu, NULL);
    g_assert_true(qmp_client_is_open(second));
    qmp_client_unref(second);
    qemu_stop(qemu);
}

static void
on_event(QmpClient *client, const QmpEvent *event, gpointer seen)
{
    g_string_append_printf(seen, "%s ", event->name);
    g_assert_cmpint(event->timestamp_us, >, 0);
}

/* "cont" and "stop" are answered and announced; refusals carry QEMU's class and words. */
static void
test_events_and_refusal(void)
{
    Qemu *qemu = qemu_start("off", no_machine);
    g_autoptr(GString) seen = g_string_new(NULL);
    QmpWatch watch = {.event = on_event, .data = seen};
    QmpClient *client = qemu_open(qemu, &watch);
    QmpTransport *transport = qmp_client_transport(client);
    static const char *const commands[] = {"cont", "stop", "query-status"};
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autoptr(JsonNode) node =
            qmp_transport_execute(transport, commands[i], NULL, PATIENCE_MS, NULL, &error);

        g_assert_no_error(error);
        g_assert_nonnull(node);
    }
    g_assert_cmpstr(seen->str, ==, "RESUME STOP ");
    g_assert_null(qmp_transport_execute(transport, "no-such", NULL, PATIENCE_MS, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND);
    qmp_client_unref(client);
    qemu_stop(qemu);
}

static void
on_result(GObject *source, GAsyncResult *result, gpointer slot)
{
    *(GAsyncResult **)slot = g_object_ref(result);
}

/* "PID (name) STATE ...", and the name may hold anything: the state follows the last bracket. */
static gboolean
is_stopped(const char *task)
{
    g_autofree char *path = g_build_filename(task, "stat", NULL);
    g_autofree char *stat = NULL;

    return g_file_get_contents(path, &stat, NULL, NULL) && strstr(strrchr(stat, ')'), ") T ");
}

/* A stop is not instant: returns when no thread runs that could still answer. */
static void
qemu_freeze(Qemu *qemu)
{
    g_autofree char *tasks =
        g_strdup_printf("/proc/%s/task", g_subprocess_get_identifier(qemu->process));
    gboolean frozen = FALSE;

    g_subprocess_send_signal(qemu->process, SIGSTOP);
    for (guint i = 0; i < 300 && !frozen; i++) {
        g_autoptr(GDir) dir = g_dir_open(tasks, 0, NULL);

        frozen = TRUE;
        for (const char *tid; (tid = g_dir_read_name(dir)) != NULL;) {
            g_autofree char *task = g_build_filename(tasks, tid, NULL);

            frozen = frozen && is_stopped(task);
        }
        if (!frozen)
            g_usleep(100 * 1000);
    }
    g_assert_true(frozen);
}

/* QEMU is frozen so that it cannot answer, then killed: the command ends with it, not later. */
static void
test_qemu_dies(void)
{
    Qemu *qemu = qemu_start("off", no_machine);
    g_autoptr(GError) error = NULL;
    GAsyncResult *slot = NULL;
    QmpClient *client;

    qmp_client_unref(qemu_open(qemu, NULL)); /* it listens now */
    qmp_client_open_async(qemu->path, NULL, PATIENCE_MS, NULL, on_result, &slot);
    while (slot == NULL)
        g_main_context_iteration(NULL, TRUE);
    client = qmp_client_open_finish(slot, &error);
    g_assert_no_error(error);
    g_clear_object(&slot);
    qemu_freeze(qemu);
    qmp_query_cpus_async(qmp_client_transport(client), PATIENCE_MS, NULL, on_result, &slot);
    g_subprocess_send_signal(qemu->process, SIGKILL);
    while (slot == NULL)
        g_main_context_iteration(NULL, TRUE);
    g_assert_null(qmp_query_cpus_finish(slot, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_CLOSED);
    g_assert_false(qmp_client_is_open(client));
    g_object_unref(slot);
    qmp_client_unref(client);
    qemu_stop(qemu);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/qmp/qemu/guest", "off", test_guest);
    g_test_add_data_func("/qmp/qemu/guest-pretty", "on", test_guest);
    g_test_add_func("/qmp/qemu/second-client", test_second_client);
    g_test_add_func("/qmp/qemu/events-and-refusal", test_events_and_refusal);
    g_test_add_func("/qmp/qemu/dies", test_qemu_dies);
    return g_test_run();
}
