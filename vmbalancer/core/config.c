/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/config_value.h"
#include <string.h>
#include <vmbalancer/error.h>

/* Paced by default to what a guest hardly notices and a link of one DIMM carries easily. */
#define DEFAULT_GUEST_RATE (512 * 1024 * 1024)
/* A guest that strays is seen within this; what happens to a guest wakes the daemon anyway. */
#define DEFAULT_INTERVAL_NS (10 * G_GINT64_CONSTANT(1000000000))

VbConfig *
vb_config_new(void)
{
    VbConfig *config = g_atomic_rc_box_new0(VbConfig);
    config->interval_ns = DEFAULT_INTERVAL_NS;
    config->guest_rate_bytes_per_s = DEFAULT_GUEST_RATE;
    config->settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    config->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify)vb_config_guest_free);
    return config;
}

VbConfig *
vb_config_ref(VbConfig *config)
{
    return g_atomic_rc_box_acquire(config);
}

static void
config_clear(gpointer data)
{
    VbConfig *config = data;
    g_free(config->default_policy);
    g_strfreev(config->policy_modules);
    g_strfreev(config->qemu_sockets);
    g_free(config->record_file);
    g_hash_table_unref(config->settings);
    g_hash_table_unref(config->guests);
    g_strfreev(config->limits.policies);
}

void
vb_config_free(VbConfig *config)
{
    if (config != NULL)
        g_atomic_rc_box_release_full(config, config_clear);
}

static gboolean
set_default_policy(VbConfig *config, const VbConfigPlace *place, GError **error)
{
    if (*place->value == '\0' || strlen(place->value) > 64)
        return vb_config_refuse(place, error, "the name of a policy");
    g_free(config->default_policy);
    config->default_policy = g_strdup(place->value);
    return TRUE;
}

static gboolean
set_rate(VbConfig *config, const VbConfigPlace *place, GError **error)
{
    return vb_config_bytes(place, TRUE, &config->rate_bytes_per_s, error);
}

static gboolean
set_guest_rate(VbConfig *config, const VbConfigPlace *place, GError **error)
{
    return vb_config_bytes(place, TRUE, &config->guest_rate_bytes_per_s, error);
}

static gboolean
set_hot_first(VbConfig *config, const VbConfigPlace *place, GError **error)
{
    return vb_config_bytes(place, FALSE, &config->hot_first_bytes, error);
}

static gboolean
set_reserve(VbConfig *config, const VbConfigPlace *place, GError **error)
{
    config->reserve_set = TRUE;
    return vb_config_bytes(place, FALSE, &config->reserve_bytes, error);
}

static gboolean
set_interval(VbConfig *config, const VbConfigPlace *place, GError **error)
{
    static const char *const names[] = {"s", "", "min", "h"};
    static const guint64 seconds[] = {1, 1, 60, 3600};
    char *unit;
    guint64 count = g_ascii_strtoull(place->value, &unit, 10);
    for (guint i = 0; g_ascii_isdigit(*place->value) && i < G_N_ELEMENTS(names); i++)
        if (g_str_equal(unit, names[i]) && count > 0 && count <= 3600 / seconds[i]) {
            config->interval_ns = (gint64)(count * seconds[i]) * G_GINT64_CONSTANT(1000000000);
            return TRUE;
        }
    return vb_config_refuse(place, error, "a time from 1s to 1h");
}

static gboolean
set_on_stop(VbConfig *config, const VbConfigPlace *place, GError **error)
{
    config->keep_on_stop = g_str_equal(place->value, "keep");
    return config->keep_on_stop || g_str_equal(place->value, "restore") ||
           vb_config_refuse(place, error, "\"restore\" or \"keep\"");
}

