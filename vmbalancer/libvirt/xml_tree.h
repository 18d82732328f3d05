/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_BEGIN_DECLS

/*
 * Reading hostile XML with libxml2: no network, no entities, bounded size and depth; and the few
 * steps through its tree that the readers of a domain XML take. Errors are VB_ERROR_INVALID.
 */

/** Most bytes that a document may have: libvirt itself sends no more than 4 MiB. */
#define VB_XML_SIZE_MAX (8 * 1024 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/**
 * Parses a document. One with a document type (the home of entities) is refused, as libvirt never
 * sends any.
 * Returns: (transfer full): a tree with a root element
 */
xmlDoc *vb_xml_read(const char *xml, gsize length, GError **error);

/** First child element of that name without a namespace. @parent: (nullable). Returns: (nullable).
 */
const xmlNode *vb_xml_child(const xmlNode *parent, const char *name);
/** The next sibling element with the same name and no namespace. Returns: (nullable). */
const xmlNode *vb_xml_next(const xmlNode *node);
/** The namespace's URI of an element, "" if it has none. */
const char *vb_xml_namespace(const xmlNode *node);

/** Returns: (transfer full) (nullable): the attribute's value. @node: (nullable). */
char *vb_xml_attribute(const xmlNode *node, const char *name);
/** TRUE if the attribute is there and has that value. @node: (nullable). */
gboolean vb_xml_attribute_is(const xmlNode *node, const char *name, const char *value);
/** Returns: (transfer full): the text, without blanks around it, "" if there is none. */
char *vb_xml_text(const xmlNode *node);
/** Returns: (transfer full): the start of a value that may be of any length, for a message. */
char *vb_xml_shown(const char *value);

/** Reads a decimal number from @minimum to @maximum. @what: names it in the error. */
gboolean vb_xml_number(const char *what, const char *text, guint minimum, guint maximum, guint *ret,
                       GError **error);
/**
 * Reads a size as libvirt does: "b", "byte(s)"; "k", "KiB", "M", "MiB", ... are powers of 1024,
 * "KB", "MB", ... of 1000.
 * @unit: (nullable): NULL = KiB
 */
gboolean vb_xml_size(const char *what, const char *text, const char *unit, guint64 *ret_bytes,
                     GError **error);

G_END_DECLS
