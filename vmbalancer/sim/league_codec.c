/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json_write.h"
#include "sim/league.h"

/* A curve has no more points than can be told apart on a screen. */
#define POINTS_MAX 400
/* Of more guests than can be told apart, the largest are shown. */
#define GUESTS_MAX 200

static double
seconds(gint64 duration_ns)
{
    return (double)(duration_ns / 1000000) / 1000;
}

static void
put_score(JsonObject *object, const VbScore *score)
{
    vb_json_put_bp(object, "local_share", (int)score->local_bp);
    vb_json_put_bp(object, "mean_locality", (int)score->mean_bp);
    vb_json_put_bp(object, "worst_locality", (int)score->worst_bp);
    if (score->good_ns >= 0)
        json_object_set_double_member(object, "seconds_to_95", seconds(score->good_ns));
    else
        json_object_set_null_member(object, "seconds_to_95");
    vb_json_put_u64(object, "bytes_moved", score->moved_bytes);
    vb_json_put_u64(object, "moves", score->moves);
    vb_json_put_u64(object, "pins", score->pins);
    vb_json_put_u64(object, "ping_pongs", score->ping_pongs);
    vb_json_put_bp(object, "cpu_overload", (int)score->overload_bp);
    vb_json_put_bp(object, "slowdown", (int)score->slowdown_bp);
    if (score->versus_known)
        vb_json_put_bp(object, "slowdown_versus_hand", (int)score->versus_bp);
    else
        json_object_set_null_member(object, "slowdown_versus_hand");
}

/* The curves: what was local between one point and the next, and the bytes moved until then. */
static void
put_series(JsonObject *object, const VbTrace *trace)
{
    JsonArray *times = vb_json_put_array(object, "time");
    JsonArray *locals = vb_json_put_array(object, "local");
    JsonArray *bytes = vb_json_put_array(object, "bytes");
    guint step = MAX(1, (trace->moments->len + POINTS_MAX - 1) / POINTS_MAX);
    VbMoment before = {0};
    for (guint i = 0; i < trace->moments->len; i++) {
        const VbMoment *now = &g_array_index(trace->moments, VbMoment, i);
        if ((i + 1) % step != 0 && i + 1 < trace->moments->len)
            continue;
        json_array_add_double_element(times, seconds(now->time_ns));
        if (now->accesses > before.accesses)
            json_array_add_double_element(
                locals, (double)vb_score_share_bp(now->local - before.local,
                                                  now->accesses - before.accesses) / VB_BP);
        else
            json_array_add_null_element(locals);
        json_array_add_int_element(bytes, (gint64)MIN(now->moved_bytes, G_MAXINT64));
        before = *now;
    }
}

static guint64
largest(const VbTraceGuest *guest)
{
    guint64 begin = 0, end = 0;
    for (guint n = 0; n < VB_NODES_MAX; n++) {
        begin += guest->begin[n];
        end += guest->end[n];
    }
    return MAX(begin, end);
}

static int
compare_sizes(gconstpointer a, gconstpointer b)
{
    const VbTraceGuest *one = *(VbTraceGuest *const *)a, *other = *(VbTraceGuest *const *)b;
    guint64 x = largest(one), y = largest(other);
    return x != y ? (x > y ? -1 : 1) : g_strcmp0(one->uuid, other->uuid);
}

static void
put_nodes(JsonObject *object, const char *name, const guint64 *bytes, guint nodes)
{
    JsonArray *array = vb_json_put_array(object, name);
    for (guint n = 0; n < nodes; n++)
        json_array_add_int_element(array, (gint64)MIN(bytes[n], G_MAXINT64));
}

static void
put_guests(JsonObject *object, const VbTrace *trace)
{
    JsonArray *array = vb_json_put_array(object, "guests");
    g_autoptr(GPtrArray) guests = g_ptr_array_new();
    for (guint i = 0; i < trace->guests->len; i++)
        g_ptr_array_add(guests, g_ptr_array_index(trace->guests, i));
    g_ptr_array_sort(guests, compare_sizes);
    for (guint i = 0; i < MIN(guests->len, GUESTS_MAX); i++) {
        const VbTraceGuest *guest = g_ptr_array_index(guests, i);
        JsonObject *one = vb_json_append_object(array);
        vb_json_put_text(one, "name", guest->name);
        put_nodes(one, "before", guest->begin, trace->nodes);
        put_nodes(one, "after", guest->end, trace->nodes);
    }
    vb_json_put_u64(object, "guests_in_all", guests->len);
}

static void
put_row(JsonArray *rows, const VbLeagueRow *row, gboolean whole)
{
    JsonObject *object = vb_json_append_object(rows);
    vb_json_put_text(object, "policy", row->policy);
    put_score(object, &row->score);
    if (!whole)
        return;
    put_series(object, row->trace);
    put_guests(object, row->trace);
}

JsonNode *
vb_league_json(const VbLeague *league, gboolean whole)
{
    JsonNode *node = vb_json_document("vmbalancer.league/1");
    JsonObject *object = json_node_get_object(node);
    vb_json_put_u64(object, "seed", league->seed);
    JsonArray *scenarios = vb_json_put_array(object, "scenarios");
    for (guint i = 0; i < league->tables->len; i++) {
        const VbLeagueTable *table = g_ptr_array_index(league->tables, i);
        JsonObject *one = vb_json_append_object(scenarios);
        vb_json_put_text(one, "name", table->scenario);
        vb_json_put_text(one, "why", table->why);
        JsonArray *rows = vb_json_put_array(one, "policies");
        for (guint r = 0; r < table->rows->len; r++)
            put_row(rows, g_ptr_array_index(table->rows, r), whole);
    }
    return node;
}
