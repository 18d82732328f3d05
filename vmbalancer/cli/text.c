/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/text.h"
#include <string.h>

#define MARKS_MAX 2

typedef enum {
    SHOW_PLAIN,
    SHOW_SPACE,
    SHOW_MARK, /* sits on the character before it */
    SHOW_ESCAPE,
} Showing;

/* Zero width without being a mark: medial Hangul jamo, which join the one before too. */
static Showing
showing_of(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return SHOW_ESCAPE;
    case G_UNICODE_SPACE_SEPARATOR:
        return SHOW_SPACE;
    case G_UNICODE_ENCLOSING_MARK:
    case G_UNICODE_NON_SPACING_MARK:
        return SHOW_MARK;
    default:
        return g_unichar_iszerowidth(c) ? SHOW_MARK : SHOW_PLAIN;
    }
}

static void
append_escape(GString *shown, gunichar c)
{
    if (c == '\n' || c == '\t' || c == '\r')
        g_string_append(shown, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
    else if (c < 0x80)
        g_string_append_printf(shown, "\\x%02x", c);
    else
        g_string_append_printf(shown, "\\u{%04x}", c);
}

char *
vb_text_shown(const char *text, gboolean utf8)
{
    if (text == NULL)
        return g_strdup("-");
    GString *shown = g_string_new(NULL);
    guint marks = MARKS_MAX; /* none may stand at the start */
    while (*text != '\0') {
        gunichar c = g_utf8_get_char_validated(text, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_string_append_printf(shown, "\\x%02x", (guchar)*text++);
            marks = MARKS_MAX;
            continue;
        }
        text = g_utf8_next_char(text);
        Showing showing = showing_of(c);
        if (showing == SHOW_SPACE)
            g_string_append_c(shown, ' ');
        else if (showing == SHOW_ESCAPE || (showing == SHOW_MARK && marks == MARKS_MAX) ||
                 (c >= 0x80 && !utf8))
            append_escape(shown, c);
        else
            g_string_append_unichar(shown, c);
        marks = showing == SHOW_MARK ? MIN(marks + 1, MARKS_MAX) : 0;
    }
    return g_string_free(shown, FALSE);
}

static guint
char_width(gunichar c)
{
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

guint
vb_text_width(const char *shown)
{
    guint width = 0;
    for (const char *c = shown; *c != '\0'; c = g_utf8_next_char(c))
        width += char_width(g_utf8_get_char(c));
    return width;
}

/* Returns: where the part of @shown that takes at most @width columns ends. */
static const char *
end_within(const char *shown, guint width)
{
    guint taken = 0;
    while (*shown != '\0') {
        taken += char_width(g_utf8_get_char(shown));
        if (taken > width)
            break;
        shown = g_utf8_next_char(shown);
    }
    return shown;
}

char *
vb_text_fit(const char *shown, guint width, gboolean utf8)
{
    if (vb_text_width(shown) <= width)
        return g_strdup(shown);
    if (width == 0)
        return g_strdup("");
    gsize kept = (gsize)(end_within(shown, width - 1) - shown);
    return g_strdup_printf("%.*s%s", (int)kept, shown, utf8 ? "…" : "~");
}

void
vb_text_wrap(const char *shown, guint indent, guint width, GString *into)
{
    guint room = width > indent + 10 ? width - indent : 10;
    while (width > 0 && vb_text_width(shown) > room) {
        const char *end = end_within(shown, room);
        const char *gap = *end == ' ' ? end : g_strrstr_len(shown, end - shown, " ");
        if (gap != NULL && gap > shown)
            end = gap;
        gsize length = (gsize)(end - shown);
        while (length > 0 && shown[length - 1] == ' ')
            length--;
        g_string_append_len(into, shown, (gssize)length);
        g_string_append_printf(into, "\n%*s", (int)indent, "");
        shown = end;
        while (*shown == ' ')
            shown++;
    }
    g_string_append(into, shown);
}
