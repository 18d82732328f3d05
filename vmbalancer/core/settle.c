/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/settle.h"
#include "core/text.h"

void
vb_settled_free(VbSettled *settled)
{
    if (settled == NULL)
        return;
    vb_wish_free(settled->wish);
    g_free(settled->origin);
    g_ptr_array_unref(settled->notes);
    g_free(settled);
}

static void note(VbSettled *settled, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
note(VbSettled *settled, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_ptr_array_add(settled->notes, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

/* --- [limits] ------------------------------------------------------------------------------- */

/* A guest may always ask to be left alone. */
static void
limit_policy(VbSettled *settled, const VbLimits *limits)
{
    VbWish *wish = settled->wish;
    if (wish->policy == NULL || limits->policies == NULL || g_str_equal(wish->policy, "none") ||
        g_strv_contains((const char *const *)limits->policies, wish->policy))
        return;
    g_autofree char *allowed = g_strjoinv(", ", limits->policies);
    note(settled,
         "its metadata asks for policy %s, the administrator allows none%s%s (allowed-policies=): "
         "the host's default holds",
         wish->policy, *allowed != '\0' ? ", " : "", allowed);
    g_clear_pointer(&wish->policy, g_free);
    g_hash_table_remove_all(wish->parameters);
}

static void
limit_home(VbSettled *settled, const VbLimits *limits)
{
    VbWish *wish = settled->wish;
    VbNodeSet asked = 0;
    if (wish->home == NULL || limits->nodes == 0 || !vb_nodeset_parse(wish->home, &asked, NULL) ||
        (asked & ~limits->nodes) == 0)
        return;
    g_autofree char *allowed = vb_nodeset_format(limits->nodes);
    g_autofree char *left = vb_nodeset_format(asked & limits->nodes);
    note(settled,
         "its metadata asks for home nodes %s, the administrator allows %s (allowed-nodes=): %s%s",
         wish->home, allowed, *left != '\0' ? "its home is within " : "the home is ignored", left);
    g_free(wish->home);
    wish->home = *left != '\0' ? g_steal_pointer(&left) : NULL;
}

static void
limit_rate(VbSettled *settled, const VbConfig *config)
{
    VbTerms *terms = &settled->wish->terms;
    gboolean named = config->limits.max_rate_known;
    guint64 most = named ? config->limits.max_rate_bytes_per_s : config->guest_rate_bytes_per_s;
    if (!terms->rate_known || most == 0 || terms->rate_bytes_per_s <= most)
        return;
    g_autofree char *asked = vb_wish_text(settled->wish, VB_WISH_RATE);
    g_autofree char *allowed = vb_bytes_format(most);
    note(settled, "its metadata asks for rate %s, the administrator allows %s/s (%s)", asked,
         allowed, named ? "max-rate=" : "guest-rate=");
    terms->rate_bytes_per_s = most;
}

/* A policy's own parameter must not be a way round. */
static void
limit_cooldown(VbSettled *settled, const VbLimits *limits)
{
    VbWish *wish = settled->wish;
    gint64 *parameter = g_hash_table_lookup(wish->parameters, "cooldown");
    gint64 least = limits->min_cooldown_ns;
    gboolean below = wish->terms.cooldown_known && wish->terms.cooldown_ns < least;
    if (below)
        wish->terms.cooldown_ns = least;
    if (parameter != NULL && *parameter < least) {
        *parameter = least;
        below = TRUE;
    }
    if (below)
        note(settled,
             "its metadata asks for a shorter cooldown than the administrator's %" G_GINT64_FORMAT
             " s (min-cooldown=)",
             least / G_GINT64_CONSTANT(1000000000));
}

/* --- layers --------------------------------------------------------------------------------- */

static void
name_source(VbSettled *settled, const VbWish *wish, VbWishSource source)
{
    for (guint field = 0; field < VB_WISH_FIELDS; field++) {
        g_autofree char *text = vb_wish_text(wish, field);
        if (text != NULL)
            settled->source[field] = source;
    }
}

static void
take_metadata(VbSettled *settled, const VbConfig *config, const VbPolicy *const *policies,
              const VbDomain *domain)
{
    g_autoptr(GError) error = NULL;
    gboolean good = domain->metadata_error == NULL;
    if (good && domain->wish != NULL && policies != NULL)
        good = vb_wish_check(domain->wish, policies, &error);
    if (!good) {
        note(settled, "its metadata is ignored: %s",
             error != NULL ? error->message : domain->metadata_error);
        return;
    }
    if (domain->wish == NULL)
        return;
    vb_wish_overlay(settled->wish, domain->wish);
    if (config != NULL) {
        limit_policy(settled, &config->limits);
        limit_home(settled, &config->limits);
        limit_rate(settled, config);
        limit_cooldown(settled, &config->limits);
    }
    name_source(settled, settled->wish, VB_SOURCE_METADATA);
}

VbSettled *
vb_settle(const VbConfig *config, const VbPolicy *const *policies, const VbDomain *domain)
{
    VbSettled *settled = g_new0(VbSettled, 1);
    settled->wish = vb_wish_new();
    settled->notes = g_ptr_array_new_with_free_func(g_free);
    take_metadata(settled, config, policies, domain);
    g_autoptr(VbWish) host =
        config != NULL && domain->name != NULL && domain->uuid != NULL
            ? vb_config_guest(config, domain->name, domain->uuid, &settled->origin)
            : NULL;
    if (host == NULL)
        return settled;
    vb_wish_overlay(settled->wish, host);
    name_source(settled, host, VB_SOURCE_HOST);
    return settled;
}

const char *
vb_wish_source_name(VbWishSource source)
{
    static const char *const names[] = {"default", "metadata", "host"};
    return names[source];
}
