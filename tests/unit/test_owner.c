/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/owner.h"
#include "libvirt/hypervisor.h"
#include <string.h>

/*
 * The host: four nodes of four CPUs, node 0 has CPUs 0-3 and so on; node 4 has memory only. The
 * guests' words are parts of a domain XML.
 */

#define NODES 4
#define NODE_CPUS 4

#define AUTO_NODESET                                                                               \
    "<vcpu placement='auto'>2</vcpu><numatune><memory mode='strict' nodeset='2'/></numatune>"
#define AUTO_CPUSET "<vcpu placement='auto' cpuset='4-7'>2</vcpu>"
#define AUTO_SILENT                                                                                \
    "<vcpu placement='auto'>2</vcpu><numatune><memory mode='strict' placement='auto'/></numatune>"
#define BOUND(nodes) "<numatune><memory mode='strict' nodeset='" nodes "'/></numatune>"
#define CPUSET(cpus) "<vcpu cpuset='" cpus "'>2</vcpu>"
#define HOME(nodes)                                                                                \
    "<metadata><numa xmlns='urn:vmbalancer:domain:1.0'><home nodes='" nodes "'/></numa></"         \
    "metadata>"
#define MANAGER(ns) "<metadata><x:vm xmlns:x='" ns "'/></metadata>"
#define NOVA MANAGER("http://openstack.org/xmlns/libvirt/nova/1.1")
#define OVIRT MANAGER("http://ovirt.org/vm/1.0")
#define KUBEVIRT MANAGER("http://kubevirt.io")
#define MEMNODE                                                                                    \
    "<numatune><memnode cellid='0' mode='strict' nodeset='1'/></numatune>"                         \
    "<cpu><numa><cell id='0' cpus='0-1' memory='1'/></numa></cpu>"
#define TUNE(pins) "<cputune>" pins "</cputune>"
#define VCPU0(cpus) "<vcpupin vcpu='0' cpuset='" cpus "'/>"
#define VCPU1(cpus) "<vcpupin vcpu='1' cpuset='" cpus "'/>"
#define EMULATOR(cpus) "<emulatorpin cpuset='" cpus "'/>"
#define IOTHREAD(cpus) "<iothreadpin iothread='1' cpuset='" cpus "'/>"
#define NOTED(pins)                                                                                \
    "<metadata><p:pins xmlns:p='urn:vmbalancer:pins:1.0'>" pins "</p:pins></metadata>"
#define NOTED_PIN(thread, words) "<p:pin thread='" thread "' " words "/>"
/* @inactive of a transient guest */
#define TRANSIENT NULL

typedef struct {
    const char *when;
    const char *live;
    const char *inactive;
    const char *ours; /* "thread=cpus thread=cpus", NULL = no record */
    VbOwner owner;
    const char *code;
    const char *words; /* what the reason must say */
    const char *nodes; /* the boundary */
    const char *cpus;
    const char *isolated; /* CPUs of the host; NULL: none */
} Row;

static VbTopology *
host(void)
{
    VbTopology *topology = g_new0(VbTopology, 1);
    for (int id = 0; id <= NODES; id++) {
        topology->nodes |= VB_NODE_BIT(id);
        topology->node[id].memory_total_bytes = 1 << 30;
        if (id == NODES)
            continue;
        topology->node[id].n_cpus = NODE_CPUS;
        for (int cpu = 0; cpu < NODE_CPUS; cpu++)
            vb_cpuset_add(&topology->node[id].cpus, (guint)(id * NODE_CPUS + cpu));
    }
    return topology;
}

static VbDomain *
guest(const char *words)
{
    g_autofree char *xml = g_strdup_printf("<domain><name>g</name><uuid>6695eb01-f6a4-8304-79aa-"
                                           "97f2502e193f</uuid><memory>4096</memory>%s</domain>",
                                           words);
    g_autoptr(GError) error = NULL;
    VbDomain *domain = vb_domain_xml_parse(xml, strlen(xml), &error);
    g_assert_no_error(error);
    g_assert_null(domain->metadata_error);
    return domain;
}

static GHashTable *
record(const char *ours)
{
    if (ours == NULL)
        return NULL;
    GHashTable *pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) parts = g_strsplit(ours, " ", -1);
    for (guint i = 0; parts[i] != NULL; i++) {
        g_auto(GStrv) pair = g_strsplit(parts[i], "=", 2);
        g_hash_table_insert(pins, g_strdup(pair[0]), g_strdup(pair[1]));
    }
    return pins;
}

