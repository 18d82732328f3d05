/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain_fixture.h"

static void
test_devices(void)
{
    g_autoptr(VbDomain) passthrough = read_file("hostdev");
    g_assert_cmpuint(passthrough->n_hostdevs, ==, 3);
    static const char *const devices[] = {
        "bus/pci/devices/0000:3b:00.0",
        "bus/mdev/devices/c2177883-f1bb-47f0-914d-32a22e3a8804/..",
        "bus/pci/devices/0000:3b:02.1",
    };
    g_assert_cmpuint(passthrough->devices->len, ==, G_N_ELEMENTS(devices));
    for (guint i = 0; i < G_N_ELEMENTS(devices); i++)
        g_assert_cmpstr(g_ptr_array_index(passthrough->devices, i), ==, devices[i]);
    g_autoptr(VbDomain) locked = read_file("memfd-shared");
    g_assert_true(locked->locked);
}

/* What serves a guest, if it has an address that could be one; the RAM is pinned either way. */
static void
test_odd_devices(void)
{
#define PCI(rest) "<source><address " rest "/></source>"
    static const struct {
        const char *xml, *device;
        guint pinning;
    } rows[] = {
        {"<disk type='nvme'>" PCI("domain='0x0001' bus='0x01' slot='0x1f' function='0x7'") "</disk>",
         "bus/pci/devices/0001:01:1f.7", 1},
        {"<interface type='direct'><source dev='eth0' mode='bridge'/></interface>",
         "class/net/eth0/device", 0},
        {"<interface type='direct'><source dev='..'/></interface>", NULL, 0},
        {"<interface type='direct'><source dev='a/b'/></interface>", NULL, 0},
        {"<interface type='direct'><source dev=''/></interface>", NULL, 0},
        {"<interface type='direct'/>", NULL, 0},
        {"<interface type='bridge'><source bridge='br0'/></interface>", NULL, 0},
        {"<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>", NULL, 1},
        {"<hostdev type='pci'/>", NULL, 1},
        {"<hostdev type='pci'>" PCI("bus='1' slot='0x00' function='0x0'") "</hostdev>", NULL, 1},
        {"<hostdev type='pci'>" PCI("bus='0x100' slot='0x00' function='0x0'") "</hostdev>", NULL, 1},
        {"<hostdev type='pci'>" PCI("bus='0x01' slot='0x20' function='0x0'") "</hostdev>", NULL, 1},
        {"<hostdev type='mdev'>" PCI("uuid='../../../etc'") "</hostdev>", NULL, 1},
        {"<hostdev type='usb'>" PCI("bus='0x01' slot='0x00' function='0x0'") "</hostdev>", NULL, 0},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].xml);
        g_autofree char *devices = g_strdup_printf("<devices>%s</devices>", rows[i].xml);
        g_autofree char *text = small("", devices);
        g_autoptr(VbDomain) domain = parse(text);
        g_assert_cmpuint(domain->n_hostdevs, ==, rows[i].pinning);
        g_assert_cmpuint(domain->devices->len, ==, rows[i].device != NULL);
        if (rows[i].device != NULL)
            g_assert_cmpstr(g_ptr_array_index(domain->devices, 0), ==, rows[i].device);
    }
}

#define DIMM(attributes, source, target)                                                         \
    "<devices><memory model='dimm' " attributes ">" source "<target>" target                     \
    "</target><alias name='dimm0'/></memory></devices>"

/* A device has the backing of its cell, unless it says otherwise. */
static void
test_memory_devices(void)
{
    static const struct {
        const char *tail;
        VbBacking backing;
        guint64 mib, given_mib, page_size;
        gboolean shared;
        const char *backend; /* NULL: no device */
    } rows[] = {
        {DIMM("", "", "<size unit='MiB'>64</size><node>0</node>"), VB_BACKING_ANONYMOUS, 64, 64, 4096,
         FALSE, "memdimm0"},
        {DIMM("access='shared'", "", "<size unit='MiB'>64</size>"), VB_BACKING_FILE, 64, 64, 4096,
         TRUE, "memdimm0"},
        {HUGE("") DIMM("", "", "<size unit='MiB'>64</size>"), VB_BACKING_HUGEPAGES, 64, 64, 2 << 20,
         FALSE, "memdimm0"},
        {HUGE("") DIMM("", "<source><pagesize unit='KiB'>4</pagesize></source>",
                       "<size unit='MiB'>64</size>"),
         VB_BACKING_ANONYMOUS, 64, 64, 4096, FALSE, "memdimm0"},
        {DIMM("", "<source><pagesize unit='MiB'>1024</pagesize></source>",
              "<size unit='MiB'>1024</size>"),
         VB_BACKING_HUGEPAGES, 1024, 1024, 1 << 30, FALSE, "memdimm0"},
        {"<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
         "<devices><memory model='virtio-mem'><target><size unit='MiB'>512</size>"
         "<requested unit='MiB'>96</requested><current unit='MiB'>32</current></target>"
         "<alias name='virtiomem0'/></memory></devices>",
         VB_BACKING_MEMFD, 512, 32, 4096, TRUE, "memvirtiomem0"},
        {"<devices><memory model='nvdimm'><target><size>64</size></target>"
         "<alias name='nvdimm0'/></memory></devices>",
         0, 0, 0, 0, FALSE, NULL},
        {"<devices><memory model='dimm'><target><size>64</size></target></memory></devices>", 0, 0, 0,
         0, FALSE, NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].tail);
        g_autoptr(GError) error = NULL;
        g_autofree char *text = small("", rows[i].tail);
        g_autoptr(VbDomain) domain = vb_domain_xml_parse(text, strlen(text), &error);
        g_assert_no_error(error);
        g_assert_cmpuint(domain->memory_devices->len, ==, rows[i].backend != NULL);
        if (rows[i].backend == NULL)
            continue;
        const VbDomainCell *device = g_ptr_array_index(domain->memory_devices, 0);
        g_assert_cmpstr(device->backend, ==, rows[i].backend);
        g_assert_cmpuint(device->size_bytes, ==, rows[i].mib << 20);
        g_assert_cmpuint(device->given_bytes, ==, rows[i].given_mib << 20);
        g_assert_cmpuint(device->page_size, ==, rows[i].page_size);
        g_assert_cmpint(device->backing, ==, rows[i].backing);
        g_assert_true(device->shared == rows[i].shared);
    }
}

static void
test_wrong_memory_devices(void)
{
    static const struct {
        const char *tail;
        const char *words;
    } rows[] = {
        {DIMM("", "", "<node>0</node>"), "<memory> <size> is \"\""},
        {DIMM("", "", "<size>4</size><node>x</node>"), "<memory> <node> is \"x\""},
        {DIMM("", "", "<size>4</size><node>1</node>"), "dimm0 is of cell 1, which is not there"},
        {DIMM("", "<source><pagesize>3</pagesize></source>", "<size>4</size>"),
         "<memory> <pagesize> is 3072 bytes: expected a power of two"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].tail);
        g_autofree char *text = small("", rows[i].tail);
        assert_refused(text, strlen(text), rows[i].words);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/domain-devices/those-that-pin-ram-are-counted", test_devices);
    g_test_add_func("/domain-devices/odd-ones", test_odd_devices);
    g_test_add_func("/domain-devices/memory-is-backed-like-its-cell", test_memory_devices);
    g_test_add_func("/domain-devices/wrong-memory-is-named", test_wrong_memory_devices);
    return g_test_run();
}
