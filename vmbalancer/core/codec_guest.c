/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec_parts.h"

static const char *const state_names[] = {"running", "paused", "busy", "off", "unknown", NULL};
static const char *const owner_names[] = {"free",      "ours",         "bounded",
                                          "hands-off", "observe-only", NULL};

static gboolean
any_by_node(const guint64 *by_node)
{
    for (guint node = 0; node < VB_NODES_MAX; node++)
        if (by_node[node] > 0)
            return TRUE;
    return FALSE;
}

/* Few cells have such RAM, and none in a look. */
static void
put_stuck(JsonObject *object, const VbCell *cell, VbNodeSet nodes)
{
    if (any_by_node(cell->left_bytes))
        vb_json_put_by_node(object, "left_bytes", nodes, cell->left_bytes);
    if (any_by_node(cell->stuck_bytes))
        vb_json_put_by_node(object, "stuck_bytes", nodes, cell->stuck_bytes);
    if (cell->stuck_ns != 0)
        json_object_set_int_member(object, "stuck_ns", cell->stuck_ns);
}

/* Few looks ask for it. */
static void
put_unmapped(JsonObject *object, const VbCell *cell)
{
    if (!cell->unmapped_known)
        return;
    vb_json_put_u64(object, "unmapped_bytes", cell->unmapped_bytes);
    vb_json_put_u64(object, "unmapped_error_bytes", cell->unmapped_error_bytes);
}

static void
put_cell(JsonArray *cells, const VbCell *cell, VbNodeSet nodes)
{
    JsonObject *object = vb_json_append_object(cells);
    json_object_set_int_member(object, "id", cell->id);
    vb_json_put_u64(object, "size_bytes", cell->size_bytes);
    vb_json_put_u64(object, "page_size", cell->page_size);
    if (cell->residency_known) {
        vb_json_put_u64(object, "present_bytes", cell->present_bytes);
        vb_json_put_by_node(object, "by_node", nodes, cell->by_node);
        json_object_set_int_member(object, "error_bp", cell->error_bp);
        vb_json_put_u64(object, "unmovable_bytes", cell->unmovable_bytes);
        put_unmapped(object, cell);
    } else {
        json_object_set_null_member(object, "by_node");
    }
    json_object_set_boolean_member(object, "movable", cell->movable);
    vb_json_put_text(object, "note", cell->note);
    vb_json_put_nodeset(object, "home", cell->home);
    json_object_set_int_member(object, "remote_seen", cell->remote_seen);
    json_object_set_int_member(object, "top", cell->top);
    json_object_set_int_member(object, "top_seen", cell->top_seen);
    put_stuck(object, cell, nodes);
}

static const char *const answer_names[] = {"unset", "no", "yes", NULL};

static void
put_terms(JsonObject *object, const VbTerms *terms)
{
    json_object_set_string_member(object, "pins", answer_names[terms->pins]);
    json_object_set_string_member(object, "moves", answer_names[terms->moves]);
    vb_json_put_known(object, "locality_min_bp", terms->locality_min_known,
                      terms->locality_min_bp);
    vb_json_put_known(object, "locality_target_bp", terms->locality_target_known,
                      terms->locality_target_bp);
    if (terms->rate_known)
        vb_json_put_u64(object, "rate_bytes_per_s", terms->rate_bytes_per_s);
    else
        json_object_set_null_member(object, "rate_bytes_per_s");
    vb_json_put_known(object, "cooldown_ns", terms->cooldown_known, terms->cooldown_ns);
}

