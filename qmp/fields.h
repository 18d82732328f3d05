/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_FIELDS_H
#define QMP_FIELDS_H

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * Internal: reads the members of a reply into a struct by a table, and says which one is wrong.
 * "where" is the command and the place in its reply: "query-memdev: return[2]".
 *
 * name:     the member
 * kind:     INT goes into a gint64, BOOL into an int (0, 1), STRING into a char *, owned
 * offset:   of the struct's field
 * optional: when absent or null INT and BOOL become -1, STRING NULL
 * min, max: of an INT, inclusive
 */
typedef enum {
    QMP_FIELD_INT,
    QMP_FIELD_BOOL,
    QMP_FIELD_STRING,
} QmpFieldKind;

typedef struct {
    const char *name;
    QmpFieldKind kind;
    gsize offset;
    gboolean optional;
    gint64 min;
    gint64 max;
} QmpField;

#define QMP_OPTIONAL TRUE
#define QMP_REQUIRED FALSE

/* FALSE with QMP_ERROR_BAD_REPLY. Fields read before the bad one are set, so free the struct. */
gboolean qmp_fields_read(JsonObject *object, const QmpField *fields, gsize n_fields, gpointer into,
                         const char *where, GError **error);

/* The member when it is an object. *ret NULL when absent and optional. Borrowed. */
gboolean qmp_fields_object(JsonObject *object, const char *name, gboolean optional,
                           const char *where, JsonObject **ret, GError **error);

/* One integer in min..max: a member, or an element of an array. */
gboolean qmp_fields_int(JsonNode *node, gint64 min, gint64 max, const char *where, gint64 *ret,
                        GError **error);

/*
 * Reads a reply that is an array of objects: item makes one owned struct of each, or fails.
 * The array frees its elements with destroy.
 */
typedef gpointer (*QmpItemFunc)(JsonObject *object, const char *where, GError **error);
GPtrArray *qmp_fields_list(JsonNode *reply, const char *command, QmpItemFunc item,
                           GDestroyNotify destroy, GError **error);

/* Sets QMP_ERROR_BAD_REPLY "WHERE: NEEDED needed, FOUND found". node may be NULL; returns FALSE. */
gboolean qmp_fields_mismatch(JsonNode *node, const char *needed, const char *where, GError **error);

G_END_DECLS

#endif
