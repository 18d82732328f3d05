/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wish.h"
#include "core/descriptor.h"
#include <string.h>
#include <vmbalancer/error.h>

#define NS_PER_S G_GINT64_CONSTANT(1000000000)

VbWish *
vb_wish_new(void)
{
    VbWish *wish = g_new0(VbWish, 1);
    wish->parameters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return wish;
}

static void
copy_parameters(GHashTable *into, GHashTable *from)
{
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, from);
    while (g_hash_table_iter_next(&iter, &name, &value))
        g_hash_table_replace(into, g_strdup(name), g_memdup2(value, sizeof(gint64)));
}

VbWish *
vb_wish_copy(const VbWish *wish)
{
    VbWish *copy = vb_wish_new();
    copy->policy = g_strdup(wish->policy);
    copy->home = g_strdup(wish->home);
    copy->terms = wish->terms;
    copy_parameters(copy->parameters, wish->parameters);
    return copy;
}

void
vb_wish_free(VbWish *wish)
{
    if (wish == NULL)
        return;
    g_free(wish->policy);
    g_free(wish->home);
    g_hash_table_unref(wish->parameters);
    g_free(wish);
}

/* --- values --------------------------------------------------------------------------------- */

static void
replace(char **place, const char *text)
{
    g_free(*place);
    *place = g_strdup(text);
}

static gboolean
set_policy(VbWish *wish, const char *text)
{
    replace(&wish->policy, text);
    return TRUE;
}

static gboolean
set_home(VbWish *wish, const char *text)
{
    VbNodeSet nodes;
    if (!vb_nodeset_parse(text, &nodes, NULL) || nodes == 0)
        return FALSE;
    replace(&wish->home, text);
    return TRUE;
}

/* "0.9" is 9000, exactly: no floating point. The pattern has seen to it that it is at most 1. */
static guint
read_share(const char *text)
{
    guint value = (guint)(*text - '0') * VB_BP;
    const char *digit = text[1] != '\0' ? text + 2 : text + 1;
    for (guint scale = VB_BP / 10; *digit != '\0'; digit++, scale /= 10)
        value += (guint)(*digit - '0') * scale;
    return value;
}

static gboolean
set_locality_min(VbWish *wish, const char *text)
{
    wish->terms.locality_min_known = TRUE;
    wish->terms.locality_min_bp = read_share(text);
    return TRUE;
}

static gboolean
set_locality_target(VbWish *wish, const char *text)
{
    wish->terms.locality_target_known = TRUE;
    wish->terms.locality_target_bp = read_share(text);
    return TRUE;
}

static gboolean
set_vcpus(VbWish *wish, const char *text)
{
    wish->terms.pins = g_str_equal(text, "yes") ? VB_ANSWER_YES : VB_ANSWER_NO;
    return TRUE;
}

static gboolean
set_memory(VbWish *wish, const char *text)
{
    wish->terms.moves = g_str_equal(text, "yes") ? VB_ANSWER_YES : VB_ANSWER_NO;
    return TRUE;
}

/* A unit and what it stands for; the greatest first. */
typedef struct {
    const char *name;
    guint64 factor;
} Unit;

static const Unit rate_units[] = {
    {"GiB/s", G_GUINT64_CONSTANT(1) << 30},
    {"MiB/s", 1 << 20},
    {"KiB/s", 1 << 10},
};

static const Unit time_units[] = {
    {"h", 3600 * NS_PER_S},
    {"min", 60 * NS_PER_S},
    {"s", NS_PER_S},
};

static guint64
read_quantity(const char *text, const Unit *units, guint n)
{
    char *unit;
    guint64 value = g_ascii_strtoull(text, &unit, 10);
    for (guint i = 0; i < n; i++)
        if (g_str_equal(unit, units[i].name))
            value *= units[i].factor;
    return value;
}

static char *
quantity_text(guint64 value, const Unit *units, guint n)
{
    guint i = 0;
    while (i + 1 < n && (value == 0 || value % units[i].factor != 0))
        i++;
    return g_strdup_printf("%" G_GUINT64_FORMAT "%s", value / units[i].factor, units[i].name);
}

static gboolean
set_rate(VbWish *wish, const char *text)
{
    wish->terms.rate_known = TRUE;
    wish->terms.rate_bytes_per_s = read_quantity(text, rate_units, G_N_ELEMENTS(rate_units));
    return TRUE;
}

