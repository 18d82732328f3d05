/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/top_view.h"
#include "cli/text.h"

#define DELAY_MIN_S 0.1
#define DELAY_MAX_S 3600.0

static void
row_free(gpointer data)
{
    g_free(((VbTopRow *)data)->plan);
    g_free(data);
}

VbTopView *
vb_top_view_new(guint interval_ms)
{
    VbTopView *view = g_new0(VbTopView, 1);
    view->rows = g_ptr_array_new_with_free_func(row_free);
    view->interval_ms = interval_ms;
    return view;
}

void
vb_top_sight_clear(VbTopSight *sight)
{
    g_clear_pointer(&sight->snapshot, vb_snapshot_free);
    g_clear_pointer(&sight->plan, vb_plan_free);
}

void
vb_top_view_free(VbTopView *view)
{
    if (view == NULL)
        return;
    g_ptr_array_unref(view->rows);
    vb_top_sight_clear(&view->sight);
    if (view->entry != NULL)
        g_string_free(view->entry, TRUE);
    g_free(view->error);
    g_free(view);
}

/* Known before unknown, whichever way the known ones go. */
static int
compare_known(gboolean a, gboolean b)
{
    return (a ? 0 : 1) - (b ? 0 : 1);
}

static int
compare_counts(guint64 a, guint64 b)
{
    return a < b ? -1 : a > b;
}

static int
compare_rows(gconstpointer left, gconstpointer right, gpointer user_data)
{
    const VbTopRow *a = *(VbTopRow *const *)left, *b = *(VbTopRow *const *)right;
    const VbGuestFacts *x = &a->facts, *y = &b->facts;
    int order = 0;
    switch ((VbTopSort)GPOINTER_TO_UINT(user_data)) {
    case VB_TOP_BY_LOCALITY:
        order = compare_known(x->locality_known, y->locality_known);
        if (order == 0 && x->locality_known)
            order = compare_counts(x->locality_bp, y->locality_bp);
        break;
    case VB_TOP_BY_SIZE:
        order = compare_counts(y->size_bytes, x->size_bytes);
        break;
    case VB_TOP_BY_BUSY:
        order = compare_known(x->busy_known, y->busy_known);
        if (order == 0)
            order = compare_counts(y->busy_bp, x->busy_bp);
        break;
    default:
        break;
    }
    if (order == 0)
        order = g_strcmp0(a->guest->name, b->guest->name);
    return order != 0 ? order : g_strcmp0(a->guest->uuid, b->guest->uuid);
}

void
vb_top_view_sort(VbTopView *view, VbTopSort sort)
{
    view->sort = sort;
    g_ptr_array_sort_with_data(view->rows, compare_rows, GUINT_TO_POINTER(sort));
}

/* What a plan says of one guest. */
typedef struct {
    guint64 bytes;
    VbNodeSet to;
    const VbDecline *decline;
} Saying;

static char *
saying_text(const Saying *saying)
{
    if (saying->decline != NULL && saying->to == 0)
        return g_strdup_printf("%s: %s", saying->decline->code, saying->decline->reason);
    g_autofree char *nodes = vb_nodeset_format(saying->to);
    g_autofree char *bytes = vb_text_bytes(saying->bytes);
    const char *noun = vb_nodeset_count(saying->to) > 1 ? "nodes" : "node";
    if (saying->to == 0)
        return g_strdup("");
    return saying->bytes > 0 ? g_strdup_printf("%s to %s %s", bytes, noun, nodes)
                             : g_strdup_printf("pin to %s %s", noun, nodes);
}

/* Returns: (transfer full): uuid (borrowed) -> Saying. */
static GHashTable *
index_plan(const VbPlan *plan)
{
    GHashTable *index = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    for (guint i = 0; plan != NULL && i < plan->actions->len; i++) {
        const VbAction *action = g_ptr_array_index(plan->actions, i);
        Saying *saying = g_hash_table_lookup(index, action->uuid);
        if (saying == NULL) {
            saying = g_new0(Saying, 1);
            g_hash_table_insert(index, action->uuid, saying);
        }
        saying->bytes += action->bytes;
        if (action->to >= 0 && action->to < VB_NODES_MAX)
            saying->to |= VB_NODE_BIT(action->to);
    }
    for (guint i = 0; plan != NULL && i < plan->declined->len; i++) {
        const VbDecline *decline = g_ptr_array_index(plan->declined, i);
        if (g_hash_table_contains(index, decline->uuid))
            continue;
        Saying *saying = g_new0(Saying, 1);
        saying->decline = decline;
        g_hash_table_insert(index, decline->uuid, saying);
    }
    return index;
}

void
vb_top_view_update(VbTopView *view, VbTopSight *sight)
{
    g_ptr_array_set_size(view->rows, 0); /* they borrow from the sight */
    vb_top_sight_clear(&view->sight);
    view->sight = *sight;
    *sight = (VbTopSight){0};
    g_clear_pointer(&view->error, g_free);
    g_autoptr(GHashTable) sayings = index_plan(view->sight.plan);
    const VbSnapshot *snapshot = view->sight.snapshot;
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbTopRow *row = g_new0(VbTopRow, 1);
        row->guest = g_ptr_array_index(snapshot->guests, i);
        vb_guest_facts(row->guest, &row->facts);
        const Saying *saying = g_hash_table_lookup(sayings, row->guest->uuid);
        row->plan = saying != NULL ? saying_text(saying)
                                   : g_strdup(vb_guest_remark(row->guest, &row->facts));
        g_ptr_array_add(view->rows, row);
    }
    vb_host_facts(snapshot, &view->host);
    vb_top_view_sort(view, view->sort);
}

void
vb_top_view_fail(VbTopView *view, const GError *error)
{
    g_free(view->error);
    view->error = g_strdup(error->message);
}

void
vb_top_view_scroll(VbTopView *view, int rows, guint visible)
{
    gint64 last = (gint64)view->rows->len - visible;
    view->scroll = (guint)CLAMP((gint64)view->scroll + rows, 0, MAX(last, 0));
}

gboolean
vb_top_view_set_delay(VbTopView *view)
{
    g_autofree char *text = g_string_free(view->entry, FALSE);
    char *end;
    view->entry = NULL;
    double seconds = g_ascii_strtod(text, &end);
    if (end == text || *end != '\0' || !(seconds >= DELAY_MIN_S && seconds <= DELAY_MAX_S))
        return FALSE;
    view->interval_ms = (guint)(seconds * 1000 + 0.5);
    return TRUE;
}

const char *
vb_top_sort_name(VbTopSort sort)
{
    static const char *const names[] = {"locality", "name", "size", "busy"};
    return names[sort];
}
