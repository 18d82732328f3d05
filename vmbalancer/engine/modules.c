/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/modules.h"
#include "core/descriptor.h"
#include <dlfcn.h>
#include <gmodule.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <vmbalancer/error.h>
#include <vmbalancer/module.h>
#include <vmbalancer/registry.h>

#define SYMBOL "vb_policy_module"

/* A loaded file. */
typedef struct {
    char *path;
    int fd;
    GModule *module;
    const VbPolicyModule *said;
} Loaded;

struct VbModules {
    GPtrArray *loaded;   /* (element-type Loaded) */
    GPtrArray *policies; /* (element-type VbPolicy): all that there are, and a NULL */
};

/* In use; what is in there stays. */
static GPtrArray *kept;
static GMutex keeping;

VbModuleRules
vb_module_rules(void)
{
    return (VbModuleRules){.trust = {.owner = 0, .from = "/"}, .raised = getauxval(AT_SECURE) != 0};
}

/*
 * The dynamic linker knows objects by the name that it opened them with, "/proc/self/fd/7" here,
 * and gives what it has of a name instead of opening it: the number must not become another file's
 * as long as the object is there.
 */
static void
loaded_free(gpointer data)
{
    Loaded *loaded = data;
    g_autofree char *name = g_strdup_printf("/proc/self/fd/%d", loaded->fd);
    if (loaded->module != NULL)
        g_module_close(loaded->module);
    void *stays = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    if (stays != NULL)
        dlclose(stays);
    else
        close(loaded->fd);
    g_free(loaded->path);
    g_free(loaded);
}

static gboolean
refuse(GError **error, const char *path, const char *why)
{
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "policy module %s: %s", path, why);
    return FALSE;
}

static gboolean
has_path(const GPtrArray *loaded, const char *path)
{
    for (guint i = 0; loaded != NULL && i < loaded->len; i++)
        if (g_str_equal(((Loaded *)g_ptr_array_index(loaded, i))->path, path))
            return TRUE;
    return FALSE;
}

static gboolean
is_loaded(const VbModules *modules, const char *path)
{
    g_mutex_lock(&keeping);
    gboolean is_kept = has_path(kept, path);
    g_mutex_unlock(&keeping);
    return is_kept || has_path(modules->loaded, path);
}

/* --- what a module says --------------------------------------------------------------------- */

static gboolean
check_sizes(const char *path, const VbPolicyModule *said, GError **error)
{
    static const VbModuleSizes ours = VB_MODULE_SIZES;
    if (said->abi != VB_POLICY_ABI) {
        g_autofree char *why =
            g_strdup_printf("it is built for policy ABI %u, this vmbalancer has %u: "
                            "build it against the headers of this version",
                            said->abi, VB_POLICY_ABI);
        return refuse(error, path, why);
    }
    if (said->size != sizeof *said || memcmp(&said->sizes, &ours, sizeof ours) != 0)
        return refuse(error, path,
                      "it is built with structures of other sizes than this vmbalancer's: "
                      "build it against the headers of this version");
    if (said->policies == NULL || said->policies[0] == NULL)
        return refuse(error, path, "it has no policies");
    return TRUE;
}

/* Words that stand where a policy's name may. */
static gboolean
is_taken(const VbModules *modules, const char *name)
{
    static const char *const words[] = {"all", "balance", "hand", "mixed", NULL};
    for (guint i = 0; g_ptr_array_index(modules->policies, i) != NULL; i++)
        if (g_str_equal(((const VbPolicy *)g_ptr_array_index(modules->policies, i))->name, name))
            return TRUE;
    return g_strv_contains(words, name);
}

static gboolean
add_policy(VbModules *modules, const char *path, const VbPolicy *policy, GError **error)
{
    g_autoptr(GError) why = NULL;
    if (!vb_descriptor_check(policy, &why))
        return refuse(error, path, why->message);
    if (is_taken(modules, policy->name)) {
        g_autofree char *text = g_strdup_printf(
            "there is a policy \"%s\" already: give its own another name", policy->name);
        return refuse(error, path, text);
    }
    g_ptr_array_insert(modules->policies, (int)modules->policies->len - 1, (gpointer)policy);
    return TRUE;
}