static gboolean
set_paths(const VbConfigPlace *place, char ***ret, GError **error)
{
    g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
    g_auto(GStrv) parts = g_strsplit(place->value, ";", -1);
    for (guint i = 0; parts[i] != NULL; i++) {
        g_strstrip(parts[i]);
        if (*parts[i] != '\0' && !g_path_is_absolute(parts[i]))
            return vb_config_refuse(place, error, "paths from the root on, with \";\" between them");
        if (*parts[i] != '\0')
            g_strv_builder_add(paths, parts[i]);
    }
    g_strfreev(*ret);
    *ret = g_strv_builder_end(paths);
    return TRUE;
}

static gboolean
set_policy_modules(VbConfig *config, const VbConfigPlace *place, GError **error)
{
    return set_paths(place, &config->policy_modules, error);
}

/* Said with nothing behind it, it takes back what a file before it said. */
static gboolean
set_qemu(VbConfig *config, const VbConfigPlace *place, GPtrArray *warnings, GError **error)
{
    if (!g_str_equal(place->key, "sockets"))
        return vb_config_ignore(place, warnings);
    if (!set_paths(place, &config->qemu_sockets, error))
        return FALSE;
    if (g_strv_length(config->qemu_sockets) == 0)
        g_clear_pointer(&config->qemu_sockets, g_strfreev);
    return TRUE;
}

static const struct {
    const char *key;
    gboolean (*set)(VbConfig *config, const VbConfigPlace *place, GError **error);
} keys[] = {
    {"default-policy", set_default_policy},
    {"rate", set_rate},
    {"guest-rate", set_guest_rate},
    {"hot-first", set_hot_first},
    {"reserve", set_reserve},
    {"interval", set_interval},
    {"on-stop", set_on_stop},
    {"policy-modules", set_policy_modules},
};

static gboolean
set_main(VbConfig *config, const VbConfigPlace *place, GPtrArray *warnings, GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
        if (g_str_equal(place->key, keys[i].key))
            return keys[i].set(config, place, error);
    return vb_config_ignore(place, warnings);
}

static gboolean
set_node(VbConfig *config, guint64 node, const VbConfigPlace *place, GPtrArray *warnings, GError **error)
{
    if (g_str_equal(place->key, "reserve")) {
        config->node_reserve_set |= VB_NODE_BIT(node);
        return vb_config_bytes(place, FALSE, &config->node_reserve_bytes[node], error);
    }
    if (g_str_equal(place->key, "reserved")) {
        gboolean yes = g_str_equal(place->value, "yes");
        if (!yes && !g_str_equal(place->value, "no"))
            return vb_config_refuse(place, error, "\"yes\" or \"no\"");
        config->reserved_nodes &= ~VB_NODE_BIT(node);
        config->reserved_nodes |= yes ? VB_NODE_BIT(node) : 0;
        return TRUE;
    }
    return vb_config_ignore(place, warnings);
}

static gboolean
set_record(VbConfig *config, const VbConfigPlace *place, GPtrArray *warnings, GError **error)
{
    if (g_str_equal(place->key, "limit"))
        return vb_config_bytes(place, FALSE, &config->record_limit_bytes, error);
    if (!g_str_equal(place->key, "file"))
        return vb_config_ignore(place, warnings);
    if (*place->value != '\0' && !g_path_is_absolute(place->value))
        return vb_config_refuse(place, error, "a path from the root on, or nothing");
    g_free(config->record_file);
    config->record_file = *place->value != '\0' ? g_strdup(place->value) : NULL;
    return TRUE;
}

static gboolean
set_parameter(VbConfig *config, const char *policy, const VbConfigPlace *place, GError **error)
{
    gint64 value;
    if (!g_ascii_string_to_signed(place->value, 10, G_MININT64, G_MAXINT64, &value, NULL))
        return vb_config_refuse(place, error, "a whole number");
    g_hash_table_replace(config->settings, g_strdup_printf("%s.%s", policy, place->key),
                         g_memdup2(&value, sizeof value));
    return TRUE;
}

