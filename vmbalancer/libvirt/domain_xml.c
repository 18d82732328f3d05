/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/domain_xml.h"

#include "libvirt/hypervisor.h"
#include <string.h>
#include <vmbalancer/error.h>

static gboolean
read_identity(const xmlNode *root, VbDomain *domain, GError **error)
{
    const xmlNode *name = vb_xml_child(root, "name");
    const xmlNode *uuid = vb_xml_child(root, "uuid");
    g_autofree char *name_text = name == NULL ? NULL : vb_xml_text(name);
    g_autofree char *uuid_text = uuid == NULL ? NULL : vb_xml_text(uuid);
    if (name_text == NULL || *name_text == '\0') {
        g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID, "<name> is missing or empty");
        return FALSE;
    }
    if (uuid_text == NULL || !g_uuid_string_is_valid(uuid_text)) {
        g_autofree char *shown = vb_xml_shown(uuid_text != NULL ? uuid_text : "");
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "<uuid> is \"%s\": expected 32 hexadecimal digits in five groups", shown);
        return FALSE;
    }
    domain->name = g_steal_pointer(&name_text);
    domain->uuid = g_ascii_strdown(uuid_text, -1);
    return TRUE;
}

/* <vcpus> lists them all, but only where some may be plugged one by one; else they are the first. */
static gboolean
read_plugged(const xmlNode *root, guint max, VbDomain *domain, GError **error)
{
    const xmlNode *vcpu = vb_xml_child(vb_xml_child(root, "vcpus"), "vcpu");
    for (guint i = 0; vcpu == NULL && i < domain->n_vcpus; i++)
        vb_cpuset_add(&domain->plugged, i);
    for (; vcpu != NULL; vcpu = vb_xml_next(vcpu)) {
        g_autofree char *text = vb_xml_attribute(vcpu, "id");
        guint id;
        if (!vb_xml_number("<vcpus><vcpu id>", text != NULL ? text : "", 0, max - 1, &id, error))
            return FALSE;
        if (vb_xml_attribute_is(vcpu, "enabled", "yes"))
            vb_cpuset_add(&domain->plugged, id);
    }
    return TRUE;
}

/* @ret_max: with those that may be plugged in later */
static gboolean
read_vcpus(const xmlNode *root, VbDomain *domain, guint *ret_max, GError **error)
{
    const xmlNode *vcpu = vb_xml_child(root, "vcpu");
    domain->n_vcpus = *ret_max = 1;
    if (vcpu == NULL)
        return read_plugged(root, *ret_max, domain, error);
    g_autofree char *max = vb_xml_text(vcpu);
    if (!vb_xml_number("<vcpu>", max, 1, VB_CPUS_MAX, ret_max, error))
        return FALSE;
    domain->n_vcpus = *ret_max;
    g_autofree char *current = vb_xml_attribute(vcpu, "current");
    if (current != NULL &&
        !vb_xml_number("<vcpu current>", current, 1, *ret_max, &domain->n_vcpus, error))
        return FALSE;
    domain->vcpu_cpuset = vb_xml_attribute(vcpu, "cpuset");
    domain->placement_auto = vb_xml_attribute_is(vcpu, "placement", "auto");
    return read_plugged(root, *ret_max, domain, error);
}

static void
read_numatune(const xmlNode *root, VbDomain *domain)
{
    const xmlNode *memory = vb_xml_child(vb_xml_child(root, "numatune"), "memory");
    domain->numatune_mode = vb_xml_attribute(memory, "mode");
    domain->numatune_nodeset = vb_xml_attribute(memory, "nodeset");
    if (vb_xml_attribute_is(memory, "placement", "auto"))
        domain->placement_auto = TRUE;
}

/* The elements of <cputune> that pin, the attribute that numbers the thread, and our word for it.
 */
static const struct {
    const char *element;
    const char *number;
    const char *thread;
} pin_kinds[] = {
    {"vcpupin", "vcpu", "vcpu"},
    {"emulatorpin", NULL, "emulator"},
    {"iothreadpin", "iothread", "iothread"},
};