static void
check(const Row *row, const char *cgroup)
{
    g_test_message("%s", row->when);
    g_autofree VbTopology *topology = host();
    g_assert_true(
        vb_cpuset_parse(row->isolated != NULL ? row->isolated : "", &topology->isolated, NULL));
    g_autoptr(VbDomain) live = guest(row->live);
    g_autoptr(VbDomain) inactive = row->inactive == NULL ? NULL : guest(row->inactive);
    g_autoptr(GHashTable) ours = record(row->ours);
    VbOwnerEvidence evidence = {live, inactive, cgroup, ours};
    VbOwnerVerdict verdict;
    vb_owner_judge(&evidence, topology, &verdict);
    g_assert_cmpint(verdict.owner, ==, row->owner);
    g_assert_cmpstr(verdict.code, ==, row->code);
    g_assert_true((verdict.reason == NULL) == (row->words == NULL));
    if (row->words != NULL && strstr(verdict.reason, row->words) == NULL)
        g_error("\"%s\" does not say \"%s\"", verdict.reason, row->words);
    g_autofree char *nodes = vb_nodeset_format(verdict.boundary);
    g_autofree char *cpus = vb_cpuset_format(&verdict.cpu_boundary);
    g_assert_cmpstr(nodes, ==, row->nodes);
    g_assert_cmpstr(cpus, ==, row->cpus);
    vb_owner_verdict_clear(&verdict);
}

#define ALL "0-3", "0-15"

