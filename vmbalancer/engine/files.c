/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/files.h"
#include <string.h>
#include <vmbalancer/error.h>

const VbConfigFiles *
vb_config_files(void)
{
    static const VbConfigFiles files = {
        .vendor = "/usr/lib/vmbalancer/vmbalancer.conf",
        .main = VB_CONFIG_PATH,
        .directory = "/etc/vmbalancer.conf.d",
        .guests = "/etc/vmbalancer/domains.d",
    };
    return &files;
}

static gboolean
refuse(const GError *why, GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "the configuration cannot be read: %s",
                why->message);
    return FALSE;
}

static gboolean
read_file(VbConfig *config, const char *path, gboolean needed, GPtrArray *warnings, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) why = NULL;
    if (g_file_get_contents(path, &text, &length, &why))
        return vb_config_merge(config, text, length, path, warnings, error);
    return (!needed && g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT)) ||
           refuse(why, error);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean
read_folder(VbConfig *config, const char *path, GPtrArray *warnings, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GDir) folder = g_dir_open(path, 0, &why);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;
    if (folder == NULL)
        return g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT) || refuse(why, error);
    while ((name = g_dir_read_name(folder)) != NULL)
        if (*name != '.' && g_str_has_suffix(name, ".conf"))
            g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *file = g_build_filename(path, g_ptr_array_index(names, i), NULL);
        if (!read_file(config, file, TRUE, warnings, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
take_modules(const VbConfig *config, const VbModuleRules *rules, GPtrArray *warnings,
             GError **error)
{
    VbModuleRules ours = vb_module_rules();
    g_autoptr(VbModules) modules =
        vb_modules_open(config->policy_modules, rules != NULL ? rules : &ours, error);
    return modules != NULL &&
           vb_config_check(config, vb_modules_policies(modules), warnings, error) &&
           vb_modules_keep(modules, error);
}

VbConfig *
vb_config_read(const VbConfigFiles *files, const char *only, GPtrArray *warnings, GError **error)
{
    g_autoptr(VbConfig) config = vb_config_new();
    gboolean read = only != NULL ? read_file(config, only, TRUE, warnings, error)
                                 : read_file(config, files->vendor, FALSE, warnings, error) &&
                                       read_file(config, files->main, FALSE, warnings, error) &&
                                       read_folder(config, files->directory, warnings, error) &&
                                       read_folder(config, files->guests, warnings, error);
    return read && take_modules(config, files->modules, warnings, error) ? g_steal_pointer(&config)
                                                                         : NULL;
}
