/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/metadata_element.h"

#include <string.h>
#include <vmbalancer/error.h>

#define ROOT "numa"
#define PARAMETER "parameter"
#define CHILDREN "only <home>, <locality>, <migrate> and <parameter>, each with its attributes"

/* An element of ours while it is read. */
typedef struct {
    const xmlNode *root;
    VbWish *wish;
    guint seen; /* fields whose element was met, as bits */
} Reading;

/* Comments, instructions and blanks are free; anything else that is not known is an error. */
static gboolean
is_filler(const xmlNode *node)
{
    return node->type == XML_COMMENT_NODE || node->type == XML_PI_NODE || xmlIsBlankNode(node);
}

static gboolean
refuse_node(const xmlNode *node, const char *parent, const char *known, GError **error)
{
    g_autofree char *content = node->type == XML_ELEMENT_NODE ? NULL : vb_xml_text(node);
    g_autofree char *shown = vb_xml_shown(content != NULL ? content : (const char *)node->name);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                content != NULL ? "text \"%s\" in <%s>: expected %s" : "<%s> in <%s>: expected %s",
                shown, parent, known);
    return FALSE;
}

static gboolean
refuse_value(const char *element, const char *attribute, const char *value, const char *expected,
             GError **error)
{
    g_autofree char *shown = vb_xml_shown(value);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "attribute %s=\"%s\" of <%s>: expected %s",
                attribute, shown, element, expected);
    return FALSE;
}

/* "min and target": the attributes that an element knows. */
static char *
list_attributes(const char *element)
{
    GString *text = g_string_new(NULL);
    for (guint field = 0; field < VB_WISH_FIELDS; field++)
        if (g_str_equal(vb_wish_words(field)->element, element))
            g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "",
                                   vb_wish_words(field)->attribute);
    return g_string_free(text, FALSE);
}

static gboolean
read_attribute(Reading *reading, const char *element, const xmlAttr *attribute, GError **error)
{
    const char *name = (const char *)attribute->name;
    for (guint field = 0; attribute->ns == NULL && field < VB_WISH_FIELDS; field++) {
        const VbWishWords *words = vb_wish_words(field);
        if (!g_str_equal(words->element, element) || !g_str_equal(words->attribute, name))
            continue;
        g_autofree char *value = vb_xml_attribute(attribute->parent, name);
        return vb_wish_set(reading->wish, field, value) ||
               refuse_value(element, name, value, words->expected, error);
    }
    g_autofree char *shown = vb_xml_shown(name);
    g_autofree char *known = list_attributes(element);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "attribute %s of <%s>: only %s is known", shown,
                element, known);
    return FALSE;
}

static gboolean
read_attributes(Reading *reading, const xmlNode *node, GError **error)
{
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next)
        if (!read_attribute(reading, (const char *)node->name, attribute, error))
            return FALSE;
    return TRUE;
}

static gboolean
read_parameter(Reading *reading, const xmlNode *node, GError **error)
{
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next)
        if (attribute->ns != NULL || (!g_str_equal((const char *)attribute->name, "name") &&
                                      !g_str_equal((const char *)attribute->name, "value"))) {
            g_autofree char *shown = vb_xml_shown((const char *)attribute->name);
            g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                        "attribute %s of <parameter>: only name, value is known", shown);
            return FALSE;
        }
    g_autofree char *name = vb_xml_attribute(node, "name");
    g_autofree char *value = vb_xml_attribute(node, "value");
    if (name == NULL || value == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "<parameter> has no %s attribute",
                    name == NULL ? "name" : "value");
        return FALSE;
    }
    if (!vb_wish_is_parameter_name(name))
        return refuse_value(PARAMETER, "name", name, VB_WISH_NAME_EXPECTED, error);
    if (g_hash_table_contains(reading->wish->parameters, name) ||
        g_hash_table_size(reading->wish->parameters) >= VB_WISH_PARAMETERS_MAX) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "<parameter name=\"%s\"> is there twice, or is one of more than %d: expected "
                    "each once",
                    name, VB_WISH_PARAMETERS_MAX);
        return FALSE;
    }
    return vb_wish_set_parameter(reading->wish, name, value) ||
           refuse_value(PARAMETER, "value", value, VB_WISH_VALUE_EXPECTED, error);
}

