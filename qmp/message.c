/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/message.h"

#include "qmp/error.h"
#include "qmp/frame.h"

#include <string.h>

void
qmp_message_free(QmpMessage *self)
{
    if (self == NULL)
        return;
    g_free(self->name);
    g_free(self->desc);
    g_clear_pointer(&self->body, json_node_unref);
    g_free(self);
}

static const char *
string_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    return json_node_get_string(node);
}

static JsonObject *
object_member(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static gint64
int_member(JsonObject *object, const char *name, gint64 otherwise)
{
    JsonNode *node = json_object_get_member(object, name);

    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_INT64)
        return otherwise;
    return json_node_get_int(node);
}

static gint64
message_id(JsonObject *object)
{
    if (!json_object_has_member(object, "id"))
        return QMP_MESSAGE_NO_ID;
    return MAX(int_member(object, "id", QMP_MESSAGE_FOREIGN_ID), QMP_MESSAGE_FOREIGN_ID);
}

static gint64
event_time_us(JsonObject *object)
{
    JsonObject *stamp = object_member(object, "timestamp");
    gint64 seconds = stamp != NULL ? int_member(stamp, "seconds", -1) : -1;
    gint64 micros = stamp != NULL ? int_member(stamp, "microseconds", -1) : -1;

    if (seconds < 0 || seconds >= G_MAXINT64 / G_USEC_PER_SEC || micros < 0 ||
        micros >= G_USEC_PER_SEC)
        return -1;
    return seconds * G_USEC_PER_SEC + micros;
}

static gboolean
read_greeting(QmpMessage *self, JsonObject *object)
{
    JsonNode *body = json_object_get_member(object, "QMP");

    if (!JSON_NODE_HOLDS_OBJECT(body))
        return FALSE;
    self->body = json_node_ref(body);
    return TRUE;
}

static gboolean
read_return(QmpMessage *self, JsonObject *object)
{
    self->body = json_node_ref(json_object_get_member(object, "return"));
    self->id = message_id(object);
    return TRUE;
}

static gboolean
read_error(QmpMessage *self, JsonObject *object)
{
    JsonObject *body = object_member(object, "error");

    if (body == NULL || string_member(body, "class") == NULL)
        return FALSE;
    self->name = g_strdup(string_member(body, "class"));
    self->desc = g_strdup(string_member(body, "desc"));
    self->id = message_id(object);
    return TRUE;
}

static gboolean
read_event(QmpMessage *self, JsonObject *object)
{
    JsonNode *data = json_object_get_member(object, "data");

    if (string_member(object, "event") == NULL || (data != NULL && !JSON_NODE_HOLDS_OBJECT(data)))
        return FALSE;
    self->name = g_strdup(string_member(object, "event"));
    self->body = data != NULL ? json_node_ref(data) : NULL;
    self->timestamp_us = event_time_us(object);
    return TRUE;
}

/* The member that tells a kind, and its reader. */
static const struct {
    const char *member;
    QmpMessageKind kind;
    gboolean (*read)(QmpMessage *self, JsonObject *object);
} kinds[] = {
    {"return", QMP_MESSAGE_RETURN, read_return},
    {"error", QMP_MESSAGE_ERROR, read_error},
    {"event", QMP_MESSAGE_EVENT, read_event},
    {"QMP", QMP_MESSAGE_GREETING, read_greeting},
};

static QmpMessage *
read_message(JsonObject *object, GError **error)
{
    g_autoptr(QmpMessage) self = g_new0(QmpMessage, 1);

    self->timestamp_us = -1;
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!json_object_has_member(object, kinds[i].member))
            continue;
        self->kind = kinds[i].kind;
        if (kinds[i].read(self, object))
            return g_steal_pointer(&self);
        g_set_error(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "a message has a malformed \"%s\"",
                    kinds[i].member);
        return NULL;
    }
    g_set_error_literal(error, QMP_ERROR, QMP_ERROR_PROTOCOL,
                        "a message is neither greeting, return, error nor event");
    return NULL;
}

QmpMessage *
qmp_message_parse(const char *text, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) reason = NULL;
    JsonNode *root;

    if (!json_parser_load_from_data(parser, text, -1, &reason)) {
        g_autofree char *quote = qmp_error_quote(reason->message);

        g_set_error(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "a message is not JSON: %s", quote);
        return NULL;
    }
    root = json_parser_get_root(parser);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error_literal(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "a message is not an object");
        return NULL;
    }
    return read_message(json_node_get_object(root), error);
}

JsonNode *
qmp_message_take_return(QmpMessage *self, const char *command, GError **error)
{
    g_autofree char *name = NULL;
    g_autofree char *desc = NULL;

    if (self->kind == QMP_MESSAGE_RETURN)
        return g_steal_pointer(&self->body);
    if (self->kind != QMP_MESSAGE_ERROR) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "%s: the answer is not a reply", command);
        return NULL;
    }
    name = qmp_error_quote(self->name);
    desc = qmp_error_quote(self->desc);
    g_set_error(error, QMP_ERROR,
                g_str_equal(self->name, "CommandNotFound") ? QMP_ERROR_COMMAND_NOT_FOUND
                                                           : QMP_ERROR_COMMAND,
                "%s: QEMU refused: %s: %s", command, name, desc);
    return NULL;
}

char *
qmp_command_to_text(const char *command, JsonNode *arguments, gint64 id)
{
    g_autoptr(JsonBuilder) builder = json_builder_new_immutable();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "execute");
    json_builder_add_string_value(builder, command);
    if (arguments != NULL) {
        json_builder_set_member_name(builder, "arguments");
        json_builder_add_value(builder, json_node_copy(arguments));
    }
    if (id != QMP_MESSAGE_NO_ID) {
        json_builder_set_member_name(builder, "id");
        json_builder_add_int_value(builder, id);
    }
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, FALSE);
}

JsonNode *
qmp_reply_parse(const char *text, const char *command, GError **error)
{
    g_autoptr(QmpFrame) frame = qmp_frame_new();
    g_autoptr(QmpMessage) message = NULL;
    g_autofree char *object = NULL;
    gsize len = strlen(text);

    if (!qmp_frame_feed(frame, &text, &len, &object, error)) {
        g_prefix_error(error, "%s: ", command);
        return NULL;
    }
    if (object == NULL || text[strspn(text, " \t\r\n")] != '\0') {
        g_set_error(error, QMP_ERROR, QMP_ERROR_PROTOCOL, "%s: the reply is not one whole object",
                    command);
        return NULL;
    }
    message = qmp_message_parse(object, error);
    if (message == NULL) {
        g_prefix_error(error, "%s: ", command);
        return NULL;
    }
    return qmp_message_take_return(message, command, error);
}