static void
read_terms(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbTerms *terms = into;
    terms->pins = vb_json_word(reader, object, "pins", answer_names);
    terms->moves = vb_json_word(reader, object, "moves", answer_names);
    terms->locality_min_known = vb_json_has(object, "locality_min_bp");
    terms->locality_min_bp = (guint)vb_json_int_or(reader, object, "locality_min_bp", 0, VB_BP, 0);
    terms->locality_target_known = vb_json_has(object, "locality_target_bp");
    terms->locality_target_bp =
        (guint)vb_json_int_or(reader, object, "locality_target_bp", 0, VB_BP, 0);
    terms->rate_known = vb_json_has(object, "rate_bytes_per_s");
    if (terms->rate_known)
        terms->rate_bytes_per_s = vb_json_u64(reader, object, "rate_bytes_per_s");
    terms->cooldown_known = vb_json_has(object, "cooldown_ns");
    terms->cooldown_ns = vb_json_int_or(reader, object, "cooldown_ns", 0, G_MAXINT64, 0);
}

void
vb_codec_put_counted(JsonObject *object, const VbStatistics *statistics)
{
    json_object_set_int_member(object, "since_ns", statistics->since_ns);
    vb_json_put_u64(object, "watched_us", statistics->watched_us);
    vb_json_put_u64(object, "local_bp_us", statistics->local_bp_us);
    JsonObject *placed = vb_json_put_object(object, "placed");
    for (guint cause = 0; cause < VB_CAUSES; cause++)
        json_object_set_int_member(placed, vb_cause_name(cause), statistics->placed[cause]);
    vb_json_put_u64(object, "moved_bytes", statistics->moved_bytes);
    json_object_set_int_member(object, "moving_ns", statistics->moving_ns);
}

static void
read_placed(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbStatistics *statistics = into;
    for (guint cause = 0; cause < VB_CAUSES; cause++)
        statistics->placed[cause] =
            (guint)vb_json_int_or(reader, object, vb_cause_name(cause), 0, G_MAXUINT, 0);
}

void
vb_codec_read_counted(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbStatistics *statistics = into;
    statistics->since_ns = vb_json_int(reader, object, "since_ns", G_MININT64, G_MAXINT64);
    statistics->watched_us = vb_json_u64(reader, object, "watched_us");
    statistics->local_bp_us = vb_json_u64(reader, object, "local_bp_us");
    vb_json_inside(reader, object, "placed", read_placed, statistics);
    statistics->moved_bytes = vb_json_u64(reader, object, "moved_bytes");
    statistics->moving_ns = vb_json_int(reader, object, "moving_ns", 0, G_MAXINT64);
}

void
vb_codec_put_guest(JsonObject *object, const VbGuest *guest, VbNodeSet nodes)
{
    vb_json_put_text(object, "name", guest->name);
    vb_json_put_text(object, "uuid", guest->uuid);
    json_object_set_int_member(object, "pid", guest->pid);
    vb_json_put_u64(object, "start_time", guest->start_time);
    json_object_set_string_member(object, "state", state_names[guest->state]);
    json_object_set_string_member(object, "owner", owner_names[guest->owner]);
    vb_json_put_text(object, "owner_code", guest->owner_code);
    vb_json_put_text(object, "reason", guest->reason);
    vb_json_put_nodeset(object, "boundary", guest->boundary);
    vb_json_put_cpuset(object, "cpu_boundary", &guest->cpu_boundary);
    vb_json_put_text(object, "policy", guest->policy);
    json_object_set_boolean_member(object, "selected", guest->selected);
    json_object_set_boolean_member(object, "forced", guest->forced);
    json_object_set_boolean_member(object, "asked", guest->asked);
    if (any_by_node(guest->devices))
        vb_json_put_by_node(object, "devices", nodes, guest->devices);
    vb_json_put_settings(object, "settings", guest->settings);
    put_terms(vb_json_put_object(object, "terms"), &guest->terms);
    json_object_set_int_member(object, "last_move_ns", guest->last_move_ns);
    vb_codec_put_counted(vb_json_put_object(object, "statistics"), &guest->statistics);
    JsonArray *helpers = vb_json_put_array(object, "helpers");
    for (guint i = 0; i < guest->helpers->len; i++) {
        const VbHelperThread *helper = g_ptr_array_index(guest->helpers, i);
        JsonObject *thread = vb_json_append_object(helpers);
        vb_json_put_text(thread, "name", helper->name);
        vb_json_put_cpuset(thread, "affinity", helper->affinity_known ? &helper->affinity : NULL);
    }
    JsonArray *cells = vb_json_put_array(object, "cells");
    for (guint i = 0; i < guest->cells->len; i++)
        put_cell(cells, g_ptr_array_index(guest->cells, i), nodes);
}

