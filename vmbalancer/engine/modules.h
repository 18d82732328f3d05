/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/trusted.h"
#include <vmbalancer/policy.h>

G_BEGIN_DECLS

/*
 * Policies from shared objects (vmbalancer/module.h). A module runs with all that its host may do,
 * so that only files are taken which none but root can have written, and only by names that the
 * administrator wrote.
 */

/** From whom modules are taken. */
typedef struct {
    VbTrust trust;
    gboolean raised; /**< this program has more rights than who started it: it takes none */
} VbModuleRules;

/** Root's files alone, and none where the program is setuid or the like. */
VbModuleRules vb_module_rules(void);

/** Modules that are loaded but not in use yet. */
typedef struct VbModules VbModules;

/**
 * Loads modules. One that is in use already stays as it is, whatever its file is now.
 * @paths: (nullable): ends with NULL
 * Errors: VB_ERROR_INVALID naming the file and what is wrong with it; then none is loaded.
 */
VbModules *vb_modules_open(char *const *paths, const VbModuleRules *rules, GError **error);
/** All policies that there are with them, ending with NULL. Returns: (transfer none). */
const VbPolicy *const *vb_modules_policies(const VbModules *modules);
/**
 * Takes them into use, for as long as the program runs: vb_policy_all() knows their policies.
 * Errors: VB_ERROR_INVALID if somebody else took a policy's name meanwhile.
 */
gboolean vb_modules_keep(VbModules *modules, GError **error);
/** Unloads what was not taken into use. */
void vb_modules_free(VbModules *modules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbModules, vb_modules_free)

G_END_DECLS
