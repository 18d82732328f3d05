/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/config_value.h"
#include "core/descriptor.h"
#include <string.h>
#include <vmbalancer/error.h>

#define PARAMETER_PREFIX "parameter."

void
vb_config_guest_free(VbConfigGuest *guest)
{
    vb_wish_free(guest->wish);
    g_free(guest->origin);
    g_free(guest);
}

static gboolean
set_parameter(VbWish *wish, const VbConfigPlace *place, const char *name, GError **error)
{
    if (!vb_wish_is_parameter_name(name))
        return vb_config_refuse(place, error, "\"" PARAMETER_PREFIX "\" and " VB_WISH_NAME_EXPECTED);
    return vb_wish_set_parameter(wish, name, place->value) ||
           vb_config_refuse(place, error, VB_WISH_VALUE_EXPECTED);
}

gboolean
vb_config_set_guest(VbWish *wish, const VbConfigPlace *place, GPtrArray *warnings, GError **error)
{
    if (g_str_has_prefix(place->key, PARAMETER_PREFIX))
        return set_parameter(wish, place, place->key + strlen(PARAMETER_PREFIX), error);
    for (guint field = 0; field < VB_WISH_FIELDS; field++) {
        const VbWishWords *words = vb_wish_words(field);
        if (g_str_equal(words->key, place->key))
            return vb_wish_set(wish, field, place->value) ||
                   vb_config_refuse(place, error, words->expected);
    }
    return vb_config_ignore(place, warnings);
}

/* Names are told apart by case, UUIDs are not. */
static char *
key_of(const char *guest)
{
    return g_uuid_string_is_valid(guest) ? g_ascii_strdown(guest, -1) : g_strdup(guest);
}

void
vb_config_add_guest(VbConfig *config, const char *guest, const VbWish *wish, const char *origin)
{
    g_autofree char *key = key_of(guest);
    VbConfigGuest *entry = g_hash_table_lookup(config->guests, key);
    if (entry == NULL) {
        entry = g_new0(VbConfigGuest, 1);
        entry->wish = vb_wish_new();
        g_hash_table_replace(config->guests, g_steal_pointer(&key), entry);
    }
    vb_wish_overlay(entry->wish, wish);
    g_free(entry->origin);
    entry->origin = g_strdup(origin);
}

VbWish *
vb_config_guest(const VbConfig *config, const char *name, const char *uuid, char **ret_origin)
{
    g_autofree char *key = key_of(uuid);
    const VbConfigGuest *found[] = {g_hash_table_lookup(config->guests, name),
                                    g_hash_table_lookup(config->guests, key)};
    VbWish *wish = NULL;
    for (guint i = 0; i < G_N_ELEMENTS(found); i++) {
        if (found[i] == NULL)
            continue;
        if (wish == NULL)
            wish = vb_wish_new();
        vb_wish_overlay(wish, found[i]->wish);
        if (ret_origin != NULL) {
            g_free(*ret_origin);
            *ret_origin = g_strdup(found[i]->origin);
        }
    }
    return wish;
}

/* --- what the policies say to it ------------------------------------------------------------ */

static gboolean
check_guests(const VbConfig *config, const VbPolicy *const *policies, GError **error)
{
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, config->guests);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        const VbConfigGuest *guest = value;
        if (!vb_wish_check(guest->wish, policies, error)) {
            g_prefix_error(error, "%s: [domain %s]: ", guest->origin, (const char *)name);
            return FALSE;
        }
    }
    return TRUE;
}

static const VbPolicy *
find_policy(const VbPolicy *const *policies, const char *name)
{
    for (guint i = 0; policies[i] != NULL; i++)
        if (g_str_equal(policies[i]->name, name))
            return policies[i];
    return NULL;
}

/* A [policy NAME] may be for a policy that only another version has: it is no error. */
static gboolean
check_setting(const char *setting, gint64 value, const VbPolicy *const *policies,
              GPtrArray *warnings, GError **error)
{
    const char *name = strchr(setting, '.') + 1;
    g_autofree char *group = g_strndup(setting, (gsize)(name - 1 - setting));
    const VbPolicy *policy = find_policy(policies, group);
    const VbParameter *parameter = policy != NULL ? vb_descriptor_parameter(policy, name) : NULL;
    if (parameter == NULL) {
        g_autofree char *known =
            policy != NULL ? vb_descriptor_names(policy) : g_strdup("does not exist here");
        g_ptr_array_add(warnings,
                        g_strdup_printf("[policy %s] %s=%" G_GINT64_FORMAT
                                        " is ignored: that policy %s, see vmbalancer policy list",
                                        group, name, value, known));
        return TRUE;
    }
    if (value >= parameter->minimum && value <= parameter->maximum)
        return TRUE;
    g_autofree char *range = vb_descriptor_range(parameter);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "[policy %s] %s=%" G_GINT64_FORMAT ": expected %s", group, name, value, range);
    return FALSE;
}

gboolean
vb_config_check(const VbConfig *config, const VbPolicy *const *policies, GPtrArray *warnings,
                GError **error)
{
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(config->settings),
                                         (GCompareFunc)strcmp);
    for (GList *name = names; name != NULL; name = name->next) {
        const gint64 *value = g_hash_table_lookup(config->settings, name->data);
        if (!check_setting(name->data, *value, policies, warnings, error))
            return FALSE;
    }
    return check_guests(config, policies, error);
}
