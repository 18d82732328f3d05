/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus_private.h"
#include <string.h>
#include <vmbalancer/error.h>

#define PARAMETER "parameter."

/* A guest's policy, for the thread that reads or writes it. */
typedef struct {
    VbReach *reach;
    char *guest;
    VbWish *wish; /* NULL: the element is to go */
    VbScope scope;
} Work;

static void
work_free(gpointer data)
{
    Work *work = data;
    vb_wish_free(work->wish);
    g_free(work->guest);
    g_free(work);
}

static Work *
work_new(const VbCall *call, const char *guest)
{
    Work *work = g_new0(Work, 1);
    work->reach = call->bus->reach;
    work->guest = g_strdup(guest);
    return work;
}

static GVariant *
work_get(gpointer data, GError **error)
{
    const Work *work = data;
    JsonNode *policy = work->reach->ops->get_policy(work->reach, work->guest, error);
    return policy != NULL ? g_variant_new("(@s)", vb_bus_json(policy)) : NULL;
}

static GVariant *
work_set(gpointer data, GError **error)
{
    Work *work = data;
    if (!work->reach->ops->set_policy(work->reach, work->guest, work->wish, &work->scope, error))
        return NULL;
    return g_variant_new("(bb)", work->scope.live, work->scope.config);
}

static void
get_policy(VbCall *call)
{
    const char *guest = NULL;
    g_variant_get(vb_call_arguments(call), "(&s)", &guest);
    vb_call_work(call, work_get, work_new(call, guest), work_free);
}

static gboolean
refuse(const char *key, const char *value, const char *expected, GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "\"%s\"=\"%s\": expected %s", key, value,
                expected);
    return FALSE;
}

static gboolean
set_word(VbWish *wish, const char *key, const char *value, GError **error)
{
    if (g_str_has_prefix(key, PARAMETER)) {
        const char *name = key + strlen(PARAMETER);
        if (!vb_wish_is_parameter_name(name))
            return refuse(key, value, "\"" PARAMETER "\" and " VB_WISH_NAME_EXPECTED, error);
        return vb_wish_set_parameter(wish, name, value) ||
               refuse(key, value, VB_WISH_VALUE_EXPECTED, error);
    }
    for (guint field = 0; field < VB_WISH_FIELDS; field++) {
        const VbWishWords *words = vb_wish_words(field);
        if (g_str_equal(words->key, key))
            return vb_wish_set(wish, field, value) ||
                   refuse(key, value, words->expected, error);
    }
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "\"%s\": nothing of that name can be asked: see vmbalancer.conf(5)", key);
    return FALSE;
}

static gboolean
check_policy(const VbWish *wish, GError **error)
{
    g_autoptr(VbConfig) none = vb_config_new();
    if (wish->policy == NULL || vb_policy_find(vb_engine_policy(wish->policy, none)) != NULL)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "there is no policy \"%s\": see vmbalancer policy list", wish->policy);
    return FALSE;
}

/* Returns: (transfer full) */
static VbWish *
read_wish(GVariant *words, GError **error)
{
    g_autoptr(VbWish) wish = vb_wish_new();
    GVariantIter iter;
    const char *key, *value;
    if (g_variant_n_children(words) == 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "nothing is asked: name a \"policy\" at least");
        return NULL;
    }
    g_variant_iter_init(&iter, words);
    while (g_variant_iter_next(&iter, "{&s&s}", &key, &value))
        if (!set_word(wish, key, value, error))
            return NULL;
    return check_policy(wish, error) ? g_steal_pointer(&wish) : NULL;
}

static gboolean
read_scope(GVariant *options, VbScope *ret, GError **error)
{
    const VbBusOption known[] = {{"live", "b", &ret->live}, {"config", "b", &ret->config}, {NULL}};
    return vb_bus_options_read(options, known, error);
}

static void
write_policy(VbCall *call, const char *guest, GVariant *words, GVariant *options)
{
    g_autoptr(GError) error = NULL;
    Work *work = work_new(call, guest);
    if (read_scope(options, &work->scope, &error) && words != NULL)
        work->wish = read_wish(words, &error);
    if (error == NULL) {
        vb_call_work(call, work_set, work, work_free);
        return;
    }
    vb_call_fail(call, error);
    work_free(work);
}

static void
set_policy(VbCall *call)
{
    const char *guest = NULL;
    g_autoptr(GVariant) words = NULL, options = NULL;
    g_variant_get(vb_call_arguments(call), "(&s@a{ss}@a{sv})", &guest, &words, &options);
    write_policy(call, guest, words, options);
}

static void
unset_policy(VbCall *call)
{
    const char *guest = NULL;
    g_autoptr(GVariant) options = NULL;
    g_variant_get(vb_call_arguments(call), "(&s@a{sv})", &guest, &options);
    write_policy(call, guest, NULL, options);
}

const VbCallRow vb_bus_policy_rows[] = {
    {"GetPolicy", VB_RIGHT_READ, get_policy, NULL},
    {"SetPolicy", VB_RIGHT_SET_POLICY, set_policy, NULL},
    {"UnsetPolicy", VB_RIGHT_SET_POLICY, unset_policy, NULL},
    {NULL},
};
