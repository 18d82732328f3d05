/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/** Where the host's configuration is looked for. */
#define VB_CONFIG_PATH "/etc/vmbalancer.conf"

/** The host's configuration: a GKeyFile, see vmbalancer(1), FILES. */
typedef struct {
    char *default_policy;                /**< for guests without one of their own; NULL = home-node */
    guint64 rate_bytes_per_s;            /**< all moves together; 0 = as fast as paced batches go */
    guint64 guest_rate_bytes_per_s;      /**< each guest */
    gboolean reserve_set;                /**< [vmbalancer] reserve= */
    guint64 reserve_bytes;               /**< memory that each node keeps free */
    VbNodeSet node_reserve_set;          /**< nodes with a [node N] reserve= */
    guint64 node_reserve_bytes[VB_NODES_MAX];
    VbNodeSet reserved_nodes;            /**< [node N] reserved=yes: never a home */
    GHashTable *settings;                /**< [policy NAME]: "NAME.parameter" -> gint64* */
} VbConfig;

VbConfig *vb_config_new(void);
void vb_config_free(VbConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbConfig, vb_config_free)

/**
 * Parses a configuration.
 * @origin: the file's name, for messages
 * @warnings: (element-type utf8): unknown groups and keys, one sentence each, are added
 * Errors: VB_ERROR_INVALID naming file, group, key, value and what is expected.
 */
VbConfig *vb_config_parse(const char *text, gsize length, const char *origin, GPtrArray *warnings,
                          GError **error);

/** Lets the configuration's reserves replace the default ones of a full look. */
void vb_config_apply_host(const VbConfig *config, VbObservation *observation);
/** Takes reserved nodes out of every guest's boundary and gives @policy its parameters. */
void vb_config_apply(const VbConfig *config, const VbPolicy *policy, VbSnapshot *snapshot);

G_END_DECLS
