/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/error.h"
#include "qmp/fields.h"
#include "qmp/parse.h"

#include <string.h>

#define WHERE "gpa2hva: return"

/* The answers of QEMU's hmp_gpa2hva(), monitor/hmp-cmds.c. */
#define FOUND_HEAD "Host virtual address for "
#define FOUND_MIDDLE ") is "
static const char *const not_mapped[] = {"No memory is mapped at address ", "Memory at address "};

void
qmp_gpa2hva_free(QmpGpa2hva *self)
{
    if (self == NULL)
        return;
    g_free(self->region);
    g_free(self);
}

/* "0x" and 1 to 16 hexadecimal digits; moves *text behind them. */
static gboolean
take_hex(const char **text, guint64 *ret)
{
    gsize digits;

    if (!g_str_has_prefix(*text, "0x"))
        return FALSE;
    digits = strspn(*text + 2, "0123456789abcdefABCDEF");
    if (digits < 1 || digits > 16)
        return FALSE;
    *ret = g_ascii_strtoull(*text + 2, NULL, 16);
    *text += 2 + digits;
    return TRUE;
}

static gboolean
parse_found(QmpGpa2hva *self, const char *text)
{
    const char *end;

    text += strlen(FOUND_HEAD);
    if (!take_hex(&text, &self->gpa) || !g_str_has_prefix(text, " ("))
        return FALSE;
    text += 2;
    /* From the right: a region's name may hold brackets of its own. */
    end = g_strrstr(text, FOUND_MIDDLE);
    if (end == NULL || end == text)
        return FALSE;
    self->region = g_strndup(text, (gsize)(end - text));
    text = end + strlen(FOUND_MIDDLE);
    return take_hex(&text, &self->hva) && self->hva != 0 && text[strspn(text, "\r\n")] == '\0';
}

static gboolean
is_not_mapped(const char *text)
{
    for (gsize i = 0; i < G_N_ELEMENTS(not_mapped); i++) {
        if (g_str_has_prefix(text, not_mapped[i]))
            return TRUE;
    }
    return FALSE;
}

gpointer
qmp_gpa2hva_parse(JsonNode *reply, GError **error)
{
    g_autoptr(QmpGpa2hva) self = g_new0(QmpGpa2hva, 1);
    g_autofree char *line = NULL;
    g_autofree char *quote = NULL;
    const char *text;

    if (!JSON_NODE_HOLDS_VALUE(reply) || json_node_get_value_type(reply) != G_TYPE_STRING) {
        qmp_fields_mismatch(reply, "a string", WHERE, error);
        return NULL;
    }
    text = json_node_get_string(reply);
    if (g_str_has_prefix(text, FOUND_HEAD) && parse_found(self, text))
        return g_steal_pointer(&self);
    line = g_strchomp(g_strdup(text));
    quote = qmp_error_quote(line);
    if (is_not_mapped(text))
        g_set_error(error, QMP_ERROR, QMP_ERROR_NOT_MAPPED, "gpa2hva: no RAM there: \"%s\"", quote);
    else
        g_set_error(error, QMP_ERROR, QMP_ERROR_BAD_REPLY, WHERE ": not an answer we know: \"%s\"",
                    quote);
    return NULL;
}
