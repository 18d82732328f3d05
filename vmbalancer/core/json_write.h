/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/* Adding typed members to a JSON object: the counterparts of json_read.h. */

/** A count; above 2^63 - 1, where json-glib's integers end, a string of decimal digits. */
void vb_json_put_u64(JsonObject *object, const char *name, guint64 value);
/** A string, null for NULL. */
void vb_json_put_text(JsonObject *object, const char *name, const char *text);
/** Basis points as a fraction: 9700 is 0.97. */
void vb_json_put_bp(JsonObject *object, const char *name, int bp);
/** Nanoseconds as seconds. */
void vb_json_put_seconds(JsonObject *object, const char *name, gint64 ns);
/** An integer, null if it is not @known. */
void vb_json_put_known(JsonObject *object, const char *name, gboolean known, gint64 value);
/** A node list ("0-1"). */
void vb_json_put_nodeset(JsonObject *object, const char *name, VbNodeSet set);
/** An array of node ids. */
void vb_json_put_node_ids(JsonObject *object, const char *name, VbNodeSet set);
/** A CPU list, null for NULL. */
void vb_json_put_cpuset(JsonObject *object, const char *name, const VbCpuSet *set);
/** @value by node, in the order of @nodes. */
void vb_json_put_by_node(JsonObject *object, const char *name, VbNodeSet nodes,
                         const guint64 *value);
/** An object of name -> gint64*, sorted by name; null for NULL. */
void vb_json_put_settings(JsonObject *object, const char *name, GHashTable *settings);
/** Returns: (transfer none): a new empty array or object that is now a member. */
JsonArray *vb_json_put_array(JsonObject *object, const char *name);
JsonObject *vb_json_put_object(JsonObject *object, const char *name);
/** Returns: (transfer none): a new empty object at the end of @array. */
JsonObject *vb_json_append_object(JsonArray *array);

/** Returns: (transfer full): a node of a new object whose first member names its schema. */
JsonNode *vb_json_document(const char *schema);

G_END_DECLS
