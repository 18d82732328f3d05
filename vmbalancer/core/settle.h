/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/config.h"
#include "core/domain.h"

G_BEGIN_DECLS

/** Who asked for something. */
typedef enum {
    VB_SOURCE_NONE,     /**< nobody: the host's default holds */
    VB_SOURCE_METADATA, /**< the guest's metadata */
    VB_SOURCE_HOST,     /**< the host's files, [domain NAME-OR-UUID] */
} VbWishSource;

/** What counts for a guest, and why. */
typedef struct {
    VbWish *wish;
    VbWishSource source[VB_WISH_FIELDS];
    char *origin;     /**< the host's file, NULL if none asks */
    GPtrArray *notes; /**< (element-type utf8): what was ignored or limited, a sentence each */
} VbSettled;

void vb_settled_free(VbSettled *settled);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbSettled, vb_settled_free)

/**
 * Settles what counts for a guest: its metadata within the administrator's [limits], under what the
 * host's files ask. Metadata that is bad counts as none, with a note that says what is wrong.
 * @config: (nullable): NULL = no files, no limits
 * @policies: (nullable): ends with NULL; NULL = parameters are not checked
 * @domain: whose name, UUID, wish and metadata_error are looked at
 */
VbSettled *vb_settle(const VbConfig *config, const VbPolicy *const *policies,
                     const VbDomain *domain);

/** "default", "metadata", "host". */
const char *vb_wish_source_name(VbWishSource source);

G_END_DECLS