static void
test_free(void)
{
    static const Row rows[] = {
        {"nobody says anything", "", "", NULL, VB_OWNER_FREE, NULL, NULL, ALL},
        {"Nova lets it float", NOVA, NOVA, NULL, VB_OWNER_FREE, NULL, NULL, ALL},
        {"a cpuset allows all", CPUSET("0-15"), CPUSET("0-15"), NULL, VB_OWNER_FREE, NULL, NULL,
         ALL},
        {"a nodeset allows all", BOUND("0-3"), BOUND("0-3"), NULL, VB_OWNER_FREE, NULL, NULL, ALL},
        {"an undone pin is left over", TUNE(VCPU0("0-15")), "", NULL, VB_OWNER_FREE, NULL, NULL,
         ALL},
        {"an undone pin names CPUs that are offline too", TUNE(VCPU0("0-31")), "", NULL,
         VB_OWNER_FREE, NULL, NULL, ALL},
        {"our pins are gone", "", "", "vcpu0=0-3", VB_OWNER_FREE, NULL, NULL, ALL},
        {"our pins were undone", TUNE(VCPU0("0-15")), "", "vcpu0=0-3", VB_OWNER_FREE, NULL, NULL,
         ALL},
        {"a transient guest has none", "", TRANSIENT, NULL, VB_OWNER_FREE, NULL, NULL, ALL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        check(&rows[i], "/machine/qemu-1-g.libvirt-qemu");
}

static void
test_ours(void)
{
    static const Row rows[] = {
        {"all live pins are recorded", TUNE(VCPU0("0-3") VCPU1("0-3") EMULATOR("0-3")), "",
         "vcpu0=0-3 vcpu1=0-3 emulator=0-3", VB_OWNER_OURS, "ours", "vmbalancer release", ALL},
        {"the record spells it otherwise", TUNE(VCPU0("0-3")), "", "vcpu0=3,2,1,0", VB_OWNER_OURS,
         "ours", "vmbalancer pinned", ALL},
        {"pins that came with the guest",
         TUNE(VCPU0("0-3") VCPU1("4-7"))
             NOTED(NOTED_PIN("vcpu0", "cpus='0-3'") NOTED_PIN("vcpu1", "cpus='0-3' meant='4-7'")),
         "", NULL, VB_OWNER_OURS, "ours", "before it came to this host", ALL},
        {"a transient guest's too", TUNE(VCPU0("0-3")), TRANSIENT, "vcpu0=0-3", VB_OWNER_OURS,
         "ours", "vmbalancer pinned", ALL},
        {"inside a boundary", TUNE(VCPU0("4-7")) BOUND("1"), BOUND("1"), "vcpu0=4-7", VB_OWNER_OURS,
         "ours", "vmbalancer pinned", "1", "4-7"},
        {"one of them undone", TUNE(VCPU0("0-15") VCPU1("0-3")), "", "vcpu0=0-3 vcpu1=0-3",
         VB_OWNER_OURS, "ours", "vmbalancer pinned", ALL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        check(&rows[i], NULL);
}

static void
test_bounded(void)
{
    static const Row rows[] = {
        {"by a cpuset", CPUSET("4-9"), CPUSET("4-9"), NULL, VB_OWNER_BOUNDED, "cpuset",
         "<vcpu cpuset> (CPUs 4-9) bounds the guest to nodes 1-2", "1-2", "4-9"},
        {"by a nodeset", BOUND("1"), BOUND("1"), NULL, VB_OWNER_BOUNDED, "numatune",
         "<numatune nodeset> (nodes 1) bounds the guest to node 1:", "1", "4-7"},
        {"by a nodeset that was changed live", BOUND("2"), BOUND("1"), NULL, VB_OWNER_BOUNDED,
         "numatune", "(nodes 2)", "2", "8-11"},
        {"by both", CPUSET("0-5") BOUND("1-2"), "", NULL, VB_OWNER_BOUNDED, "numatune", "nodes 1-2",
         "1", "4-5"},
        {"by its home in metadata", HOME("3"), HOME("3"), NULL, VB_OWNER_BOUNDED, "home",
         "<home nodes>", "3", "12-15"},
        {"by home and nodeset", HOME("1-3") BOUND("0-1"), "", NULL, VB_OWNER_BOUNDED, "numatune",
         "bounds the guest to node 1:", "1", "4-7"},
        {"by numad's nodes", AUTO_NODESET, AUTO_SILENT, NULL, VB_OWNER_BOUNDED, "auto", "numad",
         "2", "8-11"},
        {"by numad's CPUs", AUTO_CPUSET, AUTO_SILENT, NULL, VB_OWNER_BOUNDED, "auto", "numad", "1",
         "4-7"},
        {"by part of a node", CPUSET("0-2"), "", NULL, VB_OWNER_BOUNDED, "cpuset", "node 0:", "0",
         "0-2"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        check(&rows[i], NULL);
}

static void
test_hands_off(void)
{
    static const Row rows[] = {
        {"a vCPU is pinned by configuration", TUNE(VCPU0("0-3")), TUNE(VCPU0("0-3")), NULL,
         VB_OWNER_HANDS_OFF, "vcpupin",
         "vCPU 0 is pinned to CPUs 0-3 in the guest's configuration: the operator places it; "
         "remove <vcpupin> or use --force",
         ALL},
        {"even if our record says the same", TUNE(VCPU0("0-3")), TUNE(VCPU0("0-3")), "vcpu0=0-3",
         VB_OWNER_HANDS_OFF, "vcpupin", "configuration", ALL},
        {"even if not live", "", TUNE(VCPU1("1")), NULL, VB_OWNER_HANDS_OFF, "vcpupin", "vCPU 1",
         ALL},
        {"the emulator is", "", TUNE(EMULATOR("0")), NULL, VB_OWNER_HANDS_OFF, "emulatorpin",
         "the emulator is pinned to CPUs 0", ALL},
        {"an iothread is", "", TUNE(IOTHREAD("0")), NULL, VB_OWNER_HANDS_OFF, "iothreadpin",
         "iothread 1 is pinned", ALL},
        {"a cell is bound", MEMNODE, MEMNODE, NULL, VB_OWNER_HANDS_OFF, "memnode", "<memnode>",
         ALL},
        {"a cell is bound from the next start on", "", MEMNODE, NULL, VB_OWNER_HANDS_OFF, "memnode",
         "<memnode>", ALL},
        {"somebody pinned it live", TUNE(VCPU0("4-7")), "", NULL, VB_OWNER_HANDS_OFF, "foreign-pin",
         "vCPU 0 is pinned to CPUs 4-7, not by vmbalancer", ALL},
        {"somebody changed our pin", TUNE(VCPU0("4-7")), "", "vcpu0=0-3", VB_OWNER_HANDS_OFF,
         "foreign-pin", "CPUs 4-7", ALL},
        {"somebody changed a pin that came with the guest",
         TUNE(VCPU0("4-7")) NOTED(NOTED_PIN("vcpu0", "cpus='0-3'")), "", NULL, VB_OWNER_HANDS_OFF,
         "foreign-pin", "CPUs 4-7", ALL},
        {"the note names another thread",
         TUNE(VCPU0("0-3")) NOTED(NOTED_PIN("vcpu1", "cpus='0-3'")), "", NULL, VB_OWNER_HANDS_OFF,
         "foreign-pin", "CPUs 0-3", ALL},
        {"the note is damaged",
         TUNE(VCPU0("0-3")) NOTED(NOTED_PIN("vcpu0", "cpus='0-3'") NOTED_PIN("vcpu1", "")), "",
         NULL, VB_OWNER_HANDS_OFF, "foreign-pin", "CPUs 0-3", ALL},
        {"the note is the configuration's",
         TUNE(VCPU0("0-3")) NOTED(NOTED_PIN("vcpu0", "cpus='0-3'")),
         TUNE(VCPU0("0-3")) NOTED(NOTED_PIN("vcpu0", "cpus='0-3'")), NULL, VB_OWNER_HANDS_OFF,
         "vcpupin", "configuration", ALL},
        {"somebody added to our pins", TUNE(VCPU0("0-3") EMULATOR("8")), "", "vcpu0=0-3",
         VB_OWNER_HANDS_OFF, "foreign-pin", "the emulator", ALL},
        {"a transient guest has pins", TUNE(IOTHREAD("2")), TRANSIENT, NULL, VB_OWNER_HANDS_OFF,
         "foreign-pin", "iothread 1", ALL},
        {"a live pin makes no sense", TUNE(VCPU0("what")), "", "vcpu0=what", VB_OWNER_HANDS_OFF,
         "foreign-pin", "what", ALL},
        {"Nova tunes it", NOVA BOUND("1"), NOVA BOUND("1"), NULL, VB_OWNER_HANDS_OFF, "nova",
         "Nova", "1", "4-7"},
        {"Nova pins it", NOVA BOUND("1") TUNE(VCPU0("4")), NOVA BOUND("1") TUNE(VCPU0("4")), NULL,
         VB_OWNER_HANDS_OFF, "nova", "Nova", "1", "4-7"},
        {"Kubernetes has it", KUBEVIRT, "", NULL, VB_OWNER_HANDS_OFF, "kubevirt", "kubelet", ALL},
        {"numad's choice is not told", AUTO_SILENT, AUTO_SILENT, NULL, VB_OWNER_HANDS_OFF, "auto",
         "placement='static'", ALL},
        {"a boundary has memory only", BOUND("4"), "", NULL, VB_OWNER_HANDS_OFF, "no-home",
         "<numatune nodeset> = 4", "", ""},
        {"a boundary is not of this host", HOME("9"), "", NULL, VB_OWNER_HANDS_OFF, "no-home",
         "<home nodes> in its metadata = 9", "", ""},
        {"boundaries exclude each other", CPUSET("0-3") BOUND("1"), "", NULL, VB_OWNER_HANDS_OFF,
         "no-home", "<numatune nodeset> = 1, <vcpu cpuset> = 0-3", "", ""},
        {"a boundary makes no sense", CPUSET("what"), "", NULL, VB_OWNER_HANDS_OFF, "no-home",
         "<vcpu cpuset> = what", "", ""},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        check(&rows[i], NULL);
}

static void
test_observe_only(void)
{
    static const Row rows[] = {
        {"oVirt has it", OVIRT, OVIRT, NULL, VB_OWNER_OBSERVE_ONLY, "ovirt", "vdsm", ALL},
        {"oVirt has it and bounds it", OVIRT BOUND("1"), OVIRT, NULL, VB_OWNER_OBSERVE_ONLY,
         "ovirt", "vdsm", "1", "4-7"},
        {"we pinned it when forced", OVIRT TUNE(VCPU0("0-3")), OVIRT, "vcpu0=0-3",
         VB_OWNER_OBSERVE_ONLY, "ovirt", "vdsm", ALL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        check(&rows[i], NULL);
    static const Row pinned = {
        "oVirt pinned it", OVIRT, OVIRT TUNE(VCPU0("1")), NULL, VB_OWNER_HANDS_OFF, "vcpupin",
        "vCPU 0",          ALL};
    check(&pinned, NULL);
}

static void
test_isolated(void)
{
    static const Row rows[] = {
        {"nothing names them", "", "", NULL, VB_OWNER_FREE, NULL, NULL, "0-2", "0-10", "11-15"},
        {"it may run on all others", TUNE(VCPU0("0-10")), "", NULL, VB_OWNER_FREE, NULL, NULL,
         "0-2", "0-10", "11-15"},
        {"a node is bounded to", BOUND("2"), "", NULL, VB_OWNER_BOUNDED, "numatune", "node 2", "2",
         "8-10", "11-15"},
        {"a cpuset names them", CPUSET("10-12"), CPUSET("10-12"), NULL, VB_OWNER_BOUNDED, "cpuset",
         "nodes 2-3", "2-3", "10-12", "11-15"},
        {"numad chose them", AUTO_CPUSET, AUTO_CPUSET, NULL, VB_OWNER_BOUNDED, "auto", "node 1",
         "1", "4-6", "7"},
        {"all of a node are", BOUND("3"), "", NULL, VB_OWNER_HANDS_OFF, "no-home",
         "<numatune nodeset> = 3", "", "", "11-15"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        check(&rows[i], NULL);
}

static void
test_kubepods(void)
{
    static const Row row = {"its cgroup is a pod's", "",         "",           NULL,
                            VB_OWNER_HANDS_OFF,      "kubevirt", "Kubernetes", ALL};
    check(&row, "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice");
    check(&row, "/kubepods/besteffort/pod1");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/owner/free-when", test_free);
    g_test_add_func("/owner/ours-when", test_ours);
    g_test_add_func("/owner/bounded", test_bounded);
    g_test_add_func("/owner/hands-off-when", test_hands_off);
    g_test_add_func("/owner/observe-only-when", test_observe_only);
    g_test_add_func("/owner/isolated-cpus-when", test_isolated);
    g_test_add_func("/owner/hands-off-when-a-pod-has-it", test_kubepods);
    return g_test_run();
}
