/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/domain_xml.h"

#include <string.h>
#include <vmbalancer/error.h>

#define POLICY_NAME_MAX 64

/* Managers are known by the namespace of what they leave in <metadata>; versions follow it. */
static const struct {
    const char *namespace_start;
    gsize flag;
} managers[] = {
    {"http://openstack.org/xmlns/libvirt/nova/", G_STRUCT_OFFSET(VbDomain, nova)},
    {"http://ovirt.org/vm/", G_STRUCT_OFFSET(VbDomain, ovirt)},
    {"http://kubevirt.io", G_STRUCT_OFFSET(VbDomain, kubevirt)},
};

static gboolean
is_policy_name(const char *text)
{
    gsize length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length >= 1 && length <= POLICY_NAME_MAX && text[length] == '\0';
}

static gboolean
read_policy(const char *value, VbDomain *domain, GError **error)
{
    if (!is_policy_name(value)) {
        g_autofree char *shown = vb_xml_shown(value);
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "attribute policy=\"%s\" of <numa>: expected a policy's name, up to %d of a-z, "
                    "0-9 and \"-\"",
                    shown, POLICY_NAME_MAX);
        return FALSE;
    }
    domain->policy = g_strdup(value);
    return TRUE;
}

static gboolean
read_home(const char *value, VbDomain *domain, GError **error)
{
    VbNodeSet nodes;
    if (!vb_nodeset_parse(value, &nodes, NULL) || nodes == 0) {
        g_autofree char *shown = vb_xml_shown(value);
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "attribute nodes=\"%s\" of <home>: expected host nodes, as in \"0-1,3\"",
                    shown);
        return FALSE;
    }
    domain->home_nodes = g_strdup(value);
    return TRUE;
}

/* What an element may carry: one attribute, read by a function. */
typedef struct {
    const char *element;
    const char *attribute;
    gboolean required;
    gboolean (*read)(const char *value, VbDomain *domain, GError **error);
} ElementRule;

static const ElementRule numa_rule = {"numa", "policy", FALSE, read_policy};
static const ElementRule home_rule = {"home", "nodes", TRUE, read_home};

static gboolean
read_element(const xmlNode *node, const ElementRule *rule, VbDomain *domain, GError **error)
{
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        if (attribute->ns == NULL && g_str_equal((const char *)attribute->name, rule->attribute))
            continue;
        g_autofree char *shown = vb_xml_shown((const char *)attribute->name);
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "attribute %s of <%s>: only %s is known",
                    shown, rule->element, rule->attribute);
        return FALSE;
    }
    g_autofree char *value = vb_xml_attribute(node, rule->attribute);
    if (value != NULL)
        return rule->read(value, domain, error);
    if (rule->required)
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "<%s> has no %s attribute", rule->element,
                    rule->attribute);
    return !rule->required;
}

static gboolean
set_unknown(const xmlNode *node, const char *parent, const char *known, GError **error)
{
    g_autofree char *content = node->type == XML_ELEMENT_NODE ? NULL : vb_xml_text(node);
    g_autofree char *shown = vb_xml_shown(content != NULL ? content : (const char *)node->name);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                content != NULL ? "text \"%s\" in <%s>: expected %s" : "<%s> in <%s>: expected %s",
                shown, parent, known);
    return FALSE;
}

/* Comments and blanks are free; anything else that is not known is an error. */
static gboolean
is_filler(const xmlNode *node)
{
    return node->type == XML_COMMENT_NODE || xmlIsBlankNode(node);
}

static gboolean
read_children(const xmlNode *numa, VbDomain *domain, GError **error)
{
    for (const xmlNode *node = numa->children; node != NULL; node = node->next) {
        if (is_filler(node))
            continue;
        if (node->type != XML_ELEMENT_NODE ||
            !g_str_equal(vb_xml_namespace(node), vb_xml_namespace(numa)) ||
            !g_str_equal((const char *)node->name, home_rule.element))
            return set_unknown(node, "numa", "only <home nodes=\"...\"/>", error);
        if (domain->home_nodes != NULL) {
            g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID,
                                "<home> is there twice in <numa>: expected at most one");
            return FALSE;
        }
        if (!read_element(node, &home_rule, domain, error))
            return FALSE;
        for (const xmlNode *inner = node->children; inner != NULL; inner = inner->next)
            if (!is_filler(inner))
                return set_unknown(inner, "home", "nothing", error);
    }
    return TRUE;
}

static gboolean
read_ours(const xmlNode *node, gboolean seen, VbDomain *domain, GError **error)
{
    if (seen) {
        g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID,
                            "more than one element of " VB_METADATA_NAMESPACE
                            ": expected one <numa>");
        return FALSE;
    }
    if (!g_str_equal((const char *)node->name, numa_rule.element))
        return set_unknown(node, "metadata", "<numa> of " VB_METADATA_NAMESPACE, error);
    return read_element(node, &numa_rule, domain, error) && read_children(node, domain, error);
}

static void
note_manager(const xmlNode *node, VbDomain *domain)
{
    for (guint i = 0; i < G_N_ELEMENTS(managers); i++)
        if (g_str_has_prefix(vb_xml_namespace(node), managers[i].namespace_start))
            G_STRUCT_MEMBER(gboolean, domain, managers[i].flag) = TRUE;
}

void
vb_domain_xml_read_metadata(const xmlNode *root, VbDomain *domain)
{
    const xmlNode *metadata = vb_xml_child(root, "metadata");
    gboolean seen = FALSE;
    g_autoptr(GError) error = NULL;
    for (const xmlNode *node = metadata == NULL ? NULL : metadata->children; node != NULL;
         node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        note_manager(node, domain);
        if (error != NULL || !g_str_equal(vb_xml_namespace(node), VB_METADATA_NAMESPACE))
            continue;
        read_ours(node, seen, domain, &error);
        seen = TRUE;
    }
    if (error == NULL)
        return;
    domain->metadata_error = g_strdup(error->message);
    g_clear_pointer(&domain->policy, g_free);
    g_clear_pointer(&domain->home_nodes, g_free);
}
