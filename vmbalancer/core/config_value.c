/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/config_value.h"
#include "core/text.h"
#include <string.h>
#include <vmbalancer/error.h>

gboolean
vb_config_refuse(const VbConfigPlace *place, GError **error, const char *expected)
{
    g_autofree char *value = g_strescape(place->value, NULL);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s: [%s] %s=%.80s: expected %s", place->origin,
                place->group, place->key, value, expected);
    return FALSE;
}

gboolean
vb_config_ignore(const VbConfigPlace *place, GPtrArray *warnings)
{
    g_ptr_array_add(warnings, g_strdup_printf("%s: [%s]: unknown key \"%s\" is ignored",
                                              place->origin, place->group, place->key));
    return TRUE;
}

gboolean
vb_config_bytes(const VbConfigPlace *place, gboolean rate, guint64 *ret, GError **error)
{
    g_autoptr(GError) why = NULL;
    if (rate && g_str_equal(place->value, "max")) {
        *ret = 0;
        return TRUE;
    }
    /* 0 means "no limit" inside; who writes it hardly means that. */
    if (vb_bytes_parse(place->value, rate, ret, &why) && !(rate && *ret == 0))
        return TRUE;
    return vb_config_refuse(place, error,
                            rate ? "a rate as in \"512MiB/s\", or \"max\""
                                 : "a size as in \"2GiB\"");
}

/* --- [limits] ------------------------------------------------------------------------------- */

static gboolean
set_max_rate(VbLimits *limits, const VbConfigPlace *place, GError **error)
{
    limits->max_rate_known = TRUE;
    return vb_config_bytes(place, TRUE, &limits->max_rate_bytes_per_s, error);
}

/* The words of a limit are those of what it limits. */
static gboolean
set_min_cooldown(VbLimits *limits, const VbConfigPlace *place, GError **error)
{
    g_autoptr(VbWish) read = vb_wish_new();
    if (!vb_wish_set(read, VB_WISH_COOLDOWN, place->value))
        return vb_config_refuse(place, error, vb_wish_words(VB_WISH_COOLDOWN)->expected);
    limits->min_cooldown_ns = read->terms.cooldown_ns;
    return TRUE;
}

static gboolean
set_nodes(VbLimits *limits, const VbConfigPlace *place, GError **error)
{
    VbNodeSet nodes;
    if (!vb_nodeset_parse(place->value, &nodes, NULL) || nodes == 0)
        return vb_config_refuse(place, error, vb_wish_words(VB_WISH_HOME)->expected);
    limits->nodes = nodes;
    return TRUE;
}

static gboolean
set_policies(VbLimits *limits, const VbConfigPlace *place, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(VbWish) read = vb_wish_new();
    g_auto(GStrv) parts = g_strsplit_set(place->value, " ,;\t", -1);
    for (guint i = 0; parts[i] != NULL; i++) {
        if (*parts[i] == '\0')
            continue;
        if (!vb_wish_set(read, VB_WISH_POLICY, parts[i]))
            return vb_config_refuse(place, error, "names of policies, as in \"home-node, none\"");
        g_ptr_array_add(names, g_strdup(parts[i]));
    }
    g_ptr_array_add(names, NULL);
    g_strfreev(limits->policies);
    limits->policies = (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
    return TRUE;
}

/* Unlike other sizes it may be nothing, written without a unit. */
static gboolean
set_hugepages_borrow(VbLimits *limits, const VbConfigPlace *place, GError **error)
{
    return vb_config_bytes(place, FALSE, &limits->hugepages_borrow_bytes, error);
}

static const struct {
    const char *key;
    gboolean (*set)(VbLimits *limits, const VbConfigPlace *place, GError **error);
} limit_keys[] = {
    {"max-rate", set_max_rate},
    {"min-cooldown", set_min_cooldown},
    {"allowed-policies", set_policies},
    {"allowed-nodes", set_nodes},
    {"hugepages-borrow", set_hugepages_borrow},
};

gboolean
vb_config_set_limit(VbLimits *limits, const VbConfigPlace *place, GPtrArray *warnings,
                    GError **error)
{
    for (guint i = 0; i < G_N_ELEMENTS(limit_keys); i++)
        if (g_str_equal(place->key, limit_keys[i].key))
            return limit_keys[i].set(limits, place, error);
    return vb_config_ignore(place, warnings);
}
