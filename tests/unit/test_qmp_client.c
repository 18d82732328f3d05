/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the client owes its caller: events, deadlines, cancellation, references, contexts. */
#include "qmp_peer.h"

#include <gio/gunixsocketaddress.h>

#define PATIENCE_MS 30000
#define IMPATIENCE_MS 100

typedef struct {
    guint events;
    guint closed;
    QmpEvent last;
    int reason;
    QmpClient *drop; /* a reference that the event callback gives up */
} Seen;

static void
on_event(QmpClient *client, const QmpEvent *event, gpointer data)
{
    Seen *seen = data;

    seen->events++;
    seen->last.timestamp_us = event->timestamp_us;
    g_assert_cmpstr(event->name, ==, "STOP");
    g_assert_cmpint(json_object_get_int_member(event->data, "n"), ==, 1);
    g_clear_pointer(&seen->drop, qmp_client_unref);
}

static void
on_closed(QmpClient *client, const GError *reason, gpointer data)
{
    Seen *seen = data;

    seen->closed++;
    seen->reason = reason->code;
    g_assert_false(qmp_client_is_open(client));
}

static int
finish_code(GAsyncResult **slot, GQuark *domain)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = qmp_transport_execute_finish(peer_wait(slot), &error);

    g_clear_object(slot);
    g_assert_true((node == NULL) == (error != NULL));
    *domain = error != NULL ? error->domain : 0;
    return error != NULL ? error->code : -1;
}

static void
start(QmpClient *client, guint timeout_ms, GCancellable *cancellable, GAsyncResult **slot)
{
    qmp_transport_execute_async(qmp_client_transport(client), "query-status", NULL, timeout_ms,
                                cancellable, peer_on_result, slot);
}

/* The peer hangs up: events first, then the pending command fails, then "closed" comes, once. */
static void
test_events_and_end(void)
{
    static const PeerScript script = {LET_IN, READ_COMMAND, EVENT, EVENT, EVENT};
    Peer *peer = peer_start(script);
    Seen seen = {0};
    QmpWatch watch = {on_event, on_closed, &seen};
    g_autoptr(QmpClient) client = peer_open(peer, &watch, PATIENCE_MS, NULL);
    GAsyncResult *slot = NULL;
    GQuark domain;

    start(client, PATIENCE_MS, NULL, &slot);
    g_assert_cmpint(finish_code(&slot, &domain), ==, QMP_ERROR_CLOSED);
    g_assert_cmpuint(seen.events, ==, 3);
    g_assert_cmpint(seen.last.timestamp_us, ==, 5000006);
    g_assert_cmpuint(seen.closed, ==, 1);
    g_assert_cmpint(seen.reason, ==, QMP_ERROR_CLOSED);
    /* Later commands fail at once and say why the connection went. */
    start(client, PATIENCE_MS, NULL, &slot);
    g_assert_cmpint(finish_code(&slot, &domain), ==, QMP_ERROR_CLOSED);
    g_assert_cmpuint(seen.closed, ==, 1);
    peer_stop(peer);
}

/* A reply that comes after its deadline belongs to nobody; the next command gets its own. */
static void
test_late_reply(void)
{
    static const PeerScript script = {LET_IN, READ_COMMAND, READ_COMMAND,
                                      "{\"return\": 2, \"id\": 2}{\"return\": 3, \"id\": 3}",
                                      WAIT_FOR_END};
    Peer *peer = peer_start(script);
    QmpClient *client = peer_open(peer, NULL, PATIENCE_MS, NULL);
    GAsyncResult *slot = NULL;
    g_autoptr(JsonNode) node = NULL;
    GQuark domain;

    start(client, IMPATIENCE_MS, NULL, &slot);
    g_assert_cmpint(finish_code(&slot, &domain), ==, QMP_ERROR_TIMEOUT);
    g_assert_true(qmp_client_is_open(client));
    start(client, PATIENCE_MS, NULL, &slot);
    node = qmp_transport_execute_finish(peer_wait(&slot), NULL);
    g_assert_cmpint(json_node_get_int(node), ==, 3);
    g_object_unref(slot);
    qmp_client_unref(client);
    peer_stop(peer);
}

static gboolean
cancel(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
    return G_SOURCE_REMOVE;
}

static void
test_cancelled(void)
{
    static const PeerScript script = {LET_IN, WAIT_FOR_END};
    Peer *peer = peer_start(script);
    QmpClient *client = peer_open(peer, NULL, PATIENCE_MS, NULL);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    GAsyncResult *slot = NULL;
    GQuark domain;

    start(client, PATIENCE_MS, cancellable, &slot);
    g_timeout_add(10, cancel, cancellable);
    g_assert_cmpint(finish_code(&slot, &domain), ==, G_IO_ERROR_CANCELLED);
    g_assert_cmpint(domain, ==, G_IO_ERROR);
    g_assert_true(qmp_client_is_open(client));
    /* Cancelled before it starts: nothing is sent. */
    start(client, PATIENCE_MS, cancellable, &slot);
    g_assert_cmpint(finish_code(&slot, &domain), ==, G_IO_ERROR_CANCELLED);
    qmp_client_unref(client);
    peer_stop(peer);
}

