/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/error.h"

#define QUOTE_MAX_CHARS 200

G_DEFINE_QUARK(qmp - error - quark, qmp_error)

char *
qmp_error_quote(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
    gboolean whole = g_utf8_strlen(valid, -1) <= QUOTE_MAX_CHARS;
    g_autofree char *head = g_utf8_substring(valid, 0, whole ? -1 : QUOTE_MAX_CHARS);
    GString *out = g_string_new(NULL);

    /* A peer's control characters would write into the administrator's terminal. */
    for (const char *at = head; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (c == '\n')
            g_string_append(out, "\\n");
        else if (c == '\r')
            g_string_append(out, "\\r");
        else if (!g_unichar_isprint(c))
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_unichar(out, c);
    }
    if (!whole)
        g_string_append(out, "...");
    return g_string_free(out, FALSE);
}
