/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bars.h"
#include "cli/facts.h"
#include "cli/render.h"
#include "cli/table.h"
#include "cli/text.h"

#define LABEL_WIDTH 12
#define BAR_WIDTH 20
/* Less than that is not "over time": the command alone watches for a second or two. */
#define LIFE_NS (10 * G_GINT64_CONSTANT(1000000000))
/** Up to so many nodes each has a column of its own. */
#define NODE_COLUMNS_MAX 8

/* "   Boundary: nodes 0-1", labels aligned at the colon as in systemctl status. */
static void
add_fact(const VbStyle *style, const char *label, VbTint tint, const char *text, GString *into)
{
    g_autofree char *shown = vb_text_shown(text, style->utf8);
    GString *lines = g_string_new(NULL);
    vb_text_wrap(shown, LABEL_WIDTH + 2, style->width, lines);
    g_string_append_printf(into, "%*s: ", LABEL_WIDTH, label);
    vb_style_paint(style, tint, lines->str, into);
    g_string_append_c(into, '\n');
    g_string_free(lines, TRUE);
}

static void
take_fact(const VbStyle *style, const char *label, VbTint tint, char *text, GString *into)
{
    add_fact(style, label, tint, text, into);
    g_free(text);
}

static void
add_owner(const VbStyle *style, const VbGuest *guest, GString *into)
{
    static const char *const meanings[] = {
        [VB_OWNER_FREE] = "free: nobody places it",
        [VB_OWNER_OURS] = "ours: vmbalancer placed it",
        [VB_OWNER_BOUNDED] = "bounded: may be placed inside its boundary",
        [VB_OWNER_HANDS_OFF] = "hands-off: somebody else places it",
        [VB_OWNER_OBSERVE_ONLY] = "observe-only: another manager would undo what we do",
    };
    gboolean ours = guest->owner != VB_OWNER_HANDS_OFF && guest->owner != VB_OWNER_OBSERVE_ONLY;
    g_autofree char *owner =
        guest->owner_code != NULL
            ? g_strdup_printf("%s (%s)", meanings[guest->owner], guest->owner_code)
            : g_strdup(meanings[guest->owner]);
    add_fact(style, "Owner", ours ? VB_TINT_NONE : VB_TINT_FAIR, owner, into);
    if (guest->reason != NULL && *guest->reason != '\0')
        add_fact(style, "Reason", VB_TINT_NONE, guest->reason, into);
}

static void
add_places(const VbStyle *style, const VbGuest *guest, GString *into)
{
    g_autofree char *nodes = vb_nodeset_format(guest->boundary);
    g_autofree char *cpus = vb_cpuset_format(&guest->cpu_boundary);
    if (guest->boundary == 0)
        add_fact(style, "Boundary", VB_TINT_POOR, "leaves no node of this host", into);
    else
        take_fact(style, "Boundary", VB_TINT_NONE,
                  g_strdup_printf("nodes %s, CPUs %s", nodes, *cpus != '\0' ? cpus : "none"), into);
    VbNodeSet home = vb_guest_home(guest);
    g_autofree char *homes = vb_nodeset_format(home);
    take_fact(style, "Home", VB_TINT_NONE,
              home == 0
                  ? g_strdup("none yet")
                  : g_strdup_printf(vb_nodeset_count(home) > 1 ? "nodes %s" : "node %s", homes),
              into);
}

/* "512 MiB ±6 MiB of shared memory that is there all the same, on nodes unknown" */
static void
add_unmapped(const VbStyle *style, const VbGuestFacts *facts, GString *into)
{
    g_autofree char *bytes = vb_text_bytes(facts->unmapped_bytes);
    g_autofree char *width = vb_text_bytes(facts->unmapped_error_bytes);
    g_autofree char *error = g_strconcat(style->utf8 ? " ±" : " +-", width, NULL);
    if (!facts->ram_known || facts->unmapped_bytes == 0)
        return;
    take_fact(style, "Not mapped", VB_TINT_NONE,
              g_strdup_printf("%s%s of shared memory that is there all the same, on nodes unknown",
                              bytes, facts->unmapped_error_bytes > 0 ? error : ""),
              into);
}