/* <home>, <locality> or <migrate>. */
static gboolean
read_fields(Reading *reading, const xmlNode *node, VbWishField first, GError **error)
{
    if ((reading->seen & (1u << first)) != 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "<%s> is there twice in <numa>: expected at most one", node->name);
        return FALSE;
    }
    reading->seen |= 1u << first;
    if (first == VB_WISH_HOME && xmlHasProp(node, (const xmlChar *)"nodes") == NULL) {
        g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID, "<home> has no nodes attribute");
        return FALSE;
    }
    return read_attributes(reading, node, error);
}

static gboolean
read_child(Reading *reading, const xmlNode *node, GError **error)
{
    const char *name = (const char *)node->name;
    if (node->type != XML_ELEMENT_NODE ||
        !g_str_equal(vb_xml_namespace(node), vb_xml_namespace(reading->root)))
        return refuse_node(node, ROOT, CHILDREN, error);
    guint field = VB_WISH_HOME;
    while (field < VB_WISH_FIELDS && !g_str_equal(vb_wish_words(field)->element, name))
        field++;
    gboolean read = FALSE;
    if (g_str_equal(name, PARAMETER))
        read = read_parameter(reading, node, error);
    else if (field < VB_WISH_FIELDS)
        read = read_fields(reading, node, field, error);
    else
        return refuse_node(node, ROOT, CHILDREN, error);
    for (const xmlNode *inner = node->children; read && inner != NULL; inner = inner->next)
        if (!is_filler(inner))
            return refuse_node(inner, name, "nothing", error);
    return read;
}

VbWish *
vb_metadata_read(const xmlNode *numa, GError **error)
{
    const char *namespace = vb_xml_namespace(numa);
    if (!g_str_equal((const char *)numa->name, ROOT) ||
        (*namespace != '\0' && !g_str_equal(namespace, VB_METADATA_NAMESPACE))) {
        refuse_node(numa, "metadata", "<numa> of " VB_METADATA_NAMESPACE, error);
        return NULL;
    }
    g_autoptr(VbWish) wish = vb_wish_new();
    Reading reading = {.root = numa, .wish = wish};
    if (!read_attributes(&reading, numa, error))
        return NULL;
    for (const xmlNode *node = numa->children; node != NULL; node = node->next)
        if (!is_filler(node) && !read_child(&reading, node, error))
            return NULL;
    /* No policy is known here, so this is only what holds for all of them. */
    static const VbPolicy *const no_policies[] = {NULL};
    return vb_wish_check(wish, no_policies, error) ? g_steal_pointer(&wish) : NULL;
}

VbWish *
vb_metadata_parse(const char *xml, GError **error)
{
    g_autoptr(xmlDoc) doc = vb_xml_read(xml, strlen(xml), error);
    return doc != NULL ? vb_metadata_read(xmlDocGetRootElement(doc), error) : NULL;
}

/* The child of that name, made if it is not there yet. */
static xmlNode *
need_child(xmlNode *root, const char *name)
{
    for (xmlNode *node = root->children; node != NULL; node = node->next)
        if (g_str_equal((const char *)node->name, name))
            return node;
    return xmlNewChild(root, NULL, (const xmlChar *)name, NULL);
}

static void
add_attribute(xmlNode *node, const char *name, const char *value)
{
    xmlNewProp(node, (const xmlChar *)name, (const xmlChar *)value);
}

static void
add_parameters(xmlNode *root, const VbWish *wish)
{
    g_autoptr(GList) names = vb_wish_parameter_names(wish);
    for (GList *name = names; name != NULL; name = name->next) {
        const gint64 *value = g_hash_table_lookup(wish->parameters, name->data);
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, *value);
        xmlNode *node = xmlNewChild(root, NULL, (const xmlChar *)PARAMETER, NULL);
        add_attribute(node, "name", name->data);
        add_attribute(node, "value", text);
    }
}

char *
vb_metadata_format(const VbWish *wish)
{
    g_autoptr(xmlDoc) doc = xmlNewDoc((const xmlChar *)"1.0");
    xmlNode *root = xmlNewNode(NULL, (const xmlChar *)ROOT);
    xmlDocSetRootElement(doc, root);
    for (guint field = 0; field < VB_WISH_FIELDS; field++) {
        const VbWishWords *words = vb_wish_words(field);
        g_autofree char *text = vb_wish_text(wish, field);
        if (text == NULL)
            continue;
        add_attribute(field == VB_WISH_POLICY ? root : need_child(root, words->element),
                      words->attribute, text);
    }
    add_parameters(root, wish);
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, doc, root, 0, 1);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}
