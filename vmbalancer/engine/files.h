/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/config.h"
#include "engine/modules.h"

G_BEGIN_DECLS

/** The configuration's files, in the order in which they are laid over each other; all optional. */
typedef struct {
    const char *vendor;           /**< what the distribution ships */
    const char *main;             /**< VB_CONFIG_PATH */
    const char *directory;        /**< its *.conf, by name */
    const char *guests;           /**< its *.conf, by name: for [domain NAME-OR-UUID] groups */
    const VbModuleRules *modules; /**< (nullable): from whom; NULL: vb_module_rules() */
} VbConfigFiles;

/** Returns: (transfer none): the places on this host. */
const VbConfigFiles *vb_config_files(void);

/**
 * Reads the configuration, loads the policy modules that it names, and checks it against all
 * policies. Only where all of it is sound the modules are taken into use.
 * @only: (nullable): --config: that file alone, which must be there
 * @warnings: (element-type utf8): sentences for the user are added
 * Errors: VB_ERROR_INVALID naming the file.
 */
VbConfig *vb_config_read(const VbConfigFiles *files, const char *only, GPtrArray *warnings,
                         GError **error);

G_END_DECLS
