/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/pin.h"

#include "libvirt/failure.h"
#include <libvirt/virterror.h>
#include <string.h>
#include <vmbalancer/error.h>

typedef int (*PinFunc)(virDomainPtr domain, guint id, guchar *map, int length);

static int
pin_vcpu(virDomainPtr domain, guint id, guchar *map, int length)
{
    int result = virDomainPinVcpuFlags(domain, id, map, length, VIR_DOMAIN_AFFECT_LIVE);
    /* Drivers without the flag have the older call; for QEMU it means the running guest just so. */
    if (result < 0 && (virGetLastErrorCode() == VIR_ERR_NO_SUPPORT ||
                       virGetLastErrorCode() == VIR_ERR_INVALID_ARG))
        result = virDomainPinVcpu(domain, id, map, length);
    return result;
}

static int
pin_emulator(virDomainPtr domain, guint id, guchar *map, int length)
{
    return virDomainPinEmulator(domain, map, length, VIR_DOMAIN_AFFECT_LIVE);
}

static int
pin_iothread(virDomainPtr domain, guint id, guchar *map, int length)
{
    return virDomainPinIOThread(domain, id, map, length, VIR_DOMAIN_AFFECT_LIVE);
}

static const struct {
    const char *thread;
    gboolean numbered;
    PinFunc pin;
} kinds[] = {
    {"vcpu", TRUE, pin_vcpu},
    {"emulator", FALSE, pin_emulator},
    {"iothread", TRUE, pin_iothread},
};

/* Returns: NULL if there is no such thread. */
static PinFunc
find_kind(const char *thread, guint *ret_id)
{
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!g_str_has_prefix(thread, kinds[i].thread))
            continue;
        const char *number = thread + strlen(kinds[i].thread);
        guint64 id = 0;
        if (kinds[i].numbered ? !g_ascii_string_to_unsigned(number, 10, 0, G_MAXINT, &id, NULL)
                              : *number != '\0')
            continue;
        *ret_id = (guint)id;
        return kinds[i].pin;
    }
    return NULL;
}

/* How many CPUs libvirt's maps have: all that the host could have, online or not. */
static int
count_host_cpus(virConnectPtr connection)
{
    int n = virNodeGetCPUMap(connection, NULL, NULL, 0);
    virNodeInfo info;
    if (n < 0 && virNodeGetInfo(connection, &info) == 0)
        n = (int)VIR_NODEINFO_MAXCPUS(info);
    return MIN(n, VB_CPUS_MAX);
}

/* Returns: NULL with an error if @cpus are not CPUs of the host. */
static guchar *
make_map(virConnectPtr connection, const VbCpuSet *cpus, int *ret_length, GError **error)
{
    int n = count_host_cpus(connection);
    if (n < 0) {
        vb_failure_set(error, connection, NULL, "counting the host's CPUs");
        return NULL;
    }
    g_autofree guchar *map = g_new0(guchar, VIR_CPU_MAPLEN(n));
    guint used = 0;
    for (int cpu = 0; cpu < n; cpu++)
        if (vb_cpuset_has(cpus, (guint)cpu)) {
            VIR_USE_CPU(map, cpu);
            used++;
        }
    if (used == 0 || used < vb_cpuset_count(cpus)) {
        g_autofree char *text = vb_cpuset_format(cpus);
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "cannot pin to CPUs \"%s\": expected some of the host's, 0-%d", text, n - 1);
        return NULL;
    }
    *ret_length = VIR_CPU_MAPLEN(n);
    return g_steal_pointer(&map);
}

gboolean
vb_pin_thread(virDomainPtr domain, const char *thread, const VbCpuSet *cpus, GError **error)
{
    guint id = 0;
    PinFunc pin = find_kind(thread, &id);
    if (pin == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "no thread \"%s\": expected vcpuN, emulator or iothreadN", thread);
        return FALSE;
    }
    virConnectPtr connection = virDomainGetConnect(domain);
    int length;
    g_autofree guchar *map = make_map(connection, cpus, &length, error);
    if (map == NULL)
        return FALSE;
    if (pin(domain, id, map, length) == 0)
        return TRUE;
    g_autofree char *text = vb_cpuset_format(cpus);
    vb_failure_set(error, connection, domain, "pinning %s to CPUs %s", thread, text);
    return FALSE;
}
