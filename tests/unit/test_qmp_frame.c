/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may reach the JSON parser, and where one message ends and the next begins. */
#include "qmp/error.h"
#include "qmp/frame.h"
#include "qmp/message.h"

#include <string.h>

#define NO_ERROR (-1)

/* name, the stream, the messages it holds before its end or its first fault, and the fault. */
typedef struct {
    const char *name;
    const char *stream;
    guint messages;
    int error;
    gboolean partial;
} Case;

static const Case cases[] = {
    {"one-a-line", "{\"a\": 1}\r\n{\"b\": [2, {}]}\r\n", 2, NO_ERROR, FALSE},
    {"pretty", "{\n    \"return\": {\n        \"a\": [\n            1\n        ]\n    }\n}\n", 1,
     NO_ERROR, FALSE},
    {"no-space-between", "{}{}{\"return\":{}}", 3, NO_ERROR, FALSE},
    {"brackets-in-strings", "{\"a\": \"}]{[\", \"b\\\"}\": \"\\\\\"}", 1, NO_ERROR, FALSE},
    {"numbers-and-words", "{\"a\": [-1.5e+3, true, false, null, 0]}", 1, NO_ERROR, FALSE},
    {"white-space-only", " \t\r\n \n", 0, NO_ERROR, FALSE},
    {"cut-in-object", "{\"return\": {", 0, NO_ERROR, TRUE},
    {"cut-in-escape", "{\"a\": \"\\u00", 0, NO_ERROR, TRUE},
    {"surrogate-pair", "{\"a\": \"\\ud83d\\ude00\"}", 1, NO_ERROR, FALSE},
    {"utf-8", "{\"a\": \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"}", 1, NO_ERROR, FALSE},
    {"human-monitor", "QEMU 7.2.0 monitor - type 'help'\r\n(qemu) ", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"array-on-top", "{}[]", 1, QMP_ERROR_PROTOCOL, FALSE},
    {"string-on-top", "\"return\"", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"stray-close", "{}}", 1, QMP_ERROR_PROTOCOL, FALSE},
    {"brackets-cross", "{\"a\": [1}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"block-comment", "{\"a\": /* \" */ 1}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"line-comment", "{ // \"\n}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"hash-comment", "{ # \"\n}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"single-quotes", "{'a': 1}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"high-bytes-outside", "{\xff}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"invalid-utf-8", "{\"a\": \"\xc3\x28\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"overlong-utf-8", "{\"a\": \"\xc0\x80\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"raw-newline-in-string", "{\"a\": \"\n\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"unknown-escape", "{\"a\": \"\\x41\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"escaped-nul", "{\"a\": \"\\u0000\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"short-unicode-escape", "{\"a\": \"\\u12\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"high-surrogate-alone", "{\"a\": \"\\ud83d\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"high-surrogate-then-text", "{\"a\": \"\\ud83dx\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"high-surrogate-then-newline", "{\"a\": \"\\ud83d\\n\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"high-surrogate-twice", "{\"a\": \"\\ud83d\\ud83d\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
    {"low-surrogate-alone", "{\"a\": \"\\ude00\"}", 0, QMP_ERROR_PROTOCOL, FALSE},
};

/* Feeds a stream in pieces of the given size; checks count, fault, and that a fault is for good. */
static void
check_stream(const Case *c, gsize piece)
{
    g_autoptr(QmpFrame) frame = qmp_frame_new();
    g_autoptr(GError) error = NULL;
    gsize left = strlen(c->stream);
    const char *at = c->stream;
    guint messages = 0;

    while (left > 0 && error == NULL) {
        gsize len = MIN(piece, left);

        left -= len;
        while (len > 0 && error == NULL) {
            g_autofree char *text = NULL;

            if (qmp_frame_feed(frame, &at, &len, &text, &error))
                messages += text != NULL;
        }
    }
    g_assert_cmpuint(messages, ==, c->messages);
    g_assert_cmpint(qmp_frame_is_partial(frame), ==, c->partial);
    if (c->error == NO_ERROR) {
        g_assert_no_error(error);
    } else {
        const char *more = "{}";
        gsize len = 2;
        char *text;

        g_assert_error(error, QMP_ERROR, c->error);
        g_assert_false(qmp_frame_feed(frame, &more, &len, &text, NULL));
        g_assert_null(text);
    }
}

static void
test_stream(gconstpointer data)
{
    for (gsize piece = 1; piece <= 64; piece++)
        check_stream(data, piece);
}

static void
test_text_is_exact(void)
{
    g_autoptr(QmpFrame) frame = qmp_frame_new();
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    const char *stream = "\r\n {\"a\": 1} {\"b\":\n2}x";
    gsize len = strlen(stream) - 1;

    g_assert_true(qmp_frame_feed(frame, &stream, &len, &first, NULL));
    g_assert_cmpstr(first, ==, "{\"a\": 1}");
    g_assert_true(qmp_frame_feed(frame, &stream, &len, &second, NULL));
    g_assert_cmpstr(second, ==, "{\"b\":\n2}");
    g_assert_cmpuint(len, ==, 0);
    g_assert_cmpstr(stream, ==, "x");
}

static void
test_nul_byte(void)
{
    static const char *const places[] = {"", "{", "{\"a", "{\"a\\"};

    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(QmpFrame) frame = qmp_frame_new();
        g_autoptr(GError) error = NULL;
        const char *stream = places[i];
        gsize len = strlen(stream) + 1; /* the terminator is the NUL that is fed */
        char *text;

        g_assert_false(qmp_frame_feed(frame, &stream, &len, &text, &error));
        g_assert_error(error, QMP_ERROR, QMP_ERROR_PROTOCOL);
    }
}

static char *
nested(guint depth)
{
    GString *text = g_string_new("{\"a\":");

    for (guint i = 1; i < depth; i++)
        g_string_append_c(text, '[');
    for (guint i = 1; i < depth; i++)
        g_string_append_c(text, ']');
    return g_string_free(g_string_append_c(text, '}'), FALSE);
}

static void
test_depth(void)
{
    g_autofree char *fits = nested(QMP_FRAME_MAX_DEPTH);
    g_autofree char *deep = nested(QMP_FRAME_MAX_DEPTH + 1);
    g_autofree char *abyss = nested(100000);
    const Case streams[] = {
        {"fits", fits, 1, NO_ERROR, FALSE},
        {"deep", deep, 0, QMP_ERROR_TOO_DEEP, FALSE},
        {"abyss", abyss, 0, QMP_ERROR_TOO_DEEP, FALSE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(streams); i++)
        check_stream(&streams[i], 4096);
}

static char *
long_string(gsize total)
{
    GString *text = g_string_new("{\"a\":\"");

    while (text->len < total - 2)
        g_string_append_c(text, 'x');
    return g_string_free(g_string_append(text, "\"}"), FALSE);
}

static void
test_size(void)
{
    g_autofree char *fits = long_string(QMP_FRAME_MAX_BYTES);
    g_autofree char *large = long_string(QMP_FRAME_MAX_BYTES + 1);
    const Case ok = {"fits", fits, 1, NO_ERROR, FALSE};
    const Case bad = {"large", large, 0, QMP_ERROR_TOO_LARGE, FALSE};

    check_stream(&ok, 16384);
    check_stream(&bad, 16384);
}

/* What the scanner lets pass and json-glib does not, or that is no QMP: an error, never a crash. */
static void
test_not_a_message(void)
{
    static const char *const texts[] = {
        "{}",
        "{1 2}",
        "{\"return\"}",
        "{\"return\": }",
        "{\"return\": tru}",
        "{\"error\": {}}",
        "{\"error\": {\"class\": 5}}",
        "{\"error\": null}",
        "{\"event\": []}",
        "{\"event\": \"STOP\", \"data\": 3}",
        "{\"QMP\": 1}",
        "{\"id\": 1}",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(qmp_message_parse(texts[i], &error));
        g_assert_error(error, QMP_ERROR, QMP_ERROR_PROTOCOL);
    }
}

static void
test_event_members(void)
{
    static const struct {
        const char *stamp;
        gint64 us;
    } stamps[] = {
        {"{\"seconds\": 12, \"microseconds\": 34}", 12000034},
        {"{\"seconds\": -1, \"microseconds\": -1}", -1},
        {"{\"seconds\": 9223372036854775807, \"microseconds\": 1}", -1},
        {"{\"seconds\": 1, \"microseconds\": 1000000}", -1},
        {"{\"seconds\": \"1\"}", -1},
        {"7", -1},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(stamps); i++) {
        g_autofree char *text =
            g_strdup_printf("{\"event\": \"STOP\", \"timestamp\": %s}", stamps[i].stamp);
        g_autoptr(QmpMessage) message = qmp_message_parse(text, NULL);

        g_assert_nonnull(message);
        g_assert_cmpint(message->kind, ==, QMP_MESSAGE_EVENT);
        g_assert_cmpstr(message->name, ==, "STOP");
        g_assert_null(message->body);
        g_assert_cmpint(message->timestamp_us, ==, stamps[i].us);
    }
}

static void
test_ids(void)
{
    static const struct {
        const char *member;
        gint64 id;
    } ids[] = {
        {"", QMP_MESSAGE_NO_ID},
        {", \"id\": 7", 7},
        {", \"id\": \"7\"", QMP_MESSAGE_FOREIGN_ID},
        {", \"id\": -5", QMP_MESSAGE_FOREIGN_ID},
        {", \"id\": 1.5", QMP_MESSAGE_FOREIGN_ID},
        {", \"id\": null", QMP_MESSAGE_FOREIGN_ID},
        {", \"id\": [1]", QMP_MESSAGE_FOREIGN_ID},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *text = g_strdup_printf("{\"return\": {}%s}", ids[i].member);
        g_autoptr(QmpMessage) message = qmp_message_parse(text, NULL);

        g_assert_nonnull(message);
        g_assert_cmpint(message->id, ==, ids[i].id);
    }
}

/* A peer's text may not reach the terminal raw, nor at any length. */
static void
test_quote(void)
{
    g_autofree char *raw = g_strdup("a\x1b[31mb\r\n\xff\xe2\x80\xae");
    g_autofree char *quote = qmp_error_quote(raw);
    g_autofree char *large = long_string(5000);
    g_autofree char *cut = qmp_error_quote(large);

    g_assert_cmpstr(quote, ==, "a\\u001b[31mb\\r\\n\xef\xbf\xbd\\u202e");
    g_assert_cmpuint(strlen(cut), ==, 203);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/qmp/frame/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_stream);
    }
    g_test_add_func("/qmp/frame/text-is-exact", test_text_is_exact);
    g_test_add_func("/qmp/frame/nul-byte", test_nul_byte);
    g_test_add_func("/qmp/frame/depth", test_depth);
    g_test_add_func("/qmp/frame/size", test_size);
    g_test_add_func("/qmp/message/not-a-message", test_not_a_message);
    g_test_add_func("/qmp/message/event-members", test_event_members);
    g_test_add_func("/qmp/message/ids", test_ids);
    g_test_add_func("/qmp/error/quote", test_quote);
    return g_test_run();
}
