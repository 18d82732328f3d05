/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus_options.h"
#include <vmbalancer/error.h>

static gboolean
refuse_unknown(const char *key, const VbBusOption *known, GError **error)
{
    g_autoptr(GString) keys = g_string_new(NULL);
    for (const VbBusOption *option = known; option->key != NULL; option++)
        g_string_append_printf(keys, "%s\"%s\"", option == known ? "" : ", ", option->key);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "option \"%s\": there is none of that name here; there is %s", key,
                keys->len > 0 ? keys->str : "none at all");
    return FALSE;
}

static void
take(GVariant *value, const VbBusOption *option)
{
    switch (*option->type) {
    case 'b':
        *(gboolean *)option->ret = g_variant_get_boolean(value);
        break;
    case 'u':
        *(guint *)option->ret = g_variant_get_uint32(value);
        break;
    case 't':
        *(guint64 *)option->ret = g_variant_get_uint64(value);
        break;
    default:
        g_free(*(char **)option->ret);
        *(char **)option->ret = g_variant_dup_string(value, NULL);
    }
}

static gboolean
read_one(const char *key, GVariant *value, const VbBusOption *known, GError **error)
{
    for (const VbBusOption *option = known; option->key != NULL; option++) {
        if (!g_str_equal(option->key, key))
            continue;
        if (g_str_equal(g_variant_get_type_string(value), option->type)) {
            take(value, option);
            return TRUE;
        }
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "option \"%s\": it is of type \"%s\", expected \"%s\"", key,
                    g_variant_get_type_string(value), option->type);
        return FALSE;
    }
    return refuse_unknown(key, known, error);
}

gboolean
vb_bus_options_read(GVariant *options, const VbBusOption *known, GError **error)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;
    g_variant_iter_init(&iter, options);
    while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
        g_autoptr(GVariant) owned = value;
        if (!read_one(key, owned, known, error))
            return FALSE;
    }
    return TRUE;
}

void
vb_bus_request_clear(VbBusRequest *request)
{
    g_strfreev(request->guests);
    g_free(request->policy);
}

static gboolean
read_nodes(const char *text, VbNodeSet *ret, GError **error)
{
    if (!vb_nodeset_parse(text, ret, error)) {
        g_prefix_error(error, "option \"to\": ");
        return FALSE;
    }
    if (*ret != 0)
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "option \"to\": name at least one node, as in \"0-1\"");
    return FALSE;
}

gboolean
vb_bus_request_read(const char *const *guests, GVariant *options, gboolean rated,
                    VbBusRequest *ret, GError **error)
{
    g_autofree char *to = NULL;
    const VbBusOption known[] = {
        {"policy", "s", &ret->policy},
        {"to", "s", &to},
        {"force", "b", &ret->request.force},
        {rated ? "rate" : NULL, "t", &ret->rate_bytes_per_s},
        {NULL},
    };
    if (!vb_bus_options_read(options, known, error) ||
        (to != NULL && !read_nodes(to, &ret->request.to, error)))
        return FALSE;
    g_autoptr(GVariant) rate = g_variant_lookup_value(options, "rate", NULL);
    if (rate != NULL && ret->rate_bytes_per_s == 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "option \"rate\": 0 would never move anything: leave it out for the host's rate");
        return FALSE;
    }
    ret->guests = g_strdupv((char **)guests);
    ret->request.guests = (const char *const *)ret->guests;
    ret->request.policy = ret->policy;
    return TRUE;
}