static void
add_measures(const VbStyle *style, const VbSnapshot *snapshot, const VbGuest *guest, GString *into)
{
    VbGuestFacts facts;
    vb_guest_facts(guest, &facts);
    if (facts.locality_known) {
        g_autofree char *percent =
            vb_text_percent_error(facts.locality_bp, facts.error_bp, style->utf8);
        g_autofree char *bar = vb_bar(facts.locality_bp, BAR_WIDTH, style->utf8);
        take_fact(style, "Locality", vb_style_locality(facts.locality_bp),
                  g_strdup_printf("%s  %s", percent, bar), into);
    } else {
        add_fact(style, "Locality", VB_TINT_DIM, "not known", into);
    }
    g_autofree char *size = vb_text_bytes(facts.size_bytes);
    g_autofree char *present = vb_text_bytes(facts.present_bytes);
    take_fact(style, "RAM", VB_TINT_NONE,
              facts.ram_known ? g_strdup_printf("%s present of %s", present, size)
                              : g_strdup_printf("%s; where it lies is not known", size),
              into);
    add_unmapped(style, &facts, into);
    if (facts.busy_known)
        take_fact(style, "CPU demand", VB_TINT_NONE,
                  g_strdup_printf("%.2f of %u", (double)facts.busy_bp / VB_BP, guest->vcpus->len),
                  into);
    if (guest->last_move_ns > 0 && guest->last_move_ns <= snapshot->time_ns) {
        g_autofree char *age = vb_text_duration(snapshot->time_ns - guest->last_move_ns);
        take_fact(style, "Last moved", VB_TINT_NONE, g_strdup_printf("%s ago", age), into);
    }
}

/* "2 for locality, 1 manual" */
static char *
describe_moves(const VbStatistics *statistics)
{
    static const char *const words[] = {
        [VB_CAUSE_NONE] = "",
        [VB_CAUSE_BALANCE] = "for the host's balance",
        [VB_CAUSE_LOAD] = "for load",
        [VB_CAUSE_LOCALITY] = "for locality",
        [VB_CAUSE_MANUAL] = "by hand",
        [VB_CAUSE_INITIAL] = "as it started",
    };
    GString *text = g_string_new(NULL);
    for (guint cause = VB_CAUSE_NONE + 1; cause < VB_CAUSES; cause++)
        if (statistics->placed[cause] > 0)
            g_string_append_printf(text, "%s%u %s", text->len > 0 ? ", " : "",
                                   statistics->placed[cause], words[cause]);
    return g_string_free(text, FALSE);
}

/* What was counted since its first look; one look alone has nothing to tell. */
static void
add_statistics(const VbStyle *style, const VbSnapshot *snapshot, const VbGuest *guest,
               GString *into)
{
    const VbStatistics *statistics = &guest->statistics;
    guint64 local, remote;
    guint cumulative;
    if (vb_guest_home_bytes(guest, &local, &remote)) {
        g_autofree char *here = vb_text_bytes(local);
        g_autofree char *there = vb_text_bytes(remote);
        take_fact(style, "At home", VB_TINT_NONE,
                  g_strdup_printf("%s, elsewhere %s", here, there), into);
    }
    gint64 seen_ns = snapshot->time_ns - statistics->since_ns;
    if (statistics->since_ns > 0 && seen_ns >= LIFE_NS &&
        vb_guest_cumulative_locality(guest, &cumulative)) {
        g_autofree char *percent = vb_text_percent(cumulative);
        g_autofree char *life = vb_text_duration(seen_ns);
        take_fact(style, "Over time", VB_TINT_NONE,
                  g_strdup_printf("locality %s in %s", percent, life), into);
    }
    g_autofree char *moves = describe_moves(statistics);
    if (*moves != '\0')
        add_fact(style, "Placed", VB_TINT_NONE, moves, into);
    if (statistics->moved_bytes > 0) {
        g_autofree char *bytes = vb_text_bytes(statistics->moved_bytes);
        g_autofree char *rate = vb_text_rate(statistics->moved_bytes, statistics->moving_ns);
        take_fact(style, "Moved", VB_TINT_NONE, g_strdup_printf("%s at %s", bytes, rate), into);
    }
}

G_GNUC_PRINTF(2, 3)
static void
add_term(GString *terms, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (terms->len > 0)
        g_string_append(terms, ", ");
    g_string_append_vprintf(terms, format, arguments);
    va_end(arguments);
}

/* What is asked for it: "no pins, locality at least 90.0 %, 256 MiB/s". */
static void
add_terms(const VbStyle *style, const VbTerms *terms, GString *into)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *least = vb_text_percent(terms->locality_min_bp);
    g_autofree char *target = vb_text_percent(terms->locality_target_bp);
    g_autofree char *rate = vb_text_bytes(terms->rate_bytes_per_s);
    g_autofree char *rest = vb_text_duration(terms->cooldown_ns);
    if (terms->pins == VB_ANSWER_NO)
        add_term(text, "no pins");
    if (terms->moves == VB_ANSWER_NO)
        add_term(text, "no moves");
    if (terms->locality_min_known)
        add_term(text, "left alone from a locality of %s", least);
    if (terms->locality_target_known)
        add_term(text, "good enough at %s", target);
    if (terms->rate_known)
        add_term(text, "at most %s/s", rate);
    if (terms->cooldown_known)
        add_term(text, "%s of rest after a move", rest);
    if (text->len > 0)
        add_fact(style, "Terms", VB_TINT_NONE, text->str, into);
}

