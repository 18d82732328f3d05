/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json_text.h"
#include <stdlib.h>
#include <string.h>
#include <vmbalancer/error.h>

/* A walk over the tokens of a text. */
typedef struct {
    const char *schema;
    const char *text;
    gsize length;
    gsize at;
    guint depth;
    guint depth_max;
} Scan;

static gboolean
refuse(const Scan *scan, const char *reason, GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s: byte %" G_GSIZE_FORMAT ": %s", scan->schema,
                scan->at, reason);
    return FALSE;
}

static char
peek(const Scan *scan)
{
    return scan->at < scan->length ? scan->text[scan->at] : '\0';
}

static gboolean
scan_hex4(Scan *scan, guint *ret)
{
    guint value = 0;
    for (guint i = 0; i < 4; i++, scan->at++) {
        int digit = g_ascii_xdigit_value(peek(scan));
        if (digit < 0)
            return FALSE;
        value = value * 16 + (guint)digit;
    }
    *ret = value;
    return TRUE;
}

/* Behind "\u": a code point of the basic plane or both halves of a surrogate pair. */
static gboolean
scan_unicode(Scan *scan, GError **error)
{
    guint high, low;
    if (!scan_hex4(scan, &high))
        return refuse(scan, "\\u needs four hex digits", error);
    if (high == 0)
        return refuse(scan, "\\u0000 in a string", error);
    if (high < 0xd800 || high > 0xdfff)
        return TRUE;
    if (high > 0xdbff || scan->length - scan->at < 6 ||
        strncmp(scan->text + scan->at, "\\u", 2) != 0)
        return refuse(scan, "half of a surrogate pair", error);
    scan->at += 2;
    if (!scan_hex4(scan, &low) || low < 0xdc00 || low > 0xdfff)
        return refuse(scan, "half of a surrogate pair", error);
    return TRUE;
}

static gboolean
scan_string(Scan *scan, GError **error)
{
    for (scan->at++; scan->at < scan->length;) {
        char c = scan->text[scan->at++];
        if (c == '"')
            return TRUE;
        if ((guchar)c < 0x20)
            return refuse(scan, "a control character in a string", error);
        if (c != '\\')
            continue;
        char escaped = peek(scan);
        scan->at++;
        if (escaped == 'u' ? !scan_unicode(scan, error) : FALSE)
            return FALSE;
        if (escaped == '\0' || strchr("\"\\/bfnrtu", escaped) == NULL)
            return refuse(scan, "an unknown escape in a string", error);
    }
    return refuse(scan, "a string without an end", error);
}

static gsize
scan_digits(Scan *scan)
{
    gsize start = scan->at;
    while (g_ascii_isdigit(peek(scan)))
        scan->at++;
    return scan->at - start;
}

static gboolean
scan_number(Scan *scan, GError **error)
{
    if (peek(scan) == '-')
        scan->at++;
    const char *first = scan->text + scan->at;
    gsize digits = scan_digits(scan);
    if (digits == 0 || (digits > 1 && *first == '0'))
        return refuse(scan, "not a JSON number", error);
    gboolean whole = TRUE;
    if (peek(scan) == '.') {
        whole = FALSE;
        scan->at++;
        if (scan_digits(scan) == 0)
            return refuse(scan, "not a JSON number", error);
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        whole = FALSE;
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        if (scan_digits(scan) == 0)
            return refuse(scan, "not a JSON number", error);
    }
    /* As text: of two numbers of 19 digits the larger sorts last. */
    if (whole && (digits > 19 || (digits == 19 && strncmp(first, "9223372036854775807", 19) > 0)))
        return refuse(scan, "an integer beyond 2^63 - 1", error);
    return TRUE;
}

static gboolean
scan_word(Scan *scan, GError **error)
{
    static const char *const words[] = {"true", "false", "null"};
    const char *start = scan->text + scan->at;
    gsize length = 0;
    while (scan->at + length < scan->length && g_ascii_isalnum(start[length]))
        length++;
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        if (length == strlen(words[i]) && strncmp(start, words[i], length) == 0) {
            scan->at += length;
            return TRUE;
        }
    }
    return refuse(scan, "not JSON", error);
}