static gboolean
set_cooldown(VbWish *wish, const char *text)
{
    wish->terms.cooldown_known = TRUE;
    wish->terms.cooldown_ns =
        (gint64)read_quantity(text, time_units, G_N_ELEMENTS(time_units));
    return TRUE;
}

/* --- fields --------------------------------------------------------------------------------- */

#define NODE "0*([0-9]|[1-5][0-9]|6[0-3])"
#define NODES NODE "(-" NODE ")?"
#define SHARE "0(\\.[0-9]{1,4})?|1(\\.0{1,4})?"
#define YES_NO "yes|no"

/* The patterns are those of the published grammar. */
static const struct {
    VbWishWords words;
    const char *pattern;
    gboolean (*set)(VbWish *wish, const char *text);
} fields[VB_WISH_FIELDS] = {
    [VB_WISH_POLICY] = {{"numa", "policy", "policy",
                         "a policy's name, up to 64 of a-z, 0-9 and \"-\""},
                        "[a-z0-9\\-]{1,64}", set_policy},
    [VB_WISH_HOME] = {{"home", "nodes", "home", "host nodes, as in \"0-1,3\""},
                      NODES "(," NODES ")*", set_home},
    [VB_WISH_LOCALITY_MIN] = {{"locality", "min", "locality-min", "a share from 0 to 1, as in \"0.90\""},
                              SHARE, set_locality_min},
    [VB_WISH_LOCALITY_TARGET] = {{"locality", "target", "locality-target",
                                  "a share from 0 to 1, as in \"0.98\""},
                                 SHARE, set_locality_target},
    [VB_WISH_VCPUS] = {{"migrate", "vcpus", "migrate-vcpus", "\"yes\" or \"no\""}, YES_NO, set_vcpus},
    [VB_WISH_MEMORY] = {{"migrate", "memory", "migrate-memory", "\"yes\" or \"no\""}, YES_NO,
                        set_memory},
    [VB_WISH_RATE] = {{"migrate", "rate", "rate", "a rate, as in \"512MiB/s\""},
                      "[1-9][0-9]{0,5}(KiB|MiB|GiB)/s", set_rate},
    [VB_WISH_COOLDOWN] = {{"migrate", "cooldown", "cooldown", "a time, as in \"60s\", \"5min\" or \"1h\""},
                          "(0|[1-9][0-9]{0,5})(s|min|h)", set_cooldown},
};

static gboolean
matches(const char *pattern, const char *text)
{
    g_autofree char *whole = g_strdup_printf("\\A(?:%s)\\z", pattern);
    return g_utf8_validate(text, -1, NULL) && g_regex_match_simple(whole, text, 0, 0);
}

const VbWishWords *
vb_wish_words(VbWishField field)
{
    return &fields[field].words;
}

gboolean
vb_wish_set(VbWish *wish, VbWishField field, const char *text)
{
    return matches(fields[field].pattern, text) && fields[field].set(wish, text);
}

static char *
share_text(gboolean known, guint bp)
{
    if (!known)
        return NULL;
    char *text = g_strdup_printf("%u.%04u", bp / VB_BP, bp % VB_BP);
    gsize length = strlen(text);
    while (text[length - 1] == '0')
        text[--length] = '\0';
    if (text[length - 1] == '.')
        text[--length] = '\0';
    return text;
}

static char *
answer_text(VbAnswer answer)
{
    return answer == VB_ANSWER_UNSET ? NULL : g_strdup(answer == VB_ANSWER_YES ? "yes" : "no");
}

char *
vb_wish_text(const VbWish *wish, VbWishField field)
{
    const VbTerms *terms = &wish->terms;
    switch (field) {
    case VB_WISH_POLICY:
        return g_strdup(wish->policy);
    case VB_WISH_HOME:
        return g_strdup(wish->home);
    case VB_WISH_LOCALITY_MIN:
        return share_text(terms->locality_min_known, terms->locality_min_bp);
    case VB_WISH_LOCALITY_TARGET:
        return share_text(terms->locality_target_known, terms->locality_target_bp);
    case VB_WISH_VCPUS:
        return answer_text(terms->pins);
    case VB_WISH_MEMORY:
        return answer_text(terms->moves);
    case VB_WISH_RATE:
        return terms->rate_known ? quantity_text(terms->rate_bytes_per_s, rate_units,
                                                 G_N_ELEMENTS(rate_units))
                                 : NULL;
    case VB_WISH_COOLDOWN:
        return terms->cooldown_known ? quantity_text((guint64)terms->cooldown_ns, time_units,
                                                     G_N_ELEMENTS(time_units))
                                     : NULL;
    case VB_WISH_FIELDS:
        break;
    }
    return NULL;
}

