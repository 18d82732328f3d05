/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A host with one guest of plain QEMU, whose process and whose monitor are this program's own. */
#include "fake_kernel.h"
#include "plain/plain.h"
#include "plain_qemu.h"
#include <vmbalancer/error.h>

#define DEADLINE_MS 10000
#define UUID "c7a5fdbd-edaf-9455-926a-d65c16db1809"
#define QEMU "/usr/bin/qemu-system-x86_64"
#define MIB (G_GUINT64_CONSTANT(1) << 20)

/* What was warned of, each with a newline behind it. */
static GString *warned;

static inline void
warn(const char *text)
{
    g_string_append_printf(warned, "%s\n", text);
}

/*
 * A host with CPUs 0-3, and this process taken for QEMU: it is the one that listens. Its threads are
 * 101 to 104 beside the main one.
 */
typedef struct {
    char *folder;
    FakeKernel *fake;
    FakeProcess *process;
    PlainQemu *qemu;
    VbHypervisor *plain;
} Stage;

static inline void
add_task(Stage *stage, int tid, guint64 cpus)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/stat", getpid(), tid);
    fake_kernel_write(stage->fake, path, "", -1);
    fake_kernel_set_affinity(stage->fake, tid, &(VbCpuSet){.word = {cpus}});
}

static inline char *
path_in(const Stage *stage, const char *name)
{
    return g_build_filename(stage->folder, name, NULL);
}

static inline void
set_up_with(Stage *stage, const char *cmdline)
{
    warned = g_string_new(NULL);
    stage->folder = g_dir_make_tmp("vmbalancer-plain-XXXXXX", NULL);
    stage->fake = fake_kernel_new();
    stage->process = fake_kernel_start(stage->fake, getpid(), 99, QEMU, cmdline);
    fake_kernel_write(stage->fake, "/sys/devices/system/cpu/online", "0-3\n", -1);
    for (int tid = 101; tid <= 104; tid++)
        add_task(stage, tid, 0xf);
    add_task(stage, getpid(), 0xf);
    g_autofree char *path = path_in(stage, "100.qmp");
    stage->qemu = plain_qemu_start(path);
    g_autofree char *pattern = path_in(stage, "*.qmp");
    const char *patterns[] = {pattern, "/nowhere/*.qmp", NULL};
    stage->plain = vb_plain_new(&stage->fake->kernel, patterns, warn);
}

static inline void
set_up(Stage *stage)
{
    set_up_with(stage, "qemu -name web");
}

static inline void
tear_down(Stage *stage)
{
    vb_hypervisor_free(stage->plain);
    if (stage->qemu != NULL)
        plain_qemu_stop(stage->qemu);
    fake_kernel_free(stage->fake);
    g_autoptr(GDir) folder = g_dir_open(stage->folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(folder)) != NULL;) {
        g_autofree char *path = path_in(stage, name);
        g_unlink(path);
    }
    g_rmdir(stage->folder);
    g_free(stage->folder);
    g_string_free(warned, TRUE);
}

static inline GPtrArray *
list(Stage *stage)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *looks = stage->plain->ops->list(stage->plain, DEADLINE_MS, &error);
    g_assert_no_error(error);
    return looks;
}

/* The one guest that there is. */
static inline VbDomainLook *
look(Stage *stage)
{
    g_autoptr(GPtrArray) looks = list(stage);
    g_assert_cmpuint(looks->len, ==, 1);
    return g_ptr_array_steal_index(looks, 0);
}
