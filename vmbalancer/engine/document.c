/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/document.h"
#include "core/json_write.h"

JsonNode *
vb_document_policy(const VbGuestPolicy *policy)
{
    const VbMetadata *metadata = policy->metadata;
    const VbSettled *settled = policy->settled;
    JsonNode *node = vb_json_document("vmbalancer.policy/1");
    JsonObject *object = json_node_get_object(node);
    vb_json_put_text(object, "guest", metadata->name);
    vb_json_put_text(object, "uuid", metadata->uuid);
    json_object_set_boolean_member(object, "running", metadata->running);
    json_object_set_boolean_member(object, "persistent", metadata->persistent);
    vb_json_put_text(object, "policy", policy->policy);
    json_object_set_boolean_member(object, "known", policy->known);
    JsonObject *asked = vb_json_put_object(object, "asked");
    for (guint field = 0; field < VB_WISH_FIELDS; field++) {
        g_autofree char *text = vb_wish_text(settled->wish, field);
        JsonObject *one = vb_json_put_object(asked, vb_wish_words(field)->key);
        vb_json_put_text(one, "value", text);
        vb_json_put_text(one, "source", vb_wish_source_name(settled->source[field]));
    }
    vb_json_put_settings(object, "parameters", settled->wish->parameters);
    vb_json_put_text(object, "file", settled->origin);
    vb_json_put_text(object, "live", metadata->live);
    vb_json_put_text(object, "config", metadata->config);
    JsonArray *notes = vb_json_put_array(object, "notes");
    for (guint i = 0; i < settled->notes->len; i++)
        json_array_add_string_element(notes, g_ptr_array_index(settled->notes, i));
    return node;
}

JsonNode *
vb_document_release(const char *guest, const VbRelease *release)
{
    JsonNode *node = vb_json_document("vmbalancer.release/1");
    JsonObject *object = json_node_get_object(node);
    vb_json_put_text(object, "guest", guest);
    json_object_set_int_member(object, "restored", release->restored);
    json_object_set_int_member(object, "left", release->left);
    json_object_set_int_member(object, "absent", release->absent);
    json_object_set_boolean_member(object, "recorded", release->recorded);
    return node;
}

JsonNode *
vb_document_releases(const GPtrArray *all)
{
    JsonNode *node = vb_json_document("vmbalancer.releases/1");
    JsonArray *array = vb_json_put_array(json_node_get_object(node), "releases");
    for (guint i = 0; i < all->len; i++) {
        const VbReleased *released = g_ptr_array_index(all, i);
        JsonObject *object = vb_json_append_object(array);
        vb_json_put_text(object, "guest", released->name);
        vb_json_put_text(object, "uuid", released->uuid);
        json_object_set_boolean_member(object, "ended", released->ended);
        json_object_set_int_member(object, "restored", released->release.restored);
        json_object_set_int_member(object, "left", released->release.left);
        json_object_set_int_member(object, "absent", released->release.absent);
        vb_json_put_text(object, "error",
                         released->error != NULL ? released->error->message : NULL);
    }
    return node;
}
