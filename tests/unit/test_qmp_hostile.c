/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever a peer does, each command ends once, with an answer or with the right error. */
#include "qmp_peer.h"

#define PATIENCE_MS 30000
#define IMPATIENCE_MS 200 /* for peers that never answer: any value gives the same result */
#define GREETED_MS 3000   /* for one that greets and falls silent: the greeting must have come */
#define OK (-1)

/* How opening ends, within which time, and what its error says. */
typedef struct {
    const char *name;
    PeerScript script;
    guint timeout_ms;
    int code;
    const char *says;
} Opening;

static const Opening openings[] = {
    {"silent", {WAIT_FOR_END}, IMPATIENCE_MS, QMP_ERROR_BUSY, "another one (libvirt?)"},
    {"hangs-up", {NULL}, PATIENCE_MS, QMP_ERROR_CLOSED, "monitor fake: QEMU closed the connection"},
    {"cut-greeting", {"{\"QMP\": {"}, PATIENCE_MS, QMP_ERROR_CLOSED, "in the middle of a message"},
    {"human-monitor",
     {"QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ", WAIT_FOR_END},
     PATIENCE_MS,
     QMP_ERROR_PROTOCOL,
     "mode=readline"},
    {"reply-first",
     {"{\"return\": {}, \"id\": 1}", WAIT_FOR_END},
     PATIENCE_MS,
     QMP_ERROR_PROTOCOL,
     "not a greeting"},
    {"event-first", {EVENT, WAIT_FOR_END}, PATIENCE_MS, QMP_ERROR_PROTOCOL, "not a greeting"},
    {"array-first", {"[1]", WAIT_FOR_END}, PATIENCE_MS, QMP_ERROR_PROTOCOL, "unexpected '['"},
    {"nul-first", {SEND_NUL, WAIT_FOR_END}, PATIENCE_MS, QMP_ERROR_PROTOCOL, "byte 0x00"},
    {"nul-inside", {"{\"QMP\"", SEND_NUL, WAIT_FOR_END}, PATIENCE_MS, QMP_ERROR_PROTOCOL, "0x00"},
    {"not-utf-8",
     {"{\"QMP\": \"\xff\"}", WAIT_FOR_END},
     PATIENCE_MS,
     QMP_ERROR_PROTOCOL,
     "not valid UTF-8"},
    {"deep", {"{\"QMP\": ", SEND_BRACKETS}, PATIENCE_MS, QMP_ERROR_TOO_DEEP, "deeper than 64"},
    {"endless", {"{\"QMP\": \"", SEND_FOREVER}, PATIENCE_MS, QMP_ERROR_TOO_LARGE, "1048576 bytes"},
    {"greets-then-silent", {GREETING, WAIT_FOR_END}, GREETED_MS, QMP_ERROR_TIMEOUT, "no answer"},
    {"greets-then-dies", {GREETING}, PATIENCE_MS, QMP_ERROR_CLOSED, "closed the connection"},
    {"greets-twice",
     {GREETING, GREETING, WAIT_FOR_END},
     PATIENCE_MS,
     QMP_ERROR_PROTOCOL,
     "a second greeting"},
    {"refuses",
     {GREETING, READ_COMMAND,
      "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"\\u001b[2Jno\"}, \"id\": 1}",
      WAIT_FOR_END},
     PATIENCE_MS,
     QMP_ERROR_COMMAND_NOT_FOUND,
     "CommandNotFound: \\u001b[2Jno"},
    {"welcomes", {LET_IN, WAIT_FOR_END}, PATIENCE_MS, OK, NULL},
    {"welcomes-in-bits",
     {"{\"QM", "P\": {\n}", "\n}\n", READ_COMMAND, "{\"id\"", ": 1, \"retur", "n\": {}}",
      WAIT_FOR_END},
     PATIENCE_MS,
     OK,
     NULL},
};

static void
never_closed(QmpClient *client, const GError *reason, gpointer data)
{
    g_assert_not_reached();
}

/* Who was never let in is not told that a connection was lost. */
static void
test_opening(gconstpointer data)
{
    const Opening *opening = data;
    Peer *peer = peer_start(opening->script);
    QmpWatch watch = {.closed = never_closed};
    g_autoptr(GError) error = NULL;
    QmpClient *client = peer_open(peer, &watch, opening->timeout_ms, &error);

    if (opening->code == OK) {
        g_assert_no_error(error);
        g_assert_true(qmp_client_is_open(client));
        qmp_client_unref(client);
    } else {
        g_assert_null(client);
        g_assert_error(error, QMP_ERROR, opening->code);
        g_assert_nonnull(strstr(error->message, opening->says));
    }
    /* Joins only if the client has hung up: a failed or dropped client leaves no connection. */
    peer_stop(peer);
}

/* Two commands, "first" (id 2) and "second" (id 3), go out together: how each ends. */
typedef struct {
    const char *name;
    PeerScript script;
    guint timeout_ms;
    int codes[2];
} Exchange;

#define FIRST "{\"return\": 2, \"id\": 2}"
#define SECOND "{\"return\": 3, \"id\": 3}"
#define BOTH READ_COMMAND, READ_COMMAND

static const Exchange exchanges[] = {
    {"in-order", {LET_IN, BOTH, FIRST, SECOND, WAIT_FOR_END}, PATIENCE_MS, {OK, OK}},
    {"out-of-order", {LET_IN, BOTH, SECOND FIRST, WAIT_FOR_END}, PATIENCE_MS, {OK, OK}},
    {"pretty",
     {LET_IN, BOTH, "{\n  \"return\": 2,\n  \"id\": 2\n}\n{\n  \"return\":",
      " 3,\n  \"id\": 3\n}\n", WAIT_FOR_END},
     PATIENCE_MS,
     {OK, OK}},
    {"last-words", {LET_IN, BOTH, FIRST "\r\n" SECOND}, PATIENCE_MS, {OK, OK}},
    {"repeated", {LET_IN, BOTH, FIRST FIRST FIRST SECOND, WAIT_FOR_END}, PATIENCE_MS, {OK, OK}},
    {"refused",
     {LET_IN, BOTH, "{\"error\": {\"class\": \"GenericError\"}, \"id\": 2}", SECOND, WAIT_FOR_END},
     PATIENCE_MS,
     {QMP_ERROR_COMMAND, OK}},
    {"among-events",
     {LET_IN, BOTH, SEND_EVENTS, FIRST, SECOND, WAIT_FOR_END},
     PATIENCE_MS,
     {OK, OK}},
    {"silent", {LET_IN, WAIT_FOR_END}, IMPATIENCE_MS, {QMP_ERROR_TIMEOUT, QMP_ERROR_TIMEOUT}},
    {"dies", {LET_IN, BOTH}, PATIENCE_MS, {QMP_ERROR_CLOSED, QMP_ERROR_CLOSED}},
    {"dies-between", {LET_IN, BOTH, FIRST}, PATIENCE_MS, {OK, QMP_ERROR_CLOSED}},
    {"dies-mid-reply",
     {LET_IN, BOTH, "{\"return\": {\"a\""},
     PATIENCE_MS,
     {QMP_ERROR_CLOSED, QMP_ERROR_CLOSED}},
    {"unknown-id",
     {LET_IN, BOTH, "{\"return\": 1, \"id\": 99}", WAIT_FOR_END},
     PATIENCE_MS,
     {QMP_ERROR_PROTOCOL, QMP_ERROR_PROTOCOL}},
    {"negative-id",
     {LET_IN, BOTH, "{\"return\": 1, \"id\": -2}", WAIT_FOR_END},
     PATIENCE_MS,
     {QMP_ERROR_PROTOCOL, QMP_ERROR_PROTOCOL}},
    {"text-id",
     {LET_IN, BOTH, "{\"return\": 1, \"id\": \"2\"}", WAIT_FOR_END},
     PATIENCE_MS,
     {QMP_ERROR_PROTOCOL, QMP_ERROR_PROTOCOL}},
    {"no-id",
     {LET_IN, BOTH, "{\"return\": 1}", WAIT_FOR_END},
     PATIENCE_MS,
     {QMP_ERROR_PROTOCOL, QMP_ERROR_PROTOCOL}},
    {"error-without-id",
     {LET_IN, BOTH, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}",
      WAIT_FOR_END},
     PATIENCE_MS,
     {QMP_ERROR_PROTOCOL, QMP_ERROR_PROTOCOL}},
    {"greets-again",
     {LET_IN, BOTH, FIRST GREETING SECOND, WAIT_FOR_END},
     PATIENCE_MS,
     {OK, QMP_ERROR_PROTOCOL}},
    {"goes-mad",
     {LET_IN, BOTH, FIRST "}" SECOND, WAIT_FOR_END},
     PATIENCE_MS,
     {OK, QMP_ERROR_PROTOCOL}},
    {"not-json",
     {LET_IN, BOTH, "{\"return\" 2}", WAIT_FOR_END},
     PATIENCE_MS,
     {QMP_ERROR_PROTOCOL, QMP_ERROR_PROTOCOL}},
    {"no-kind",
     {LET_IN, BOTH, "{\"id\": 2}", WAIT_FOR_END},
     PATIENCE_MS,
     {QMP_ERROR_PROTOCOL, QMP_ERROR_PROTOCOL}},
    {"half-surrogate",
     {LET_IN, BOTH, "{\"return\": \"\\ud83d\\u0041\", \"id\": 2}", WAIT_FOR_END},
     PATIENCE_MS,
     {QMP_ERROR_PROTOCOL, QMP_ERROR_PROTOCOL}},
    {"deep",
     {LET_IN, BOTH, "{\"return\":", SEND_BRACKETS},
     PATIENCE_MS,
     {QMP_ERROR_TOO_DEEP, QMP_ERROR_TOO_DEEP}},
    {"endless",
     {LET_IN, BOTH, "{\"return\":\"", SEND_FOREVER},
     PATIENCE_MS,
     {QMP_ERROR_TOO_LARGE, QMP_ERROR_TOO_LARGE}},
};

