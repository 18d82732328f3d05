/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/domain_xml.h"
#include <string.h>

/* Host devices that serve one guest: more than fit into a machine. */
#define DEVICES_MAX 1024

/* Returns: FALSE unless the attribute is a hexadecimal number up to @maximum, as libvirt writes it. */
static gboolean
read_hex(const xmlNode *address, const char *name, guint64 maximum, guint64 *ret)
{
    g_autofree char *text = vb_xml_attribute(address, name);
    return text != NULL && g_str_has_prefix(text, "0x") &&
           g_ascii_string_to_unsigned(text + 2, 16, 0, maximum, ret, NULL);
}

/* <source><address domain= bus= slot= function=/></source>. Returns: (transfer full) (nullable). */
static char *
pci_device(const xmlNode *device)
{
    const xmlNode *address = vb_xml_child(vb_xml_child(device, "source"), "address");
    guint64 domain = 0, bus, slot, function;
    if (address == NULL || !read_hex(address, "bus", 0xff, &bus) ||
        !read_hex(address, "slot", 0x1f, &slot) || !read_hex(address, "function", 7, &function))
        return NULL;
    read_hex(address, "domain", G_MAXUINT32, &domain);
    return g_strdup_printf("bus/pci/devices/%04x:%02x:%02x.%x", (guint)domain, (guint)bus,
                           (guint)slot, (guint)function);
}

/* A mediated device has no node of its own, but the device that it is made of has. */
static char *
mediated_device(const xmlNode *device)
{
    const xmlNode *address = vb_xml_child(vb_xml_child(device, "source"), "address");
    g_autofree char *uuid = vb_xml_attribute(address, "uuid");
    return uuid != NULL && g_uuid_string_is_valid(uuid)
               ? g_strdup_printf("bus/mdev/devices/%s/..", uuid)
               : NULL;
}

/* macvtap names the NIC of the host. */
static char *
network_device(const xmlNode *device)
{
    static const char letters[] = G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-";
    g_autofree char *name = vb_xml_attribute(vb_xml_child(device, "source"), "dev");
    gboolean plain = name != NULL && *name != '\0' && *name != '.' && strlen(name) < 16 &&
                     name[strspn(name, letters)] == '\0';
    return plain ? g_strdup_printf("class/net/%s/device", name) : NULL;
}

/* The devices that serve a guest, and whether the host pins the guest's RAM for them: VFIO, and vDPA in the same way. */
static const struct {
    const char *element;
    const char *type;
    gboolean pins;
    char *(*find)(const xmlNode *device);
} kinds[] = {
    {"hostdev", "pci", TRUE, pci_device},       {"hostdev", "mdev", TRUE, mediated_device},
    {"interface", "hostdev", TRUE, pci_device}, {"interface", "vdpa", TRUE, NULL},
    {"disk", "nvme", TRUE, pci_device},         {"interface", "direct", FALSE, network_device},
};

void
vb_domain_xml_read_devices(const xmlNode *root, VbDomain *domain)
{
    const xmlNode *devices = vb_xml_child(root, "devices");
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const xmlNode *node = vb_xml_child(devices, kinds[i].element);
        for (; node != NULL; node = vb_xml_next(node)) {
            if (!vb_xml_attribute_is(node, "type", kinds[i].type))
                continue;
            domain->n_hostdevs += kinds[i].pins;
            char *device = kinds[i].find != NULL ? kinds[i].find(node) : NULL;
            if (device != NULL && domain->devices->len < DEVICES_MAX)
                g_ptr_array_add(domain->devices, device);
            else
                g_free(device);
        }
    }
}
