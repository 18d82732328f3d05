/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * Method calls. Each method has a row that says who may call it; a method without a row is not
 * answered, so none can be forgotten unguarded.
 */

/** A call whose caller may. It ends with one of vb_call_return() and its like. */
typedef struct {
    struct VbBus *bus;
    GDBusInterfaceSkeleton *skeleton; /**< that it was made to */
    GDBusMethodInvocation *invocation;
} VbCall;

typedef struct {
    const char *method;
    const char *right;
    /** @call: (transfer full) */
    void (*run)(VbCall *call);
    /** (nullable): TRUE if the caller may even without that right. */
    gboolean (*is_own)(struct VbBus *bus, GDBusInterfaceSkeleton *skeleton, const char *sender);
} VbCallRow;

/** Answers the methods of @rows, which end with an empty one and must outlive @skeleton. */
void vb_calls_answer(struct VbBus *bus, GDBusInterfaceSkeleton *skeleton, const VbCallRow *rows);

/** Returns: (transfer none): the arguments. */
GVariant *vb_call_arguments(const VbCall *call);
/** @value: (nullable) (transfer floating): a tuple; NULL: nothing is to be said */
void vb_call_return(VbCall *call, GVariant *value);
void vb_call_fail(VbCall *call, const GError *error);

/** What is to be said, worked out on a thread. Returns: (transfer floating). */
typedef GVariant *(*VbCallWork)(gpointer data, GError **error);
/** Lets a thread work out what to return. @data: freed by @free on whichever thread */
void vb_call_work(VbCall *call, VbCallWork work, gpointer data, GDestroyNotify free);

/** Returns: (transfer floating): text that may go over the bus, whatever is in it. */
GVariant *vb_bus_text(const char *text);
/** Returns: (transfer floating): a document. @node: (transfer full) */
GVariant *vb_bus_json(JsonNode *node);

G_END_DECLS
