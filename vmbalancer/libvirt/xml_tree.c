/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/xml_tree.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>
#include <vmbalancer/error.h>

/* Characters of a foreign value that a message shows. */
#define SHOWN_MAX 64

typedef xmlParserCtxt XmlParser;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(XmlParser, xmlFreeParserCtxt)

/* Called at "<!DOCTYPE", before any entity is declared: nothing of it is ever read. */
static void
refuse_document_type(void *context, const xmlChar *name, const xmlChar *external_id,
                     const xmlChar *system_id)
{
    xmlParserCtxt *parser = context;
    *(gboolean *)parser->_private = TRUE;
    xmlStopParser(parser);
}

static void
set_syntax_error(XmlParser *parser, GError **error)
{
    const xmlError *cause = xmlCtxtGetLastError(parser);
    g_autofree char *text =
        g_utf8_make_valid(cause != NULL && cause->message != NULL ? cause->message : "", -1);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "not well-formed XML: line %d: %s",
                cause != NULL ? cause->line : 1, *text != '\0' ? g_strstrip(text) : "no content");
}

xmlDoc *
vb_xml_read(const char *xml, gsize length, GError **error)
{
    if (length > VB_XML_SIZE_MAX) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "the XML has %" G_GSIZE_FORMAT " bytes, more than the %d that are read", length,
                    VB_XML_SIZE_MAX);
        return NULL;
    }
    gboolean has_document_type = FALSE;
    g_autoptr(XmlParser) parser = xmlNewParserCtxt();
    g_return_val_if_fail(parser != NULL, NULL);
    parser->_private = &has_document_type;
    parser->sax->internalSubset = refuse_document_type;
    g_autoptr(xmlDoc) doc =
        xmlCtxtReadMemory(parser, xml, (int)length, NULL, NULL,
                          XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (has_document_type) {
        g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID,
                            "the XML has a document type (<!DOCTYPE>): libvirt sends none");
        return NULL;
    }
    if (doc == NULL || xmlDocGetRootElement(doc) == NULL) {
        set_syntax_error(parser, error);
        return NULL;
    }
    return g_steal_pointer(&doc);
}

static const xmlNode *
first_named(const xmlNode *node, const char *name)
{
    for (; node != NULL; node = node->next)
        if (node->type == XML_ELEMENT_NODE && node->ns == NULL &&
            g_str_equal((const char *)node->name, name))
            return node;
    return NULL;
}

const xmlNode *
vb_xml_child(const xmlNode *parent, const char *name)
{
    return parent == NULL ? NULL : first_named(parent->children, name);
}

const xmlNode *
vb_xml_next(const xmlNode *node)
{
    return first_named(node->next, (const char *)node->name);
}

const char *
vb_xml_namespace(const xmlNode *node)
{
    return node->ns != NULL && node->ns->href != NULL ? (const char *)node->ns->href : "";
}

/* libxml2's allocator need not be GLib's. */
static char *
take(xmlChar *text)
{
    char *copy = g_strdup((const char *)text);
    xmlFree(text);
    return copy;
}

char *
vb_xml_attribute(const xmlNode *node, const char *name)
{
    return node == NULL ? NULL : take(xmlGetNoNsProp(node, (const xmlChar *)name));
}

gboolean
vb_xml_attribute_is(const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *text = vb_xml_attribute(node, name);
    return g_strcmp0(text, value) == 0;
}

char *
vb_xml_text(const xmlNode *node)
{
    char *text = take(xmlNodeGetContent(node));
    return text == NULL ? g_strdup("") : g_strstrip(text);
}

char *
vb_xml_shown(const char *value)
{
    if (g_utf8_strlen(value, -1) <= SHOWN_MAX)
        return g_strdup(value);
    g_autofree char *start = g_utf8_substring(value, 0, SHOWN_MAX);
    return g_strconcat(start, "...", NULL);
}

gboolean
vb_xml_number(const char *what, const char *text, guint minimum, guint maximum, guint *ret,
              GError **error)
{
    guint64 value;
    if (!g_ascii_string_to_unsigned(text, 10, minimum, maximum, &value, NULL)) {
        g_autofree char *shown = vb_xml_shown(text);
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "%s is \"%s\": expected a number from %u to %u", what, shown, minimum, maximum);
        return FALSE;
    }
    *ret = (guint)value;
    return TRUE;
}

/* The factor of a unit in libvirt's words; 0 if it is none. */
static guint64
unit_factor(const char *unit)
{
    static const char prefixes[] = "kmgtpe";
    if (g_ascii_strcasecmp(unit, "b") == 0 || g_ascii_strcasecmp(unit, "byte") == 0 ||
        g_ascii_strcasecmp(unit, "bytes") == 0)
        return 1;
    const char *prefix = *unit == '\0' ? NULL : strchr(prefixes, g_ascii_tolower(*unit));
    if (prefix == NULL)
        return 0;
    guint64 base = 0;
    if (unit[1] == '\0' || g_ascii_strcasecmp(unit + 1, "ib") == 0)
        base = 1024;
    else if (g_ascii_strcasecmp(unit + 1, "b") == 0)
        base = 1000;
    guint64 factor = 1;
    for (const char *step = prefixes; step <= prefix; step++)
        factor *= base;
    return factor;
}

gboolean
vb_xml_size(const char *what, const char *text, const char *unit, guint64 *ret_bytes,
            GError **error)
{
    guint64 factor = unit_factor(unit == NULL ? "KiB" : unit);
    guint64 value = 0;
    guint64 bytes = 0;
    if (factor == 0 || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &value, NULL) ||
        !g_uint64_checked_mul(&bytes, value, factor)) {
        g_autofree char *shown = vb_xml_shown(text);
        g_autofree char *shown_unit = vb_xml_shown(unit == NULL ? "KiB" : unit);
        g_set_error(
            error, VB_ERROR, VB_ERROR_INVALID,
            "%s is \"%s\" with unit \"%s\": expected a size, as in \"4096\" with unit \"KiB\"",
            what, shown, shown_unit);
        return FALSE;
    }
    *ret_bytes = bytes;
    return TRUE;
}
