/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/config.h"

G_BEGIN_DECLS

/* The groups of a configuration file, each read in a file of its own; shared by config*.c only. */

/** Where a value stands, for messages. */
typedef struct {
    const char *origin;
    const char *group;
    const char *key;
    const char *value;
} VbConfigPlace;

/** Sets VB_ERROR_INVALID: file, group, key, value, and what was expected. Returns: FALSE. */
gboolean vb_config_refuse(const VbConfigPlace *place, GError **error, const char *expected);
/** Adds the warning that a key is not known. Returns: TRUE. */
gboolean vb_config_ignore(const VbConfigPlace *place, GPtrArray *warnings);
/** Reads a size, or a @rate, which may be "max": 0. */
gboolean vb_config_bytes(const VbConfigPlace *place, gboolean rate, guint64 *ret, GError **error);

/** A key of [limits]. */
gboolean vb_config_set_limit(VbLimits *limits, const VbConfigPlace *place, GPtrArray *warnings,
                             GError **error);
/** A key of [domain NAME]. */
gboolean vb_config_set_guest(VbWish *wish, const VbConfigPlace *place, GPtrArray *warnings,
                             GError **error);
/** Lays what a file's [domain @guest] asks over what the files before it asked. */
void vb_config_add_guest(VbConfig *config, const char *guest, const VbWish *wish,
                         const char *origin);
void vb_config_guest_free(VbConfigGuest *guest);

G_END_DECLS
