/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/top_screen.h"
#include "cli/bars.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include <curses.h>

/* Below this height the blank lines go, and then the nodes: the guests come first. */
#define HEIGHT_ROOMY 16
#define HEIGHT_NODES 9
/* Nodes take at most this part of the height. */
#define NODES_PART 3

/* Of the terminal; the width follows its size. */
static VbStyle style_now;

/* Writes where the cursor is, cut at the right edge; "\n" goes to the next line. */
static void
paint(VbTint tint, const char *text, gpointer user_data)
{
    int y, x;
    getyx(stdscr, y, x);
    if (g_str_equal(text, "\n")) {
        move(MIN(y + 1, LINES - 1), 0);
        return;
    }
    g_autofree char *cut = vb_text_fit(text, (guint)MAX(COLS - 1 - x, 0), style_now.utf8);
    attron(vb_terminal_tint(tint));
    addstr(cut);
    attroff(vb_terminal_tint(tint));
}

static void
draw_title(const VbTopView *view)
{
    const VbSnapshot *snapshot = view->sight.snapshot;
    guint locality;
    move(0, 0);
    paint(VB_TINT_BOLD, "vmbalancer", NULL);
    if (snapshot == NULL) {
        paint(VB_TINT_NONE, "  looking at the host ...", NULL);
        return;
    }
    g_autofree char *guests = g_strdup_printf("  %u guest%s", snapshot->guests->len,
                                              snapshot->guests->len == 1 ? "" : "s");
    paint(VB_TINT_NONE, guests, NULL);
    if (vb_snapshot_locality(snapshot, &locality)) {
        g_autofree char *percent = vb_text_percent(locality);
        paint(VB_TINT_NONE, "  locality ", NULL);
        paint(vb_style_locality(locality), percent, NULL);
    }
    if (view->paused)
        paint(VB_TINT_FAIR, "  paused", NULL);
    g_autofree char *rest = g_strdup_printf("  every %.4g s  by %s", view->interval_ms / 1000.0,
                                            vb_top_sort_name(view->sort));
    paint(VB_TINT_DIM, rest, NULL);
    if (snapshot->rival != NULL) {
        g_autofree char *rival = vb_text_shown(snapshot->rival, style_now.utf8);
        g_autofree char *warning = g_strdup_printf("  %s runs too", rival);
        paint(VB_TINT_POOR, warning, NULL);
    }
}

static guint
share_bp(guint64 part, guint64 whole)
{
    return whole > 0 ? (guint)((double)MIN(part, whole) / (double)whole * VB_BP) : 0;
}

static void
add_node(VbTable *table, const VbTopView *view, int id, guint bar)
{
    const VbSnapshot *snapshot = view->sight.snapshot;
    const VbNode *node = &snapshot->topology.node[id];
    gboolean utf8 = style_now.utf8;
    guint64 cpus = (guint64)node->n_cpus * VB_BP;
    gboolean over = view->host.demand_bp[id] > cpus;
    gboolean low = node->memory_free_bytes < snapshot->reserve_bytes[id];
    vb_table_take(table, VB_TINT_BOLD, g_strdup_printf("%d", id));
    vb_table_take(table, VB_TINT_NONE,
                  vb_bar(share_bp(view->host.ram[id], node->memory_total_bytes), bar, utf8));
    vb_table_take(table, VB_TINT_NONE, vb_text_bytes(view->host.ram[id]));
    vb_table_take(table, low ? VB_TINT_POOR : VB_TINT_NONE, vb_text_bytes(node->memory_free_bytes));
    vb_table_take(table, over ? VB_TINT_POOR : VB_TINT_NONE,
                  vb_bar(share_bp(view->host.demand_bp[id], cpus), bar, utf8));
    vb_table_take(
        table, over ? VB_TINT_POOR : VB_TINT_NONE,
        g_strdup_printf("%.1f of %u", (double)view->host.demand_bp[id] / VB_BP, node->n_cpus));
}

static guint
shown_nodes(const VbTopView *view)
{
    if (view->sight.snapshot == NULL || LINES < HEIGHT_NODES)
        return 0;
    guint count = vb_nodeset_count(view->sight.snapshot->topology.nodes);
    return MIN(count, (guint)LINES / NODES_PART);
}

static void
draw_nodes(const VbTopView *view)
{
    static const VbColumn columns[] = {
        {"NODE", TRUE, 0, 0},
        {"GUEST RAM", FALSE, 0, 2},
        {"", TRUE, 0, 0},
        {"FREE", TRUE, 0, 1},
        {"CPU DEMAND", FALSE, 0, 4},
        {"", TRUE, 0, 3},
        {NULL},
    };
    g_autoptr(VbTable) table = vb_table_new(&style_now, columns);
    guint bar = COLS > 60 ? MIN(((guint)COLS - 44) / 2, 24) : 8;
    int id;
    VB_NODESET_FOREACH(id, view->sight.snapshot->topology.nodes)
    add_node(table, view, id, bar);
    vb_table_paint(table, 0, shown_nodes(view), paint, NULL);
}