static gboolean
scan_token(Scan *scan, GError **error)
{
    char c = scan->text[scan->at];
    if (c == '"')
        return scan_string(scan, error);
    if (c == '-' || g_ascii_isdigit(c))
        return scan_number(scan, error);
    if (c == '{' || c == '[') {
        if (scan->depth++ == scan->depth_max)
            return refuse(scan, "nested too deeply", error);
    } else if (c == '}' || c == ']') {
        if (scan->depth-- == 0)
            return refuse(scan, "a bracket that nothing opened", error);
    } else if (c == '\0' || strchr(",: \t\r\n", c) == NULL) {
        return scan_word(scan, error);
    }
    scan->at++;
    return TRUE;
}

/* Holds the text to one bracketed value of bounded depth, made of JSON's tokens. */
static gboolean
scan_text(Scan *scan, GError **error)
{
    gboolean ended = FALSE;
    while (scan->at < scan->length) {
        gboolean blank = strchr(" \t\r\n", scan->text[scan->at]) != NULL && peek(scan) != '\0';
        if (!blank && ended)
            return refuse(scan, "more after the end of the document", error);
        gboolean opened = scan->depth > 0;
        if (!opened && !blank && peek(scan) != '{')
            return refuse(scan, "expected a JSON object", error);
        if (!scan_token(scan, error))
            return FALSE;
        ended = ended || (opened && scan->depth == 0);
    }
    return ended || refuse(scan, "the document ends early", error);
}

JsonNode *
vb_json_text_parse(const char *text, gssize length, const char *schema, guint depth_max,
                   gsize size_max, GError **error)
{
    gsize size = length < 0 ? strlen(text) : (gsize)length;
    Scan scan = {.schema = schema, .text = text, .length = size, .depth_max = depth_max};
    if (size > size_max) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "%s: %" G_GSIZE_FORMAT " bytes, at most %" G_GSIZE_FORMAT " are read", schema,
                    size, size_max);
        return NULL;
    }
    const char *end;
    if (!g_utf8_validate_len(text, size, &end)) {
        scan.at = (gsize)(end - text);
        refuse(&scan, "not valid UTF-8", error);
        return NULL;
    }
    if (!scan_text(&scan, error))
        return NULL;
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) cause = NULL;
    if (!json_parser_load_from_data(parser, text, (gssize)size, &cause)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s: %s", schema, cause->message);
        return NULL;
    }
    return json_parser_steal_root(parser);
}

/* Appends the fraction at @number in the fewest digits. Returns: its end. */
static const char *
append_shortest(GString *into, const char *number)
{
    char *end;
    double value = g_ascii_strtod(number, &end);
    gsize length = (gsize)(end - number);
    if (memchr(number, '.', length) == NULL) {
        g_string_append_len(into, number, (gssize)length);
        return end;
    }
    char digits[G_ASCII_DTOSTR_BUF_SIZE], format[] = "%.00g";
    for (guint precision = 1; precision <= 17; precision++) {
        format[2] = (char)('0' + precision / 10);
        format[3] = (char)('0' + precision % 10);
        g_ascii_formatd(digits, sizeof digits, format, value);
        if (g_ascii_strtod(digits, NULL) == value)
            break;
    }
    g_string_append(into, digits);
    if (strpbrk(digits, ".en") == NULL)
        g_string_append(into, ".0");
    return end;
}

char *
vb_json_text_write(JsonNode *node, gboolean pretty)
{
    g_autofree char *raw = json_to_string(node, pretty);
    GString *text = g_string_sized_new(strlen(raw) + 2);
    gboolean quoted = FALSE;
    for (const char *c = raw; *c != '\0';) {
        if (!quoted && (*c == '-' || g_ascii_isdigit(*c))) {
            c = append_shortest(text, c);
            continue;
        }
        if (quoted && *c == '\\')
            g_string_append_c(text, *c++);
        else if (*c == '"')
            quoted = !quoted;
        g_string_append_c(text, *c++);
    }
    g_string_append_c(text, '\n');
    return g_string_free(text, FALSE);
}
