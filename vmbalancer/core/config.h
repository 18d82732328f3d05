/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/observation.h"
#include "core/wish.h"
#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/** Where the administrator's configuration is looked for first; engine/files.h has all places. */
#define VB_CONFIG_PATH "/etc/vmbalancer.conf"

/** [limits]: what a guest's metadata may ask at most. They do not bind the host's own files. */
typedef struct {
    gboolean max_rate_known;      /**< else guest-rate is the limit */
    guint64 max_rate_bytes_per_s; /**< max-rate=; 0 = none */
    gint64 min_cooldown_ns;       /**< min-cooldown=; 0 = none */
    char **policies;              /**< allowed-policies=, beside "none"; NULL = all */
    VbNodeSet nodes;              /**< allowed-nodes=, for a home; 0 = all */
    guint64 hugepages_borrow_bytes; /**< hugepages-borrow=, no matter of metadata: by which each node's pools
                                         may be enlarged for moves; 0 = never */
} VbLimits;

/** [domain NAME-OR-UUID]: what the host's files ask for a guest. */
typedef struct {
    VbWish *wish;
    char *origin;                 /**< the file that spoke last */
} VbConfigGuest;

/** The host's configuration: key files laid over each other, see vmbalancer.conf(5). */
typedef struct {
    char *default_policy;                /**< for guests without one of their own; NULL = balance */
    guint64 rate_bytes_per_s;            /**< all moves together; 0 = as fast as paced batches go */
    guint64 guest_rate_bytes_per_s;      /**< each guest */
    guint64 hot_first_bytes;             /**< moves of so much begin with what is accessed most; 0: none */
    gboolean reserve_set;                /**< [vmbalancer] reserve= */
    guint64 reserve_bytes;               /**< memory that each node keeps free */
    VbNodeSet node_reserve_set;          /**< nodes with a [node N] reserve= */
    guint64 node_reserve_bytes[VB_NODES_MAX];
    VbNodeSet reserved_nodes;            /**< [node N] reserved=yes: never a home */
    gint64 interval_ns;                  /**< the daemon looks at least this often; 1 s to 1 h */
    gboolean keep_on_stop;               /**< the daemon leaves its pins as they are when it stops */
    char **policy_modules;               /**< absolute paths; NULL = none */
    char **qemu_sockets;                 /**< [qemu] sockets=: patterns of paths; NULL = none */
    char *record_file;                   /**< [record] file=; NULL = the daemon records nothing */
    guint64 record_limit_bytes;          /**< [record] limit=; 0 = the recorder's own */
    GHashTable *settings;                /**< [policy NAME]: "NAME.parameter" -> gint64* */
    VbLimits limits;
    GHashTable *guests;                  /**< name or UUID in lower case -> VbConfigGuest* */
} VbConfig;

VbConfig *vb_config_new(void);
/** One more holder of a configuration that is not changed any more. Returns: (transfer full). */
VbConfig *vb_config_ref(VbConfig *config);
/** Gives a hold back; the last one frees. */
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
/**
 * Lays a further file over @config: what it says counts, all else stays. As vb_config_parse(); after
 * an error @config is good for nothing but vb_config_free().
 */
gboolean vb_config_merge(VbConfig *config, const char *text, gsize length, const char *origin,
                         GPtrArray *warnings, GError **error);
/**
 * Checks the parameters in [policy NAME] and [domain NAME] against what the policies declare. Names
 * that no policy knows are warned of, in [domain NAME] they are errors.
 * @policies: ends with NULL
 * Errors: VB_ERROR_INVALID naming group, parameter, value and range.
 */
gboolean vb_config_check(const VbConfig *config, const VbPolicy *const *policies,
                         GPtrArray *warnings, GError **error);
/**
 * What the host's files ask for a guest: [domain UUID] laid over [domain NAME].
 * @ret_origin: (nullable) (transfer full): the file that it is from
 * Returns: (transfer full): NULL if they ask nothing
 */
VbWish *vb_config_guest(const VbConfig *config, const char *name, const char *uuid,
                        char **ret_origin);

/** Lets the configuration's reserves replace the default ones of a full look. */
void vb_config_apply_host(const VbConfig *config, VbObservation *observation);
/**
 * Takes reserved nodes out of every guest's boundary and gives @policy its parameters: the host's,
 * and for each guest its own. Those are what it was given for @policy by name, a cooldown that it
 * asks for, and a tolerance that leaves its target locality in reach.
 */
void vb_config_apply(const VbConfig *config, const VbPolicy *policy, VbSnapshot *snapshot);

G_END_DECLS
