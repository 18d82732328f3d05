/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_MESSAGE_H
#define QMP_MESSAGE_H

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* One message of the QMP wire, and the text of a command. Pure: no connection, no state. */
typedef enum {
    QMP_MESSAGE_GREETING,
    QMP_MESSAGE_RETURN,
    QMP_MESSAGE_ERROR,
    QMP_MESSAGE_EVENT,
} QmpMessageKind;

#define QMP_MESSAGE_NO_ID 0
#define QMP_MESSAGE_FOREIGN_ID (-1)

/*
 * id: of a RETURN or ERROR, the command's, 1 or more; NO_ID; FOREIGN_ID when it is no such integer
 * name: an EVENT's name, an ERROR's class, else NULL
 * desc: an ERROR's description, else NULL
 * body: a RETURN's value, a GREETING's "QMP" object, an EVENT's data object, or NULL
 * timestamp_us: of an EVENT, since 1970, -1 where QEMU could not tell
 */
typedef struct {
    QmpMessageKind kind;
    gint64 id;
    char *name;
    char *desc;
    JsonNode *body;
    gint64 timestamp_us;
} QmpMessage;

/*
 * Parses a text that qmp_frame_feed() let pass; no other text may come here (json-glib trusts it).
 * NULL with QMP_ERROR_PROTOCOL when it is no JSON or none of the four kinds.
 */
QmpMessage *qmp_message_parse(const char *text, GError **error);
void qmp_message_free(QmpMessage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpMessage, qmp_message_free)

/*
 * The value of a RETURN (owned by the caller), or NULL with QMP_ERROR_COMMAND or
 * QMP_ERROR_COMMAND_NOT_FOUND for an ERROR, and QMP_ERROR_PROTOCOL for the other kinds.
 */
JsonNode *qmp_message_take_return(QmpMessage *self, const char *command, GError **error);

/*
 * The text of a command, without line end. arguments: an object, or NULL for none.
 * id: 1 or more, or QMP_MESSAGE_NO_ID to leave it out (libvirt's passthrough adds its own).
 */
char *qmp_command_to_text(const char *command, JsonNode *arguments, gint64 id);

/*
 * Judges and parses a whole reply, one object {"return": ...} or {"error": ...} as a passthrough
 * gives it, and takes its value as qmp_message_take_return() does. text may be hostile.
 */
JsonNode *qmp_reply_parse(const char *text, const char *command, GError **error);

G_END_DECLS

#endif