static void
check_end(GAsyncResult **slot, int code, const char *command, gint64 value)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = qmp_transport_execute_finish(peer_wait(slot), &error);

    if (code == OK) {
        g_assert_no_error(error);
        g_assert_cmpint(json_node_get_int(node), ==, value);
    } else {
        g_assert_error(error, QMP_ERROR, code);
        g_assert_nonnull(strstr(error->message, command));
    }
    g_object_unref(*slot);
}

static void
test_exchange(gconstpointer data)
{
    const Exchange *exchange = data;
    Peer *peer = peer_start(exchange->script);
    g_autoptr(QmpClient) client = peer_open(peer, NULL, PATIENCE_MS, NULL);
    QmpTransport *transport = qmp_client_transport(client);
    GAsyncResult *first = NULL, *second = NULL;
    gboolean lost =
        exchange->codes[1] == QMP_ERROR_CLOSED || exchange->codes[1] == QMP_ERROR_PROTOCOL ||
        exchange->codes[1] == QMP_ERROR_TOO_DEEP || exchange->codes[1] == QMP_ERROR_TOO_LARGE;

    qmp_transport_execute_async(transport, "first", NULL, exchange->timeout_ms, NULL,
                                peer_on_result, &first);
    qmp_transport_execute_async(transport, "second", NULL, exchange->timeout_ms, NULL,
                                peer_on_result, &second);
    check_end(&first, exchange->codes[0], "first", 2);
    check_end(&second, exchange->codes[1], "second", 3);
    if (lost)
        g_assert_false(qmp_client_is_open(client));
    g_clear_pointer(&client, qmp_client_unref);
    peer_stop(peer);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(openings); i++) {
        g_autofree char *path = g_strconcat("/qmp/opening/", openings[i].name, NULL);

        g_test_add_data_func(path, &openings[i], test_opening);
    }
    for (guint i = 0; i < G_N_ELEMENTS(exchanges); i++) {
        g_autofree char *path = g_strconcat("/qmp/exchange/", exchanges[i].name, NULL);

        g_test_add_data_func(path, &exchanges[i], test_exchange);
    }
    return g_test_run();
}
