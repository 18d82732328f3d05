/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_PARSE_H
#define QMP_PARSE_H

#include "qmp/replies.h"

G_BEGIN_DECLS

/*
 * Internal: the value of a "return" -> an owned struct, or NULL with QMP_ERROR_BAD_REPLY. Pure.
 * Lists are a GPtrArray that frees its elements. They return gpointer to fit one table.
 */
typedef gpointer (*QmpParseFunc)(JsonNode *reply, GError **error);

/* Of query-cpus-fast, query-iothreads, query-memdev, query-memory-devices and query-version. */
gpointer qmp_cpus_parse(JsonNode *reply, GError **error);
gpointer qmp_iothreads_parse(JsonNode *reply, GError **error);
gpointer qmp_memdevs_parse(JsonNode *reply, GError **error);
gpointer qmp_memory_devices_parse(JsonNode *reply, GError **error);
gpointer qmp_version_parse(JsonNode *reply, GError **error);
/* QMP_ERROR_NOT_MAPPED when QEMU says that no RAM is there. */
gpointer qmp_gpa2hva_parse(JsonNode *reply, GError **error);

G_END_DECLS

#endif