static void
read_helper(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    g_autofree char *name = vb_json_text(reader, object, "name", VB_CODEC_NAME_MAX);
    if (name == NULL)
        vb_json_fail(reader, "name", "missing");
    VbHelperThread *helper = vb_helper_thread_new(name);
    g_ptr_array_add(into, helper);
    helper->affinity_known = vb_json_cpuset(reader, object, "affinity", &helper->affinity);
}

/* Where a cell goes, and what its arrays by node follow. */
typedef struct {
    GPtrArray *cells;
    VbNodeSet nodes;
} IntoCells;

static void
read_cell(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    const IntoCells *where = into;
    guint next = 0;
    if (where->cells->len > 0) {
        const VbCell *last = g_ptr_array_index(where->cells, where->cells->len - 1);
        next = last->id + 1;
    }
    VbCell *cell = vb_cell_new();
    g_ptr_array_add(where->cells, cell);
    /* Ascending, because vCPUs name their cell by its index. */
    cell->id = (guint)vb_json_int(reader, object, "id", next, VB_CODEC_CELLS_MAX - 1);
    cell->size_bytes = vb_json_u64(reader, object, "size_bytes");
    cell->page_size = (guint64)vb_json_int(reader, object, "page_size", 1, G_MAXINT64);
    if ((cell->page_size & (cell->page_size - 1)) != 0)
        vb_json_fail(reader, "page_size", "not a power of two");
    cell->residency_known =
        vb_codec_read_by_node(reader, object, "by_node", where->nodes, cell->by_node);
    if (cell->residency_known) {
        cell->present_bytes = vb_json_u64(reader, object, "present_bytes");
        cell->error_bp = (guint)vb_json_int(reader, object, "error_bp", 0, VB_BP);
        cell->unmovable_bytes = vb_json_u64(reader, object, "unmovable_bytes");
        cell->unmapped_known = vb_json_has(object, "unmapped_bytes");
    }
    if (cell->unmapped_known) {
        cell->unmapped_bytes = vb_json_u64(reader, object, "unmapped_bytes");
        cell->unmapped_error_bytes = vb_json_u64(reader, object, "unmapped_error_bytes");
    }
    cell->movable = vb_json_bool(reader, object, "movable");
    cell->note = vb_json_text(reader, object, "note", VB_CODEC_TEXT_MAX);
    cell->home = vb_json_nodeset(reader, object, "home");
    cell->remote_seen = (guint)vb_json_int(reader, object, "remote_seen", 0, G_MAXUINT);
    cell->top = (int)vb_json_int_or(reader, object, "top", VB_NO_NODE, VB_NODES_MAX - 1, VB_NO_NODE);
    cell->top_seen = (guint)vb_json_int_or(reader, object, "top_seen", 0, G_MAXUINT, 0);
    vb_codec_read_by_node(reader, object, "left_bytes", where->nodes, cell->left_bytes);
    vb_codec_read_by_node(reader, object, "stuck_bytes", where->nodes, cell->stuck_bytes);
    cell->stuck_ns =
        vb_json_int_or(reader, object, "stuck_ns", G_MININT64, G_MAXINT64, 0);
}

