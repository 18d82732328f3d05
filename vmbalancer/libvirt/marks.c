/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/marks.h"

#include <vmbalancer/topology.h>

#define ROOT "pins"
#define PIN "pin"

static VbMark *
read_pin(const xmlNode *node)
{
    g_autofree char *thread = vb_xml_attribute(node, "thread");
    g_autofree char *before = vb_xml_attribute(node, "before");
    g_autofree char *ours = vb_xml_attribute(node, "cpus");
    g_autofree char *meant = vb_xml_attribute(node, "meant");
    return vb_mark_is_valid(thread, before, ours, meant) ? vb_mark_new(thread, before, ours, meant)
                                                         : NULL;
}

static gboolean
read_all(const xmlNode *pins, GPtrArray *marks)
{
    if (marks->len > 0 || !g_str_equal((const char *)pins->name, ROOT))
        return FALSE;
    for (const xmlNode *node = pins->children; node != NULL; node = node->next) {
        if (node->type != XML_ELEMENT_NODE || !g_str_equal((const char *)node->name, PIN))
            continue;
        VbMark *mark = marks->len < 2 * VB_CPUS_MAX ? read_pin(node) : NULL;
        if (mark == NULL)
            return FALSE;
        g_ptr_array_add(marks, mark);
    }
    return TRUE;
}

void
vb_marks_read(const xmlNode *pins, GPtrArray *marks)
{
    if (!read_all(pins, marks))
        g_ptr_array_set_size(marks, 0);
}

static void
add_attribute(xmlNode *node, const char *name, const char *value)
{
    if (value != NULL)
        xmlNewProp(node, (const xmlChar *)name, (const xmlChar *)value);
}

char *
vb_marks_format(const GPtrArray *marks)
{
    g_autoptr(xmlDoc) doc = xmlNewDoc((const xmlChar *)"1.0");
    xmlNode *root = xmlNewNode(NULL, (const xmlChar *)ROOT);
    xmlDocSetRootElement(doc, root);
    for (guint i = 0; i < marks->len; i++) {
        const VbMark *mark = g_ptr_array_index(marks, i);
        xmlNode *node = xmlNewChild(root, NULL, (const xmlChar *)PIN, NULL);
        add_attribute(node, "thread", mark->thread);
        add_attribute(node, "cpus", mark->ours);
        add_attribute(node, "meant", mark->meant);
        add_attribute(node, "before", mark->before);
    }
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, doc, root, 0, 1);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}