static void
add_settings(const VbStyle *style, const VbGuest *guest, GString *into)
{
    take_fact(style, "Policy", VB_TINT_NONE,
              guest->policy != NULL ? g_strdup(guest->policy) : g_strdup("the host's default"),
              into);
    if (guest->settings == NULL)
        return;
    g_autoptr(GList) names = g_hash_table_get_keys(guest->settings);
    names = g_list_sort(names, (GCompareFunc)g_strcmp0);
    for (GList *name = names; name != NULL; name = name->next) {
        gint64 value = *(gint64 *)g_hash_table_lookup(guest->settings, name->data);
        take_fact(style, name == names ? "Parameters" : "", VB_TINT_NONE,
                  g_strdup_printf("%s = %" G_GINT64_FORMAT, (char *)name->data, value), into);
    }
}

/* A column for each node, or one for the map of many. */
static void
add_node_columns(VbTable *table, VbNodeSet nodes)
{
    int id;
    if (vb_nodeset_count(nodes) > NODE_COLUMNS_MAX) {
        vb_table_add_column(table, &(VbColumn){"BY NODE", FALSE, 0, 4});
        return;
    }
    VB_NODESET_FOREACH(id, nodes)
    {
        g_autofree char *title = g_strdup_printf("NODE %d", id);
        vb_table_add_column(table, &(VbColumn){title, TRUE, 0, 4});
    }
}

/* @value by node, NULL if not known; shown as bytes, or as shares in bp. */
static void
add_by_node(VbTable *table, const VbStyle *style, VbNodeSet nodes, const guint64 *value,
            gboolean bytes)
{
    int id;
    if (vb_nodeset_count(nodes) > NODE_COLUMNS_MAX) {
        vb_table_take(table, VB_TINT_NONE, vb_node_map(value, nodes, style->utf8));
        return;
    }
    VB_NODESET_FOREACH(id, nodes)
    {
        if (value == NULL)
            vb_table_add(table, VB_TINT_DIM, "?");
        else if (value[id] == 0)
            vb_table_add(table, VB_TINT_DIM, "-");
        else
            vb_table_take(table, VB_TINT_NONE,
                          bytes ? vb_text_bytes(value[id]) : vb_text_percent((guint)value[id]));
    }
}

static void
add_vcpu(VbTable *table, const VbStyle *style, const VbGuest *guest, const VbVcpu *vcpu,
         VbNodeSet nodes)
{
    guint64 share[VB_NODES_MAX];
    for (guint i = 0; i < VB_NODES_MAX; i++)
        share[i] = vcpu->share_bp[i];
    gboolean placed = vcpu->cell >= 0 && (guint)vcpu->cell < guest->cells->len;
    const VbCell *cell = placed ? g_ptr_array_index(guest->cells, vcpu->cell) : NULL;
    vb_table_take(table, VB_TINT_BOLD, g_strdup_printf("vcpu%u", vcpu->id));
    vb_table_take(table, VB_TINT_NONE,
                  vcpu->tid != 0 ? g_strdup_printf("%d", vcpu->tid) : g_strdup("?"));
    vb_table_take(table, VB_TINT_NONE, placed ? g_strdup_printf("%u", cell->id) : g_strdup("?"));
    vb_table_take(table, VB_TINT_NONE,
                  vcpu->busy_known ? vb_text_percent(vcpu->busy_bp) : g_strdup("?"));
    vb_table_take(table, VB_TINT_NONE,
                  vcpu->wait_known ? vb_text_percent(vcpu->wait_bp) : g_strdup("?"));
    add_by_node(table, style, nodes, vcpu->share_known ? share : NULL, FALSE);
    vb_table_take(table, VB_TINT_NONE,
                  vcpu->affinity_known ? vb_cpuset_format(&vcpu->affinity) : g_strdup("?"));
}

static void
add_helper(VbTable *table, const VbHelperThread *helper, guint blanks)
{
    vb_table_add(table, VB_TINT_NONE, helper->name);
    for (guint i = 0; i < blanks; i++)
        vb_table_add(table, VB_TINT_NONE, "");
    vb_table_take(table, VB_TINT_NONE,
                  helper->affinity_known ? vb_cpuset_format(&helper->affinity) : g_strdup("?"));
}