static void
test_opening_cancelled(void)
{
    static const PeerScript script = {WAIT_FOR_END};
    Peer *peer = peer_start(script);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    GAsyncResult *slot = NULL;

    g_timeout_add(10, cancel, cancellable);
    qmp_client_open_socket_async(peer->client_end, "fake", NULL, PATIENCE_MS, cancellable,
                                 peer_on_result, &slot);
    g_assert_null(qmp_client_open_finish(peer_wait(&slot), &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_object_unref(slot);
    peer_stop(peer);
}

/* Closing is ours: what is pending fails, nobody is told that the connection was lost. */
static void
test_closed_by_us(void)
{
    static const PeerScript script = {LET_IN, WAIT_FOR_END};
    Peer *peer = peer_start(script);
    Seen seen = {0};
    QmpWatch watch = {on_event, on_closed, &seen};
    g_autoptr(QmpClient) client = peer_open(peer, &watch, PATIENCE_MS, NULL);
    GAsyncResult *first = NULL, *second = NULL;
    GQuark domain;

    start(client, PATIENCE_MS, NULL, &first);
    start(client, PATIENCE_MS, NULL, &second);
    qmp_client_close(client);
    qmp_client_close(client);
    g_assert_cmpint(finish_code(&first, &domain), ==, QMP_ERROR_CLOSED);
    g_assert_cmpint(finish_code(&second, &domain), ==, QMP_ERROR_CLOSED);
    g_assert_cmpuint(seen.closed, ==, 0);
    peer_stop(peer);
}

/* The last reference goes inside an event callback, while more of the same read is waiting. */
static void
test_dropped_in_callback(void)
{
    static const PeerScript script = {LET_IN, WAIT_FOR_END};
    Peer *peer = peer_start(script);
    Seen seen = {0};
    QmpWatch watch = {on_event, on_closed, &seen};

    seen.drop = peer_open(peer, &watch, PATIENCE_MS, NULL);
    g_assert_true(peer_send(peer, EVENT EVENT EVENT, strlen(EVENT EVENT EVENT)));
    while (seen.events == 0)
        g_main_context_iteration(NULL, TRUE);
    peer_stop(peer);
    g_assert_cmpuint(seen.events, ==, 1);
}

/* A command in flight holds the client: dropping it early loses no answer. */
static void
test_dropped_in_flight(void)
{
    static const PeerScript script = {LET_IN, READ_COMMAND, "{\"return\": {}, \"id\": 2}",
                                      WAIT_FOR_END};
    Peer *peer = peer_start(script);
    QmpClient *client = peer_open(peer, NULL, PATIENCE_MS, NULL);
    GAsyncResult *slot = NULL;
    GQuark domain;

    start(client, PATIENCE_MS, NULL, &slot);
    qmp_client_unref(client);
    g_assert_cmpint(finish_code(&slot, &domain), ==, -1);
    peer_stop(peer);
}

static void
test_too_many_in_flight(void)
{
    static const PeerScript script = {LET_IN, WAIT_FOR_END};
    Peer *peer = peer_start(script);
    QmpClient *client = peer_open(peer, NULL, PATIENCE_MS, NULL);
    GAsyncResult *slots[300] = {NULL};
    guint busy = 0, closed = 0;

    for (guint i = 0; i < G_N_ELEMENTS(slots); i++)
        start(client, PATIENCE_MS, NULL, &slots[i]);
    qmp_client_close(client);
    for (guint i = 0; i < G_N_ELEMENTS(slots); i++) {
        GQuark domain;
        int code = finish_code(&slots[i], &domain);

        busy += code == QMP_ERROR_BUSY;
        closed += code == QMP_ERROR_CLOSED;
    }
    g_assert_cmpuint(closed, ==, 256);
    g_assert_cmpuint(busy, ==, 44);
    qmp_client_unref(client);
    peer_stop(peer);
}

/* A peer that does not read may not make us hoard what it should have read. */
static void
test_too_much_in_flight(void)
{
    static const PeerScript script = {LET_IN, WAIT_FOR_END};
    Peer *peer = peer_start(script);
    QmpClient *client = peer_open(peer, NULL, PATIENCE_MS, NULL);
    g_autofree char *huge = g_strnfill(1024 * 1024, 'x');
    g_autoptr(JsonNode) arguments = json_node_init_object(json_node_alloc(), NULL);
    g_autoptr(JsonObject) object = json_object_new();
    GAsyncResult *slot = NULL;
    GQuark domain;

    json_object_set_string_member(object, "huge", huge);
    json_node_set_object(arguments, object);
    qmp_transport_execute_async(qmp_client_transport(client), "hoard", arguments, PATIENCE_MS, NULL,
                                peer_on_result, &slot);
    g_assert_cmpint(finish_code(&slot, &domain), ==, QMP_ERROR_BUSY);
    g_assert_true(qmp_client_is_open(client));
    qmp_client_unref(client);
    peer_stop(peer);
}

/* The caller's main context is not the client's: the answer would come to the wrong place. */
static void
test_other_context(void)
{
    static const PeerScript script = {LET_IN, WAIT_FOR_END};
    Peer *peer = peer_start(script);
    QmpClient *client = peer_open(peer, NULL, PATIENCE_MS, NULL);
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(GError) error = NULL;
    GAsyncResult *slot = NULL;

    g_main_context_push_thread_default(context);
    start(client, PATIENCE_MS, NULL, &slot);
    while (slot == NULL)
        g_main_context_iteration(context, TRUE);
    g_main_context_pop_thread_default(context);
    g_assert_null(qmp_transport_execute_finish(slot, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_INVALID);
    g_object_unref(slot);
    qmp_client_unref(client);
    peer_stop(peer);
}

static gpointer
ask_from_thread(gpointer client)
{
    g_autoptr(GError) error = NULL;

    /* The main thread owns the default context all along. */
    g_assert_null(qmp_query_version(qmp_client_transport(client), PATIENCE_MS, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_INVALID);
    return NULL;
}

static void
test_other_thread(void)
{
    static const PeerScript script = {LET_IN, WAIT_FOR_END};
    Peer *peer = peer_start(script);
    QmpClient *client = peer_open(peer, NULL, PATIENCE_MS, NULL);

    g_assert_true(g_main_context_acquire(NULL));
    g_thread_join(g_thread_new("asker", ask_from_thread, client));
    g_main_context_release(NULL);
    qmp_client_unref(client);
    peer_stop(peer);
}

/* Nobody listens, nothing is there, the name is too long, the queue is full. */
static void
test_dialling(void)
{
    g_autofree char *dir = g_dir_make_tmp("qmp-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "monitor", NULL);
    g_autofree char *long_path = g_strnfill(108, 'x');
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocket) listener = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, NULL);
    g_autoptr(GError) error = NULL;
    int code = -1;

    g_assert_null(qmp_client_open(path, NULL, PATIENCE_MS, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_CLOSED);
    g_clear_error(&error);
    g_assert_null(qmp_client_open(long_path, NULL, PATIENCE_MS, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(qmp_client_open(path, NULL, 0, NULL, &error));
    g_assert_error(error, QMP_ERROR, QMP_ERROR_INVALID);
    g_clear_error(&error);

    g_socket_set_listen_backlog(listener, 0);
    g_assert_true(g_socket_bind(listener, address, FALSE, NULL));
    g_assert_true(g_socket_listen(listener, NULL));
    /* Each attempt leaves its dead connection in the queue: silent ones until it is full. */
    for (guint i = 0; i < 4; i++) {
        g_clear_error(&error);
        g_assert_null(qmp_client_open(path, NULL, IMPATIENCE_MS, NULL, &error));
        g_assert_error(error, QMP_ERROR, QMP_ERROR_BUSY);
        code = error->code;
    }
    g_assert_cmpint(code, ==, QMP_ERROR_BUSY);
    g_assert_nonnull(strstr(error->message, "other clients are waiting"));
    g_assert_cmpint(unlink(path), ==, 0);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/client/events-and-end", test_events_and_end);
    g_test_add_func("/qmp/client/late-reply", test_late_reply);
    g_test_add_func("/qmp/client/cancelled", test_cancelled);
    g_test_add_func("/qmp/client/opening-cancelled", test_opening_cancelled);
    g_test_add_func("/qmp/client/closed-by-us", test_closed_by_us);
    g_test_add_func("/qmp/client/dropped-in-callback", test_dropped_in_callback);
    g_test_add_func("/qmp/client/dropped-in-flight", test_dropped_in_flight);
    g_test_add_func("/qmp/client/too-many-in-flight", test_too_many_in_flight);
    g_test_add_func("/qmp/client/too-much-in-flight", test_too_much_in_flight);
    g_test_add_func("/qmp/client/other-context", test_other_context);
    g_test_add_func("/qmp/client/other-thread", test_other_thread);
    g_test_add_func("/qmp/client/dialling", test_dialling);
    return g_test_run();
}