/* --- loading -------------------------------------------------------------------------------- */

static gboolean
load(Loaded *loaded, GError **error)
{
    g_autofree char *name = g_strdup_printf("/proc/self/fd/%d", loaded->fd);
    gpointer said = NULL;
    loaded->module = g_module_open(name, G_MODULE_BIND_LOCAL);
    if (loaded->module == NULL) {
        const char *why = g_module_error();
        why = g_str_has_prefix(why, name) ? why + strlen(name) : why;
        g_autofree char *text = g_strdup_printf("it cannot be loaded: %s", why + strspn(why, ": "));
        return refuse(error, loaded->path, text);
    }
    if (!g_module_symbol(loaded->module, SYMBOL, &said) || said == NULL)
        return refuse(error, loaded->path,
                      "it has no symbol \"" SYMBOL "\": its source lacks VB_POLICY_MODULE()");
    loaded->said = said;
    return check_sizes(loaded->path, loaded->said, error);
}

static gboolean
add_module(VbModules *modules, const char *path, const VbModuleRules *rules, GError **error)
{
    g_autoptr(GError) why = NULL;
    int fd = vb_trusted_open(path, &rules->trust, &why);
    if (fd < 0)
        return refuse(error, path, why->message);
    Loaded *loaded = g_new0(Loaded, 1);
    loaded->path = g_strdup(path);
    loaded->fd = fd;
    g_ptr_array_add(modules->loaded, loaded);
    if (!load(loaded, error))
        return FALSE;
    for (guint i = 0; loaded->said->policies[i] != NULL; i++)
        if (!add_policy(modules, path, loaded->said->policies[i], error))
            return FALSE;
    return TRUE;
}

VbModules *
vb_modules_open(char *const *paths, const VbModuleRules *rules, GError **error)
{
    g_autoptr(VbModules) modules = g_new0(VbModules, 1);
    modules->loaded = g_ptr_array_new_with_free_func(loaded_free);
    modules->policies = g_ptr_array_new();
    for (const VbPolicy *const *policy = vb_policy_all(); *policy != NULL; policy++)
        g_ptr_array_add(modules->policies, (gpointer)*policy);
    g_ptr_array_add(modules->policies, NULL);
    for (guint i = 0; paths != NULL && paths[i] != NULL; i++) {
        if (is_loaded(modules, paths[i]))
            continue;
        if (rules->raised) {
            refuse(error, paths[i], "none is loaded by a program that runs with raised rights");
            return NULL;
        }
        if (!add_module(modules, paths[i], rules, error))
            return NULL;
    }
    return g_steal_pointer(&modules);
}

const VbPolicy *const *
vb_modules_policies(const VbModules *modules)
{
    return (const VbPolicy *const *)modules->policies->pdata;
}

gboolean
vb_modules_keep(VbModules *modules, GError **error)
{
    g_autoptr(GPtrArray) added = g_ptr_array_new();
    for (guint i = 0; i < modules->loaded->len; i++) {
        const Loaded *loaded = g_ptr_array_index(modules->loaded, i);
        for (guint p = 0; loaded->said->policies[p] != NULL; p++)
            g_ptr_array_add(added, (gpointer)loaded->said->policies[p]);
    }
    g_ptr_array_add(added, NULL);
    const char *taken = vb_registry_add((const VbPolicy *const *)added->pdata);
    if (taken != NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "policy-modules: there is a policy \"%s\" already", taken);
        return FALSE;
    }
    g_mutex_lock(&keeping);
    if (kept == NULL)
        kept = g_ptr_array_new();
    while (modules->loaded->len > 0)
        g_ptr_array_add(kept, g_ptr_array_steal_index(modules->loaded, 0));
    g_mutex_unlock(&keeping);
    return TRUE;
}

void
vb_modules_free(VbModules *modules)
{
    if (modules == NULL)
        return;
    g_ptr_array_unref(modules->loaded);
    g_ptr_array_unref(modules->policies);
    g_free(modules);
}
