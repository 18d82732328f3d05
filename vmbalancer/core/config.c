/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/config.h"
#include "core/text.h"
#include <string.h>
#include <vmbalancer/error.h>

/* Paced by default to what a guest hardly notices and a link of one DIMM carries easily. */
#define DEFAULT_GUEST_RATE (512 * 1024 * 1024)

VbConfig *
vb_config_new(void)
{
    VbConfig *config = g_new0(VbConfig, 1);
    config->guest_rate_bytes_per_s = DEFAULT_GUEST_RATE;
    config->settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return config;
}

void
vb_config_free(VbConfig *config)
{
    if (config == NULL)
        return;
    g_free(config->default_policy);
    g_hash_table_unref(config->settings);
    g_free(config);
}

/* Where a value stands, for messages. */
typedef struct {
    const char *origin;
    const char *group;
    const char *key;
    const char *value;
} Place;

static gboolean
refuse(const Place *place, GError **error, const char *expected)
{
    g_autofree char *value = g_strescape(place->value, NULL);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s: [%s] %s=%.80s: expected %s", place->origin,
                place->group, place->key, value, expected);
    return FALSE;
}

static gboolean
read_bytes(const Place *place, gboolean rate, guint64 *ret, GError **error)
{
    g_autoptr(GError) why = NULL;
    if (rate && g_str_equal(place->value, "max")) {
        *ret = 0;
        return TRUE;
    }
    /* 0 means "no limit" inside; who writes it hardly means that. */
    if (vb_bytes_parse(place->value, rate, ret, &why) && !(rate && *ret == 0))
        return TRUE;
    return refuse(place, error,
                  rate ? "a rate as in \"512MiB/s\", or \"max\"" : "a size as in \"2GiB\"");
}

static gboolean
set_default_policy(VbConfig *config, const Place *place, GError **error)
{
    if (*place->value == '\0' || strlen(place->value) > 64)
        return refuse(place, error, "the name of a policy");
    g_free(config->default_policy);
    config->default_policy = g_strdup(place->value);
    return TRUE;
}

static gboolean
set_rate(VbConfig *config, const Place *place, GError **error)
{
    return read_bytes(place, TRUE, &config->rate_bytes_per_s, error);
}

static gboolean
set_guest_rate(VbConfig *config, const Place *place, GError **error)
{
    return read_bytes(place, TRUE, &config->guest_rate_bytes_per_s, error);
}

static gboolean
set_reserve(VbConfig *config, const Place *place, GError **error)
{
    config->reserve_set = TRUE;
    return read_bytes(place, FALSE, &config->reserve_bytes, error);
}

static const struct {
    const char *key;
    gboolean (*set)(VbConfig *config, const Place *place, GError **error);
} keys[] = {
    {"default-policy", set_default_policy},
    {"rate", set_rate},
    {"guest-rate", set_guest_rate},
    {"reserve", set_reserve},
};

static gboolean
set_main(VbConfig *config, const Place *place, GPtrArray *warnings, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
        if (g_str_equal(place->key, keys[i].key))
            return keys[i].set(config, place, error);
    g_ptr_array_add(warnings, g_strdup_printf("%s: [%s]: unknown key \"%s\" is ignored",
                                              place->origin, place->group, place->key));
    return TRUE;
}

static gboolean
set_node(VbConfig *config, guint64 node, const Place *place, GPtrArray *warnings, GError **error)
{
    if (g_str_equal(place->key, "reserve")) {
        config->node_reserve_set |= VB_NODE_BIT(node);
        return read_bytes(place, FALSE, &config->node_reserve_bytes[node], error);
    }
    if (g_str_equal(place->key, "reserved")) {
        if (g_str_equal(place->value, "yes"))
            config->reserved_nodes |= VB_NODE_BIT(node);
        else if (!g_str_equal(place->value, "no"))
            return refuse(place, error, "\"yes\" or \"no\"");
        return TRUE;
    }
    g_ptr_array_add(warnings, g_strdup_printf("%s: [%s]: unknown key \"%s\" is ignored",
                                              place->origin, place->group, place->key));
    return TRUE;
}

static gboolean
set_parameter(VbConfig *config, const char *policy, const Place *place, GError **error)
{
    gint64 value;
    if (!g_ascii_string_to_signed(place->value, 10, G_MININT64, G_MAXINT64, &value, NULL))
        return refuse(place, error, "a whole number");
    g_hash_table_replace(config->settings, g_strdup_printf("%s.%s", policy, place->key),
                         g_memdup2(&value, sizeof value));
    return TRUE;
}

static gboolean
set_value(VbConfig *config, const Place *place, GPtrArray *warnings, GError **error)
{
    guint64 node;
    if (g_str_equal(place->group, "vmbalancer"))
        return set_main(config, place, warnings, error);
    if (g_str_has_prefix(place->group, "policy ") && place->group[strlen("policy ")] != '\0')
        return set_parameter(config, place->group + strlen("policy "), place, error);
    if (g_str_has_prefix(place->group, "node ") &&
        g_ascii_string_to_unsigned(place->group + strlen("node "), 10, 0, VB_NODES_MAX - 1, &node,
                                   NULL))
        return set_node(config, node, place, warnings, error);
    g_ptr_array_add(warnings, g_strdup_printf("%s: unknown group [%s] is ignored", place->origin,
                                              place->group));
    return TRUE;
}

VbConfig *
vb_config_parse(const char *text, gsize length, const char *origin, GPtrArray *warnings,
                GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) why = NULL;
    if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, &why)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s: %s", origin, why->message);
        return NULL;
    }
    g_autoptr(VbConfig) config = vb_config_new();
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    for (guint g = 0; groups[g] != NULL; g++) {
        g_auto(GStrv) names = g_key_file_get_keys(file, groups[g], NULL, NULL);
        for (guint k = 0; names != NULL && names[k] != NULL; k++) {
            g_autofree char *value = g_key_file_get_string(file, groups[g], names[k], NULL);
            Place place = {origin, groups[g], names[k], value != NULL ? value : ""};
            if (!set_value(config, &place, warnings, error))
                return NULL;
        }
    }
    return g_steal_pointer(&config);
}

void
vb_config_apply_host(const VbConfig *config, VbObservation *observation)
{
    int node;
    VB_NODESET_FOREACH(node, observation->topology.nodes)
    {
        if (config->reserve_set)
            observation->reserve_bytes[node] = config->reserve_bytes;
        if (config->node_reserve_set & VB_NODE_BIT(node))
            observation->reserve_bytes[node] = config->node_reserve_bytes[node];
    }
}

void
vb_config_apply(const VbConfig *config, const VbPolicy *policy, VbSnapshot *snapshot)
{
    g_autoptr(GHashTable) settings =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++) {
        g_autofree char *key = g_strdup_printf("%s.%s", policy->name, p->name);
        const gint64 *value = g_hash_table_lookup(config->settings, key);
        if (value != NULL)
            g_hash_table_replace(settings, g_strdup(p->name), g_memdup2(value, sizeof *value));
    }
    g_clear_pointer(&snapshot->settings, g_hash_table_unref);
    snapshot->settings = g_steal_pointer(&settings);
    for (guint i = 0; i < snapshot->guests->len; i++)
        ((VbGuest *)g_ptr_array_index(snapshot->guests, i))->boundary &= ~config->reserved_nodes;
}
