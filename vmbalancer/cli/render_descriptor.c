/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render_descriptor.h"
#include "core/descriptor.h"
#include "core/json_write.h"

void
vb_render_descriptor_brief(const VbPolicy *policy, GString *into)
{
    g_string_append_printf(into, "%-18s %s\n", policy->name, policy->question);
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++) {
        g_autofree char *fallback = vb_descriptor_value(p, p->fallback);
        g_string_append_printf(into, "  %-16s %s (default %s)\n", p->name, p->meaning, fallback);
    }
}

void
vb_render_descriptor(const VbPolicy *policy, GString *into)
{
    g_autofree char *signals = vb_descriptor_signals(policy->needs);
    g_string_append_printf(into, "%-16s %s\n%-16s %s\n%-16s %s\n", "policy", policy->name,
                           "question", policy->question, "needs", signals);
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++) {
        g_autofree char *fallback = vb_descriptor_value(p, p->fallback);
        g_autofree char *range = vb_descriptor_range(p);
        g_string_append_printf(into, "%-16s %s: %s; %s, default %s\n", "parameter", p->name,
                               p->meaning, range, fallback);
    }
}

static void
put_parameter(JsonArray *parameters, const VbParameter *parameter)
{
    JsonObject *object = vb_json_append_object(parameters);
    json_object_set_string_member(object, "name", parameter->name);
    json_object_set_int_member(object, "minimum", parameter->minimum);
    json_object_set_int_member(object, "maximum", parameter->maximum);
    json_object_set_int_member(object, "default", parameter->fallback);
    json_object_set_string_member(object, "unit", parameter->unit);
    json_object_set_string_member(object, "meaning", parameter->meaning);
}

static void
put_policy(JsonArray *all, const VbPolicy *policy)
{
    JsonObject *object = vb_json_append_object(all);
    g_autofree char *signals = vb_descriptor_signals(policy->needs);
    json_object_set_string_member(object, "name", policy->name);
    json_object_set_string_member(object, "question", policy->question);
    JsonArray *needs = vb_json_put_array(object, "needs");
    g_auto(GStrv) words = g_strsplit(signals, ", ", -1);
    for (guint i = 0; policy->needs != VB_NEEDS_NOTHING && words[i] != NULL; i++)
        json_array_add_string_element(needs, words[i]);
    JsonArray *parameters = vb_json_put_array(object, "parameters");
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++)
        put_parameter(parameters, p);
}

JsonNode *
vb_render_descriptor_json(const VbPolicy *const *policies)
{
    JsonNode *document = vb_json_document("vmbalancer.policies/1");
    JsonArray *all = vb_json_put_array(json_node_get_object(document), "policies");
    for (; *policies != NULL; policies++)
        put_policy(all, *policies);
    return document;
}