static gboolean
read_pin(const xmlNode *node, guint kind, VbDomain *domain, GError **error)
{
    g_autofree char *cpuset = vb_xml_attribute(node, "cpuset");
    g_autofree char *number = NULL;
    guint id = 0;
    if (pin_kinds[kind].number != NULL) {
        g_autofree char *what =
            g_strdup_printf("<%s %s>", pin_kinds[kind].element, pin_kinds[kind].number);
        g_autofree char *text = vb_xml_attribute(node, pin_kinds[kind].number);
        if (!vb_xml_number(what, text != NULL ? text : "", 0, VB_CPUS_MAX, &id, error))
            return FALSE;
        number = g_strdup_printf("%u", id);
    }
    if (cpuset == NULL || domain->pins->len >= 2 * VB_CPUS_MAX) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "<%s> %s", pin_kinds[kind].element,
                    cpuset == NULL ? "has no cpuset" : "is there too often");
        return FALSE;
    }
    VbDomainPin *pin = g_new0(VbDomainPin, 1);
    pin->thread = g_strconcat(pin_kinds[kind].thread, number, NULL);
    pin->cpuset = g_steal_pointer(&cpuset);
    g_ptr_array_add(domain->pins, pin);
    return TRUE;
}

static gboolean
read_pins(const xmlNode *root, VbDomain *domain, GError **error)
{
    const xmlNode *tune = vb_xml_child(root, "cputune");
    for (guint kind = 0; kind < G_N_ELEMENTS(pin_kinds); kind++) {
        const xmlNode *node = vb_xml_child(tune, pin_kinds[kind].element);
        for (; node != NULL; node = vb_xml_next(node))
            if (!read_pin(node, kind, domain, error))
                return FALSE;
    }
    return TRUE;
}

static gboolean
has_iothread(const VbDomain *domain, guint id)
{
    for (guint i = 0; i < domain->iothreads->len; i++)
        if (g_array_index(domain->iothreads, guint, i) == id)
            return TRUE;
    return FALSE;
}

static gboolean
read_iothreads(const xmlNode *root, VbDomain *domain, GError **error)
{
    const xmlNode *count_node = vb_xml_child(root, "iothreads");
    g_autofree char *count_text = count_node == NULL ? g_strdup("0") : vb_xml_text(count_node);
    guint count;
    if (!vb_xml_number("<iothreads>", count_text, 0, VB_CPUS_MAX, &count, error))
        return FALSE;
    const xmlNode *node = vb_xml_child(vb_xml_child(root, "iothreadids"), "iothread");
    for (; node != NULL && domain->iothreads->len < VB_CPUS_MAX; node = vb_xml_next(node)) {
        g_autofree char *text = vb_xml_attribute(node, "id");
        guint id;
        if (!vb_xml_number("<iothread id>", text != NULL ? text : "", 1, G_MAXINT, &id, error))
            return FALSE;
        if (!has_iothread(domain, id))
            g_array_append_val(domain->iothreads, id);
    }
    /* libvirt numbers those without an id from 1, past the ones that are taken. */
    for (guint id = 1; domain->iothreads->len < count; id++)
        if (!has_iothread(domain, id))
            g_array_append_val(domain->iothreads, id);
    return TRUE;
}

static gboolean
read_memory(const xmlNode *root, VbDomain *domain, GError **error)
{
    const xmlNode *memory = vb_xml_child(root, "memory");
    if (memory == NULL) {
        g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID, "<memory> is missing");
        return FALSE;
    }
    g_autofree char *text = vb_xml_text(memory);
    g_autofree char *unit = vb_xml_attribute(memory, "unit");
    return vb_xml_size("<memory>", text, unit, &domain->memory_bytes, error);
}

VbDomain *
vb_domain_xml_parse(const char *xml, gsize length, GError **error)
{
    g_autoptr(xmlDoc) doc = vb_xml_read(xml, length, error);
    if (doc == NULL)
        return NULL;
    const xmlNode *root = xmlDocGetRootElement(doc);
    if (!g_str_equal((const char *)root->name, "domain") || root->ns != NULL) {
        g_autofree char *shown = vb_xml_shown((const char *)root->name);
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "the XML describes <%s>: expected <domain>, as from virsh dumpxml", shown);
        return NULL;
    }
    g_autoptr(VbDomain) domain = vb_domain_new();
    guint max_vcpus;
    if (!read_identity(root, domain, error) || !read_memory(root, domain, error) ||
        !read_vcpus(root, domain, &max_vcpus, error) || !read_pins(root, domain, error) ||
        !read_iothreads(root, domain, error) ||
        !vb_domain_xml_read_cells(root, max_vcpus, domain, error))
        return NULL;
    read_numatune(root, domain);
    vb_domain_xml_read_devices(root, domain);
    vb_domain_xml_read_metadata(root, domain);
    return g_steal_pointer(&domain);
}
