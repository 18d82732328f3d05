/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain/pins.h"
#include "observe/process.h"
#include <string.h>

#define CGROUPS "/sys/fs/cgroup"
#define ONLINE "/sys/devices/system/cpu/online"
#define ISOLATED "/sys/devices/system/cpu/isolated"

static gboolean
read_cpus(VbKernel *kernel, const char *path, VbCpuSet *ret)
{
    g_autofree char *line = vb_kernel_read_line(kernel, path, NULL);
    VbCpuSet cpus;
    if (line == NULL || !vb_cpuset_parse(line, &cpus, NULL) || vb_cpuset_count(&cpus) == 0)
        return FALSE;
    *ret = cpus;
    return TRUE;
}

/* The cpuset that holds the process: of its cgroup, or of the nearest above it that has one. */
static gboolean
read_cpuset(VbKernel *kernel, int pid, VbCpuSet *ret)
{
    g_autofree char *group = vb_process_cgroup(kernel, pid);
    while (group != NULL && *group == '/' && strstr(group, "..") == NULL) {
        g_autofree char *path = g_strconcat(CGROUPS, group, "/cpuset.cpus.effective", NULL);
        if (read_cpus(kernel, path, ret))
            return TRUE;
        *strrchr(group, '/') = '\0';
    }
    return FALSE;
}

static void
add_pin(VbKernel *kernel, VbDomain *live, const char *thread, int tid, const VbCpuSet *all)
{
    VbCpuSet cpus;
    if (kernel->ops->get_affinity(kernel, tid, &cpus) != 0 || vb_cpuset_within(all, &cpus))
        return;
    VbDomainPin *pin = g_new0(VbDomainPin, 1);
    pin->thread = g_strdup(thread);
    pin->cpuset = vb_cpuset_format(&cpus);
    g_ptr_array_add(live->pins, pin);
}

/* CPUs that the kernel gives to whoever asks for none: not the isolated ones. */
static gboolean
read_common(VbKernel *kernel, VbCpuSet *ret)
{
    VbCpuSet online, isolated;
    if (!read_cpus(kernel, ONLINE, &online))
        return FALSE;
    *ret = online;
    if (read_cpus(kernel, ISOLATED, &isolated))
        *ret = vb_cpuset_minus(&online, &isolated);
    return TRUE;
}

gboolean
vb_plain_pins(VbKernel *kernel, VbDomain *live)
{
    VbCpuSet common, all;
    if (!read_common(kernel, &common))
        return FALSE;
    all = common;
    if (read_cpuset(kernel, live->pid, &all) && !vb_cpuset_within(&common, &all)) {
        live->vcpu_cpuset = vb_cpuset_format(&all);
        /* One of isolated CPUs alone names them by that. */
        VbCpuSet shared = vb_cpuset_and(&all, &common);
        all = vb_cpuset_count(&shared) > 0 ? shared : all;
    } else {
        all = common;
    }
    for (guint i = 0; i < live->threads->len; i++) {
        const VbDomainThread *told = g_ptr_array_index(live->threads, i);
        add_pin(kernel, live, told->thread, told->tid, &all);
    }
    add_pin(kernel, live, "emulator", live->pid, &all);
    return TRUE;
}