static void
read_identity(VbJsonReader *reader, JsonObject *object, VbGuest *guest, VbCodecGuests *guests)
{
    guest->name = vb_json_text(reader, object, "name", VB_CODEC_NAME_MAX);
    if (guest->name == NULL && !guests->sparse)
        vb_json_fail(reader, "name", "missing");
    guest->uuid = vb_json_text(reader, object, "uuid", VB_CODEC_NAME_MAX);
    if (guest->uuid == NULL)
        vb_json_fail(reader, "uuid", "missing");
    else if (!g_uuid_string_is_valid(guest->uuid))
        vb_json_fail(reader, "uuid", "not an UUID of 36 characters");
    else if (!g_hash_table_add(guests->uuids, guest->uuid))
        vb_json_fail(reader, "uuid", "%s is there twice", guest->uuid);
    guest->pid = (int)vb_json_int(reader, object, "pid", 0, G_MAXINT);
    guest->start_time = vb_json_u64(reader, object, "start_time");
}

void
vb_codec_read_guest(VbJsonReader *reader, JsonObject *object, VbGuest *guest, VbCodecGuests *guests)
{
    read_identity(reader, object, guest, guests);
    guest->state = vb_json_word(reader, object, "state", state_names);
    guest->owner = vb_json_word(reader, object, "owner", owner_names);
    guest->owner_code = vb_json_text(reader, object, "owner_code", VB_CODEC_NAME_MAX);
    guest->reason = vb_json_text(reader, object, "reason", VB_CODEC_TEXT_MAX);
    guest->boundary = vb_json_nodeset(reader, object, "boundary");
    vb_json_cpuset(reader, object, "cpu_boundary", &guest->cpu_boundary);
    guest->policy = vb_json_text(reader, object, "policy", VB_CODEC_NAME_MAX);
    guest->selected = vb_json_bool(reader, object, "selected");
    guest->forced = vb_json_bool(reader, object, "forced");
    guest->asked = vb_json_has(object, "asked") && vb_json_bool(reader, object, "asked");
    vb_codec_read_by_node(reader, object, "devices", guests->nodes, guest->devices);
    for (guint node = 0; node < VB_NODES_MAX; node++)
        if (guest->devices[node] > VB_CODEC_DEVICES_MAX)
            vb_json_fail(reader, "devices", "more than %d on node %u", VB_CODEC_DEVICES_MAX, node);
    guest->settings = vb_json_settings(reader, object, "settings", VB_CODEC_SETTINGS_MAX);
    /* Documents from before there were terms have none. */
    if (vb_json_has(object, "terms"))
        vb_json_inside(reader, object, "terms", read_terms, &guest->terms);
    guest->last_move_ns = vb_json_int(reader, object, "last_move_ns", G_MININT64, G_MAXINT64);
    /* Nor had those before there were statistics any. */
    if (vb_json_has(object, "statistics"))
        vb_json_inside(reader, object, "statistics", vb_codec_read_counted, &guest->statistics);
    vb_json_each(reader, object, "helpers", VB_CODEC_HELPERS_MAX, read_helper, guest->helpers);
    IntoCells cells = {guest->cells, guests->nodes};
    vb_json_each(reader, object, "cells", VB_CODEC_CELLS_MAX, read_cell, &cells);
    if (guest->cells->len == 0 && !guests->sparse)
        vb_json_fail(reader, "cells", "a guest has at least one");
}

void
vb_codec_read_thread(VbJsonReader *reader, JsonObject *object, const VbGuest *guest, VbCpuSet *seen,
                     guint *ret_id, int *ret_tid, int *ret_cell)
{
    /* Without cells (threads only) the index is into the cells of the full look before. */
    gint64 last_cell = guest->cells->len > 0 ? guest->cells->len - 1 : VB_CODEC_CELLS_MAX - 1;
    *ret_id = (guint)vb_json_int(reader, object, "id", 0, VB_CPUS_MAX - 1);
    if (vb_cpuset_has(seen, *ret_id))
        vb_json_fail(reader, "id", "vCPU %u is there twice", *ret_id);
    vb_cpuset_add(seen, *ret_id);
    *ret_tid = (int)vb_json_int(reader, object, "tid", 0, G_MAXINT);
    *ret_cell = (int)vb_json_int_or(reader, object, "cell", 0, last_cell, -1);
}
