/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/frame.h"

#include "qmp/error.h"

#include <string.h>

typedef enum {
    STATE_BETWEEN, /* before the first bracket of an object */
    STATE_PLAIN,   /* inside an object, outside strings */
    STATE_STRING,
    STATE_ESCAPE, /* after a backslash */
    STATE_HEX,    /* inside the four digits of \uXXXX */
    STATE_DEAD,
} State;

struct QmpFrame {
    State state;
    GString *text;
    guint depth;
    guint64 squares; /* bit n: the bracket at depth n is '[', not '{' */
    guint hex_digits;
    guint32 hex_value;
    gboolean low_surrogate_due;
};

G_STATIC_ASSERT(QMP_FRAME_MAX_DEPTH <= 64);

/*
 * All that JSON knows outside strings: "true", "false", "null", numbers, separators. A list of
 * what is allowed, because json-glib also takes comments and quotes that would hide brackets from
 * us.
 */
static const char plain_bytes[] = " \t\r\n:,0123456789+-.eEtrufalsn";
static const char escape_bytes[] = "\"\\/bfnrt";

QmpFrame *
qmp_frame_new(void)
{
    QmpFrame *self = g_new0(QmpFrame, 1);

    self->text = g_string_new(NULL);
    return self;
}

void
qmp_frame_free(QmpFrame *self)
{
    if (self == NULL)
        return;
    g_string_free(self->text, TRUE);
    g_free(self);
}

gboolean
qmp_frame_is_partial(const QmpFrame *self)
{
    return self->text->len > 0;
}

static gboolean
is_one_of(char byte, const char *set)
{
    return byte != '\0' && strchr(set, byte) != NULL;
}

static gboolean
fail(GError **error, const char *what, char byte)
{
    guchar b = (guchar)byte;

    if (g_ascii_isprint(byte))
        g_set_error(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "%s: unexpected '%c'", what, byte);
    else
        g_set_error(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "%s: unexpected byte 0x%02x", what, b);
    return FALSE;
}

static gboolean
open_bracket(QmpFrame *self, char byte, GError **error)
{
    guint64 bit;

    if (self->depth == QMP_FRAME_MAX_DEPTH) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_TOO_DEEP, "a message nests deeper than %d brackets",
                    QMP_FRAME_MAX_DEPTH);
        return FALSE;
    }
    bit = G_GUINT64_CONSTANT(1) << self->depth++;
    self->squares = byte == '[' ? self->squares | bit : self->squares & ~bit;
    self->state = STATE_PLAIN;
    return TRUE;
}

static gboolean
close_bracket(QmpFrame *self, char byte, GError **error)
{
    gboolean square = (self->squares >> (self->depth - 1)) & 1;

    if (square != (byte == ']'))
        return fail(error, "brackets of a message do not match", byte);
    self->depth--;
    return TRUE;
}

static gboolean
take_plain(QmpFrame *self, char byte, GError **error)
{
    switch (byte) {
    case '{':
    case '[':
        return open_bracket(self, byte, error);
    case '}':
    case ']':
        return close_bracket(self, byte, error);
    case '"':
        self->state = STATE_STRING;
        return TRUE;
    default:
        return is_one_of(byte, plain_bytes) || fail(error, "a message is not JSON", byte);
    }
}

static gboolean
take_string(QmpFrame *self, char byte, GError **error)
{
    if (self->low_surrogate_due && byte != '\\')
        return fail(error, "a string has half of a surrogate pair", byte);
    if (byte == '\\')
        self->state = STATE_ESCAPE;
    else if (byte == '"')
        self->state = STATE_PLAIN;
    else if ((guchar)byte < 0x20)
        return fail(error, "a string has a control character", byte);
    return TRUE;
}

static gboolean
take_escape(QmpFrame *self, char byte, GError **error)
{
    if (byte == 'u') {
        self->state = STATE_HEX;
        self->hex_digits = 0;
        self->hex_value = 0;
        return TRUE;
    }
    if (self->low_surrogate_due)
        return fail(error, "a string has half of a surrogate pair", byte);
    if (!is_one_of(byte, escape_bytes))
        return fail(error, "a string has an unknown escape", byte);
    self->state = STATE_STRING;
    return TRUE;
}

static gboolean
take_hex(QmpFrame *self, char byte, GError **error)
{
    gboolean high, low;

    if (!g_ascii_isxdigit(byte))
        return fail(error, "a string has a broken \\u escape", byte);
    self->hex_value = self->hex_value << 4 | (guint32)g_ascii_xdigit_value(byte);
    if (++self->hex_digits < 4)
        return TRUE;
    high = self->hex_value >= 0xd800 && self->hex_value <= 0xdbff;
    low = self->hex_value >= 0xdc00 && self->hex_value <= 0xdfff;
    if (low != self->low_surrogate_due)
        return fail(error, "a string has half of a surrogate pair", byte);
    if (self->hex_value == 0)
        return fail(error, "a string has a NUL", byte);
    self->low_surrogate_due = high;
    self->state = STATE_STRING;
    return TRUE;
}

static gboolean
take_between(QmpFrame *self, char byte, GError **error)
{
    if (byte == '{')
        return open_bracket(self, byte, error);
    return fail(error, "the peer does not speak QMP (a human monitor, mode=readline?)", byte);
}

static gboolean
take(QmpFrame *self, char byte, GError **error)
{
    switch (self->state) {
    case STATE_BETWEEN:
        return take_between(self, byte, error);
    case STATE_PLAIN:
        return take_plain(self, byte, error);
    case STATE_STRING:
        return take_string(self, byte, error);
    case STATE_ESCAPE:
        return take_escape(self, byte, error);
    case STATE_HEX:
        return take_hex(self, byte, error);
    case STATE_DEAD:
    default:
        return fail(error, "the stream is broken already", byte);
    }
}

static gboolean
finish(QmpFrame *self, char **ret_text, GError **error)
{
    if (!g_utf8_validate(self->text->str, (gssize)self->text->len, NULL)) {
        g_set_error_literal(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "a message is not valid UTF-8");
        return FALSE;
    }
    *ret_text = g_string_free(self->text, FALSE);
    self->text = g_string_new(NULL);
    self->state = STATE_BETWEEN;
    return TRUE;
}

static gboolean
feed(QmpFrame *self, const char **data, gsize *len, char **ret_text, GError **error)
{
    while (*len > 0) {
        char byte = **data;

        (*data)++;
        (*len)--;
        if (self->state == STATE_BETWEEN && is_one_of(byte, " \t\r\n"))
            continue;
        if (!take(self, byte, error))
            return FALSE;
        g_string_append_c(self->text, byte);
        if (self->depth == 0)
            return finish(self, ret_text, error);
        if (self->text->len >= QMP_FRAME_MAX_BYTES) {
            g_set_error(error, QMP_ERROR, QMP_ERROR_TOO_LARGE, "a message is longer than %d bytes",
                        QMP_FRAME_MAX_BYTES);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
qmp_frame_feed(QmpFrame *self, const char **data, gsize *len, char **ret_text, GError **error)
{
    *ret_text = NULL;
    if (feed(self, data, len, ret_text, error))
        return TRUE;
    self->state = STATE_DEAD;
    g_string_truncate(self->text, 0);
    return FALSE;
}
