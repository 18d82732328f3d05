/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render_policy.h"
#include "engine/engine.h"

static void add_line(const VbStyle *style, GString *into, const char *label, const char *format,
                     ...) G_GNUC_PRINTF(4, 5);

/* Elements and names are their owners' text. */
static void
add_line(const VbStyle *style, GString *into, const char *label, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *shown = vb_text_shown(text, style->utf8);
    g_string_append_printf(into, "%-16s %s\n", label, shown);
}

static char *
source_words(const VbSettled *settled, VbWishSource source)
{
    switch (source) {
    case VB_SOURCE_METADATA:
        return g_strdup("its metadata");
    case VB_SOURCE_HOST:
        return g_strdup(settled->origin);
    case VB_SOURCE_NONE:
        break;
    }
    return g_strdup("the host's default");
}

static void
add_asked(const VbSettled *settled, const VbStyle *style, GString *into)
{
    for (guint field = VB_WISH_HOME; field < VB_WISH_FIELDS; field++) {
        g_autofree char *text = vb_wish_text(settled->wish, field);
        g_autofree char *source = source_words(settled, settled->source[field]);
        if (text != NULL)
            add_line(style, into, vb_wish_words(field)->key, "%s (%s)", text, source);
    }
    g_autoptr(GList) names = vb_wish_parameter_names(settled->wish);
    for (GList *name = names; name != NULL; name = name->next)
        add_line(style, into, "parameter", "%s = %" G_GINT64_FORMAT, (const char *)name->data,
                 *(const gint64 *)g_hash_table_lookup(settled->wish->parameters, name->data));
}

void
vb_render_policy(const VbGuestPolicy *policy, const VbStyle *style, GString *into)
{
    const VbMetadata *metadata = policy->metadata;
    const VbSettled *settled = policy->settled;
    g_autofree char *source = source_words(settled, settled->source[VB_WISH_POLICY]);
    const char *asked = settled->wish->policy;
    add_line(style, into, "guest", "%s (%s, %s)", metadata->name,
             metadata->running ? "running" : "not running",
             metadata->persistent ? "persistent" : "transient");
    if (!policy->known)
        add_line(style, into, "policy", "%s (%s); there is none of that name here, nothing is done",
                 policy->policy, source);
    else if (asked != NULL && !g_str_equal(asked, policy->policy))
        add_line(style, into, "policy", "%s, in place of %s (%s)", policy->policy, asked, source);
    else
        add_line(style, into, "policy", "%s (%s)", policy->policy, source);
    add_asked(settled, style, into);
    if (metadata->running)
        add_line(style, into, "live metadata", "%s",
                 metadata->live != NULL ? metadata->live : "none");
    if (metadata->persistent)
        add_line(style, into, "config metadata", "%s",
                 metadata->config != NULL ? metadata->config : "none");
    for (guint i = 0; i < settled->notes->len; i++)
        add_line(style, into, "note", "%s", (const char *)g_ptr_array_index(settled->notes, i));
}
