/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/*
 * Typed readers of JSON members. A reader knows the path to where it is and keeps the first thing
 * that was wrong ("vmbalancer.snapshot/1: guests[3].cells[0].by_node[1]: ..."); from then on every
 * call answers with its zero value, so that a decoder reads straight down and asks once at the end.
 * A member that is absent counts as null. Members that nobody asks for are ignored.
 */
typedef struct VbJsonReader VbJsonReader;

/** @schema: leads each error message; not copied. */
VbJsonReader *vb_json_reader_new(const char *schema);
void vb_json_reader_free(VbJsonReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbJsonReader, vb_json_reader_free)

/** Notes that member @name (nullable: the element itself) is wrong, if it is the first. */
void vb_json_fail(VbJsonReader *reader, const char *name, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/** Returns: TRUE if nothing was wrong; else FALSE with VB_ERROR_INVALID. */
gboolean vb_json_finish(VbJsonReader *reader, GError **error);
/** TRUE if something was wrong. */
gboolean vb_json_failed(const VbJsonReader *reader);
/** TRUE if @name is neither absent nor null. */
gboolean vb_json_has(JsonObject *object, const char *name);

/** An integer in @minimum..@maximum, required. */
gint64 vb_json_int(VbJsonReader *reader, JsonObject *object, const char *name, gint64 minimum,
                   gint64 maximum);
/** As vb_json_int(), but null is @otherwise. */
gint64 vb_json_int_or(VbJsonReader *reader, JsonObject *object, const char *name, gint64 minimum,
                      gint64 maximum, gint64 otherwise);
/** Any 64-bit count, required; above 2^63 - 1 a string of decimal digits (see vb_json_put_u64()). */
guint64 vb_json_u64(VbJsonReader *reader, JsonObject *object, const char *name);
/** Exactly @length counts. Returns: FALSE if it is null; @ret is then untouched. */
gboolean vb_json_u64s(VbJsonReader *reader, JsonObject *object, const char *name, guint length,
                      guint64 *ret);
/**
 * A number, required: times @scale and rounded, so that 0.97 with 10,000 is 9700.
 * The result is in @minimum..@maximum.
 */
gint64 vb_json_scaled(VbJsonReader *reader, JsonObject *object, const char *name, gint64 scale,
                      gint64 minimum, gint64 maximum);
/** true or false, required. */
gboolean vb_json_bool(VbJsonReader *reader, JsonObject *object, const char *name);
/** A string of at most @size bytes. Returns: (transfer full): NULL if it is null. */
char *vb_json_text(VbJsonReader *reader, JsonObject *object, const char *name, gsize size);
/** One of @words, which end with NULL; required. Returns: its index. */
guint vb_json_word(VbJsonReader *reader, JsonObject *object, const char *name,
                   const char *const *words);
/** A node list ("0-1"). Null is the empty set. */
VbNodeSet vb_json_nodeset(VbJsonReader *reader, JsonObject *object, const char *name);
/** A CPU list. Returns: FALSE if it is null; @ret is then untouched. */
gboolean vb_json_cpuset(VbJsonReader *reader, JsonObject *object, const char *name, VbCpuSet *ret);
/** name -> gint64*, at most @length. Returns: (transfer full): NULL if it is null. */
GHashTable *vb_json_settings(VbJsonReader *reader, JsonObject *object, const char *name,
                             guint length);

/** Called for the object @name with the path inside it. Does nothing if that is null. */
typedef void (*VbJsonInto)(VbJsonReader *reader, JsonObject *object, gpointer into);
/** Reads the required object @name by @read. */
void vb_json_inside(VbJsonReader *reader, JsonObject *object, const char *name, VbJsonInto read,
                    gpointer into);
/** Reads each element, all objects, of the required array @name by @read, of at most @length. */
void vb_json_each(VbJsonReader *reader, JsonObject *object, const char *name, guint length,
                  VbJsonInto read, gpointer into);

G_END_DECLS