static gboolean
set_value(VbConfig *config, const VbConfigPlace *place, GPtrArray *warnings, GError **error)
{
    guint64 node;
    if (g_str_equal(place->group, "vmbalancer"))
        return set_main(config, place, warnings, error);
    if (g_str_equal(place->group, "limits"))
        return vb_config_set_limit(&config->limits, place, warnings, error);
    if (g_str_equal(place->group, "qemu"))
        return set_qemu(config, place, warnings, error);
    if (g_str_equal(place->group, "record"))
        return set_record(config, place, warnings, error);
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

/* The guest of [domain NAME-OR-UUID], NULL if the group is another. */
static const char *
guest_of(const char *group)
{
    const char *name = group + strlen("domain ");
    return g_str_has_prefix(group, "domain ") && *name != '\0' ? name : NULL;
}

/* A group is read whole before it counts: its policy and its parameters belong together. */
static gboolean
read_group(VbConfig *config, GKeyFile *file, const char *group, const char *origin,
           GPtrArray *warnings, GError **error)
{
    g_autoptr(VbWish) wish = vb_wish_new();
    const char *guest = guest_of(group);
    g_auto(GStrv) names = g_key_file_get_keys(file, group, NULL, NULL);
    for (guint k = 0; names != NULL && names[k] != NULL; k++) {
        g_autofree char *value = g_key_file_get_string(file, group, names[k], NULL);
        VbConfigPlace place = {origin, group, names[k], value != NULL ? value : ""};
        if (guest != NULL ? !vb_config_set_guest(wish, &place, warnings, error)
                          : !set_value(config, &place, warnings, error))
            return FALSE;
    }
    if (guest != NULL)
        vb_config_add_guest(config, guest, wish, origin);
    return TRUE;
}

gboolean
vb_config_merge(VbConfig *config, const char *text, gsize length, const char *origin,
                GPtrArray *warnings, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) why = NULL;
    if (!g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, &why)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s: %s", origin, why->message);
        return FALSE;
    }
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    for (guint g = 0; groups[g] != NULL; g++)
        if (!read_group(config, file, groups[g], origin, warnings, error))
            return FALSE;
    return TRUE;
}

VbConfig *
vb_config_parse(const char *text, gsize length, const char *origin, GPtrArray *warnings,
                GError **error)
{
    g_autoptr(VbConfig) config = vb_config_new();
    return vb_config_merge(config, text, length, origin, warnings, error) ? g_steal_pointer(&config)
                                                                          : NULL;
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

static void
set_number(GHashTable *settings, const char *name, gint64 value)
{
    g_hash_table_replace(settings, g_strdup(name), g_memdup2(&value, sizeof value));
}

/* What the guest was given for this policy by name, else what its terms come to. */
static GHashTable *
guest_settings(const VbPolicy *policy, const VbGuest *guest)
{
    gboolean own = guest->settings != NULL && g_strcmp0(guest->policy, policy->name) == 0;
    g_autoptr(GHashTable) settings =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++) {
        const gint64 *value = own ? g_hash_table_lookup(guest->settings, p->name) : NULL;
        if (value != NULL)
            set_number(settings, p->name, *value);
        else if (guest->terms.cooldown_known && g_str_equal(p->name, "cooldown") &&
                 g_str_equal(p->unit, "ns"))
            set_number(settings, p->name, guest->terms.cooldown_ns);
        else if (guest->terms.locality_target_known && g_str_equal(p->name, "tolerance") &&
                 g_str_equal(p->unit, "bp"))
            set_number(settings, p->name, VB_BP - (gint64)guest->terms.locality_target_bp);
    }
    return g_hash_table_size(settings) > 0 ? g_steal_pointer(&settings) : NULL;
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
            set_number(settings, p->name, *value);
    }
    g_clear_pointer(&snapshot->settings, g_hash_table_unref);
    snapshot->settings = g_steal_pointer(&settings);
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        GHashTable *own = guest_settings(policy, guest);
        g_clear_pointer(&guest->settings, g_hash_table_unref);
        guest->settings = own;
        guest->boundary &= ~config->reserved_nodes;
    }
}