gboolean
vb_wish_is_parameter_name(const char *name)
{
    return matches("[a-z0-9\\-]{1,64}", name);
}

gboolean
vb_wish_set_parameter(VbWish *wish, const char *name, const char *value)
{
    if (!matches("0|-?[1-9][0-9]{0,17}", value))
        return FALSE;
    gint64 number = g_ascii_strtoll(value, NULL, 10);
    g_hash_table_replace(wish->parameters, g_strdup(name), g_memdup2(&number, sizeof number));
    return TRUE;
}

GList *
vb_wish_parameter_names(const VbWish *wish)
{
    return g_list_sort(g_hash_table_get_keys(wish->parameters), (GCompareFunc)strcmp);
}

/* --- layers --------------------------------------------------------------------------------- */

static void
overlay_terms(VbTerms *terms, const VbTerms *over)
{
    VbTerms before = *terms;
    *terms = *over;
    if (over->pins == VB_ANSWER_UNSET)
        terms->pins = before.pins;
    if (over->moves == VB_ANSWER_UNSET)
        terms->moves = before.moves;
    if (!over->locality_min_known) {
        terms->locality_min_known = before.locality_min_known;
        terms->locality_min_bp = before.locality_min_bp;
    }
    if (!over->locality_target_known) {
        terms->locality_target_known = before.locality_target_known;
        terms->locality_target_bp = before.locality_target_bp;
    }
    if (!over->rate_known) {
        terms->rate_known = before.rate_known;
        terms->rate_bytes_per_s = before.rate_bytes_per_s;
    }
    if (!over->cooldown_known) {
        terms->cooldown_known = before.cooldown_known;
        terms->cooldown_ns = before.cooldown_ns;
    }
}

void
vb_wish_overlay(VbWish *wish, const VbWish *over)
{
    if (over->policy != NULL && g_strcmp0(over->policy, wish->policy) != 0)
        g_hash_table_remove_all(wish->parameters);
    if (over->policy != NULL)
        replace(&wish->policy, over->policy);
    if (over->home != NULL)
        replace(&wish->home, over->home);
    overlay_terms(&wish->terms, &over->terms);
    copy_parameters(wish->parameters, over->parameters);
}

/* --- meaning -------------------------------------------------------------------------------- */

static gboolean
check_parameter(const VbPolicy *policy, const char *name, gint64 value, GError **error)
{
    const VbParameter *parameter = vb_descriptor_parameter(policy, name);
    if (parameter == NULL) {
        g_autofree char *known = vb_descriptor_names(policy);
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "parameter \"%s\"=%" G_GINT64_FORMAT ": policy %s %s", name, value,
                    policy->name, known);
        return FALSE;
    }
    if (value >= parameter->minimum && value <= parameter->maximum)
        return TRUE;
    g_autofree char *range = vb_descriptor_range(parameter);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "parameter \"%s\"=%" G_GINT64_FORMAT ": policy %s takes %s", name, value,
                policy->name, range);
    return FALSE;
}

static gboolean
check_parameters(const VbWish *wish, const VbPolicy *const *policies, GError **error)
{
    g_autoptr(GList) names = vb_wish_parameter_names(wish);
    if (names != NULL && wish->policy == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "parameter \"%s\" without a policy: name the policy that it is for",
                    (const char *)names->data);
        return FALSE;
    }
    const VbPolicy *policy = NULL;
    for (guint i = 0; policies[i] != NULL; i++)
        if (g_strcmp0(policies[i]->name, wish->policy) == 0)
            policy = policies[i];
    for (GList *name = names; policy != NULL && name != NULL; name = name->next) {
        const gint64 *value = g_hash_table_lookup(wish->parameters, name->data);
        if (!check_parameter(policy, name->data, *value, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vb_wish_check(const VbWish *wish, const VbPolicy *const *policies, GError **error)
{
    const VbTerms *terms = &wish->terms;
    if (terms->locality_min_known && terms->locality_target_known &&
        terms->locality_min_bp > terms->locality_target_bp) {
        g_autofree char *min = vb_wish_text(wish, VB_WISH_LOCALITY_MIN);
        g_autofree char *target = vb_wish_text(wish, VB_WISH_LOCALITY_TARGET);
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "locality min %s is above its target %s: expected at most that", min, target);
        return FALSE;
    }
    return check_parameters(wish, policies, error);
}