static void
render_threads(const VbGuest *guest, const VbStyle *style, VbNodeSet nodes, GString *into)
{
    static const VbColumn columns[] = {
        {"THREAD", FALSE, 9, 0},
        {"TID", TRUE, 0, 3},
        {"CELL", TRUE, 0, 2},
        {"BUSY", TRUE, 0, 0},
        {"WAIT", TRUE, 0, 5},
        {NULL},
    };
    g_autoptr(VbTable) table = vb_table_new(style, columns);
    add_node_columns(table, nodes);
    vb_table_add_column(table, &(VbColumn){"MAY RUN ON", FALSE, 10, 1});
    for (guint i = 0; i < guest->vcpus->len; i++)
        add_vcpu(table, style, guest, g_ptr_array_index(guest->vcpus, i), nodes);
    guint count = vb_nodeset_count(nodes);
    for (guint i = 0; i < guest->helpers->len; i++)
        add_helper(table, g_ptr_array_index(guest->helpers, i),
                   4 + (count > NODE_COLUMNS_MAX ? 1 : count));
    vb_table_render(table, 0, into);
}

static void
add_cell(VbTable *table, const VbStyle *style, const VbCell *cell, VbNodeSet nodes)
{
    vb_table_take(table, VB_TINT_BOLD, g_strdup_printf("%u", cell->id));
    vb_table_take(table, VB_TINT_NONE,
                  cell->home != 0 ? vb_nodeset_format(cell->home) : g_strdup("-"));
    vb_table_take(table, VB_TINT_NONE, vb_text_bytes(cell->size_bytes));
    vb_table_take(table, VB_TINT_NONE,
                  cell->residency_known ? vb_text_bytes(cell->present_bytes) : g_strdup("?"));
    vb_table_take(table, VB_TINT_NONE, vb_text_bytes(cell->page_size));
    gboolean stuck = cell->residency_known && cell->unmovable_bytes > 0;
    g_autofree char *unmovable = stuck ? vb_text_bytes(cell->unmovable_bytes) : NULL;
    vb_table_take(table, cell->movable && !stuck ? VB_TINT_NONE : VB_TINT_FAIR,
                  !cell->movable ? g_strdup("no")
                  : stuck        ? g_strdup_printf("all but %s", unmovable)
                                 : g_strdup("yes"));
    if (!cell->residency_known)
        vb_table_add(table, VB_TINT_DIM, "?");
    else if (cell->error_bp == 0)
        vb_table_add(table, VB_TINT_NONE, "exact");
    else
        vb_table_take(table, VB_TINT_NONE, vb_text_error(cell->error_bp, style->utf8));
    add_by_node(table, style, nodes, cell->residency_known ? cell->by_node : NULL, TRUE);
}

static void
render_cells(const VbGuest *guest, const VbStyle *style, VbNodeSet nodes, GString *into)
{
    static const VbColumn columns[] = {
        {"CELL", TRUE, 0, 0},  {"HOME", FALSE, 0, 0},
        {"SIZE", TRUE, 0, 2},  {"PRESENT", TRUE, 0, 1},
        {"PAGES", TRUE, 0, 5}, {"MOVABLE", FALSE, 0, 3},
        {"ERROR", TRUE, 0, 6}, {NULL},
    };
    g_autoptr(VbTable) table = vb_table_new(style, columns);
    add_node_columns(table, nodes);
    for (guint i = 0; i < guest->cells->len; i++)
        add_cell(table, style, g_ptr_array_index(guest->cells, i), nodes);
    vb_table_render(table, 0, into);
    for (guint i = 0; i < guest->cells->len; i++) {
        const VbCell *cell = g_ptr_array_index(guest->cells, i);
        if (cell->note == NULL)
            continue;
        g_autofree char *text = g_strdup_printf("cell %u: %s", cell->id, cell->note);
        g_autofree char *shown = vb_text_shown(text, style->utf8);
        vb_text_wrap(shown, 8, style->width, into);
        g_string_append_c(into, '\n');
    }
}

void
vb_render_show(const VbSnapshot *snapshot, const VbGuest *guest, const VbStyle *style,
               GString *into)
{
    g_autofree char *name = vb_text_shown(guest->name, style->utf8);
    vb_style_paint(style, VB_TINT_BOLD, name, into);
    g_string_append_c(into, '\n');
    add_fact(style, "UUID", VB_TINT_NONE, guest->uuid, into);
    take_fact(style, "State", VB_TINT_NONE,
              guest->pid != 0
                  ? g_strdup_printf("%s, process %d", vb_guest_state_name(guest->state), guest->pid)
                  : g_strdup(vb_guest_state_name(guest->state)),
              into);
    add_owner(style, guest, into);
    add_settings(style, guest, into);
    add_terms(style, &guest->terms, into);
    add_places(style, guest, into);
    add_measures(style, snapshot, guest, into);
    add_statistics(style, snapshot, guest, into);
    g_string_append_c(into, '\n');
    render_threads(guest, style, snapshot->topology.nodes, into);
    g_string_append_c(into, '\n');
    render_cells(guest, style, snapshot->topology.nodes, into);
}