static void
add_row(VbTable *table, const VbTopRow *row, VbNodeSet nodes)
{
    const VbGuestFacts *facts = &row->facts;
    gboolean utf8 = style_now.utf8;
    VbTint tint = facts->locality_known ? vb_style_locality(facts->locality_bp) : VB_TINT_DIM;
    VbNodeSet home = vb_guest_home(row->guest);
    vb_table_add(table, VB_TINT_BOLD, row->guest->name);
    vb_table_take(table, tint,
                  facts->locality_known ? vb_text_percent(facts->locality_bp) : g_strdup("?"));
    vb_table_take(table, tint,
                  facts->locality_known ? vb_bar(facts->locality_bp, 10, utf8) : g_strdup(""));
    vb_table_take(table, VB_TINT_NONE, home != 0 ? vb_nodeset_format(home) : g_strdup("-"));
    vb_table_take(table, VB_TINT_NONE,
                  vb_node_map(facts->ram_known ? facts->ram : NULL, nodes, utf8));
    vb_table_take(table, VB_TINT_NONE,
                  vb_node_map(facts->run_known ? facts->run : NULL, nodes, utf8));
    vb_table_take(table, VB_TINT_NONE,
                  facts->busy_known ? g_strdup_printf("%u %%", (facts->busy_bp + 50) / 100)
                                    : g_strdup("?"));
    vb_table_take(table, VB_TINT_NONE, vb_text_bytes(facts->size_bytes));
    vb_table_add(table, row->guest->state == VB_GUEST_RUNNING ? VB_TINT_NONE : VB_TINT_FAIR,
                 vb_guest_state_name(row->guest->state));
    vb_table_add(table, VB_TINT_DIM, row->plan);
}

static void
draw_guests(const VbTopView *view)
{
    static const VbColumn columns[] = {
        {"GUEST", FALSE, 8, 0},
        {"LOCALITY", TRUE, 0, 0},
        {"", FALSE, 0, 4},
        {"HOME", FALSE, 0, 1},
        {"RAM", FALSE, 3, 2},
        {"CPU", FALSE, 3, 3},
        {"BUSY", TRUE, 0, 2},
        {"SIZE", TRUE, 0, 5},
        {"STATE", FALSE, 0, 6},
        {"PLAN", FALSE, 16, 7},
        {NULL},
    };
    g_autoptr(VbTable) table = vb_table_new(&style_now, columns);
    for (guint i = 0; i < view->rows->len; i++)
        add_row(table, g_ptr_array_index(view->rows, i), view->sight.snapshot->topology.nodes);
    vb_table_paint(table, view->scroll, vb_top_screen_rows(view), paint, NULL);
}

static void
draw_foot(const VbTopView *view)
{
    move(LINES - 1, 0);
    if (view->entry != NULL) {
        g_autofree char *text = g_strdup_printf("Delay in seconds: %s_", view->entry->str);
        paint(VB_TINT_BOLD, text, NULL);
        return;
    }
    if (view->error != NULL) {
        g_autofree char *shown = vb_text_shown(view->error, style_now.utf8);
        paint(VB_TINT_POOR, shown, NULL);
        return;
    }
    guint rows = vb_top_screen_rows(view);
    if (view->rows->len > rows && rows > 0) {
        g_autofree char *where =
            g_strdup_printf("%u-%u of %u  ", view->scroll + 1,
                            MIN(view->scroll + rows, view->rows->len), view->rows->len);
        paint(VB_TINT_NONE, where, NULL);
    }
    paint(VB_TINT_DIM, "q quit  s sort  space pause  d delay  ? help", NULL);
}

static void
draw_help(void)
{
    static const char *const lines[] = {
        "q              quit",
        "s              sort by locality, name, size, busy",
        "up, down       scroll by a guest",
        "page up, down  scroll by a screen",
        "home, end      first, last guest",
        "space          pause, go on",
        "r              look now",
        "d              delay between looks",
        "",
        "RAM, CPU: a column a node, as high as the share of the guest's RAM there",
        "and of the time that its vCPUs ran there. BUSY: 100 % is one CPU.",
        "",
        "Any key goes back.",
    };
    move(0, 0);
    for (guint i = 0; i < G_N_ELEMENTS(lines) && (int)i < LINES; i++) {
        paint(VB_TINT_NONE, lines[i], NULL);
        paint(VB_TINT_NONE, "\n", NULL);
    }
}

/* Title and foot, and the nodes with header and, where there is room, blank lines. */
guint
vb_top_screen_rows(const VbTopView *view)
{
    guint nodes = shown_nodes(view);
    guint blanks = LINES >= HEIGHT_ROOMY ? (nodes > 0 ? 3 : 2) : 0;
    guint taken = 2 + 1 + (nodes > 0 ? nodes + 1 : 0) + blanks;
    return (guint)LINES > taken ? (guint)LINES - taken : 0;
}

void
vb_top_screen_draw(VbTopView *view)
{
    style_now = *vb_terminal_style();
    style_now.width = (guint)MAX(COLS - 1, 1);
    erase();
    vb_top_view_scroll(view, 0, vb_top_screen_rows(view)); /* the screen may have grown */
    if (view->help) {
        draw_help();
        refresh();
        return;
    }
    draw_title(view);
    paint(VB_TINT_NONE, "\n", NULL);
    if (view->sight.snapshot != NULL) {
        gboolean roomy = LINES >= HEIGHT_ROOMY;
        if (roomy)
            paint(VB_TINT_NONE, "\n", NULL);
        if (shown_nodes(view) > 0) {
            draw_nodes(view);
            if (roomy)
                paint(VB_TINT_NONE, "\n", NULL);
        }
        if (LINES > 2)
            draw_guests(view);
    }
    if (LINES > 1)
        draw_foot(view);
    refresh();
}
