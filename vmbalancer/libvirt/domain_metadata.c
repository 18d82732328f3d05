/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/domain_xml.h"

#include "libvirt/marks.h"
#include "libvirt/metadata_element.h"
#include <vmbalancer/error.h>

/* Managers are known by the namespace of what they leave in <metadata>; versions follow it. */
static const struct {
    const char *namespace_start;
    gsize flag;
} managers[] = {
    {"http://openstack.org/xmlns/libvirt/nova/", G_STRUCT_OFFSET(VbDomain, nova)},
    {"http://ovirt.org/vm/", G_STRUCT_OFFSET(VbDomain, ovirt)},
    {"http://kubevirt.io", G_STRUCT_OFFSET(VbDomain, kubevirt)},
};

static void
note_manager(const xmlNode *node, VbDomain *domain)
{
    for (guint i = 0; i < G_N_ELEMENTS(managers); i++)
        if (g_str_has_prefix(vb_xml_namespace(node), managers[i].namespace_start))
            G_STRUCT_MEMBER(gboolean, domain, managers[i].flag) = TRUE;
}

/* The second of two would leave open which one counts. */
static VbWish *
read_ours(const xmlNode *node, gboolean seen, GError **error)
{
    if (!seen)
        return vb_metadata_read(node, error);
    g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID,
                        "more than one element of " VB_METADATA_NAMESPACE ": expected one <numa>");
    return NULL;
}

void
vb_domain_xml_read_metadata(const xmlNode *root, VbDomain *domain)
{
    const xmlNode *metadata = vb_xml_child(root, "metadata");
    gboolean seen = FALSE;
    g_autoptr(GError) error = NULL;
    g_autoptr(VbWish) wish = NULL;
    for (const xmlNode *node = metadata == NULL ? NULL : metadata->children; node != NULL;
         node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        note_manager(node, domain);
        if (g_str_equal(vb_xml_namespace(node), VB_MARKS_NAMESPACE))
            vb_marks_read(node, domain->marks);
        if (error != NULL || !g_str_equal(vb_xml_namespace(node), VB_METADATA_NAMESPACE))
            continue;
        g_clear_pointer(&wish, vb_wish_free);
        wish = read_ours(node, seen, &error);
        seen = TRUE;
    }
    if (error != NULL) {
        domain->metadata_error = g_strdup(error->message);
        return;
    }
    if (wish == NULL)
        return;
    domain->policy = g_strdup(wish->policy);
    domain->home_nodes = g_strdup(wish->home);
    domain->wish = g_steal_pointer(&wish);
}
