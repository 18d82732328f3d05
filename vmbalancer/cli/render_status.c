/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bars.h"
#include "cli/facts.h"
#include "cli/render.h"
#include "cli/table.h"
#include "cli/text.h"

#define BAR_WIDTH 10
/** Up to so many nodes each has a column of its own, as in numastat; more become a map. */
#define NODE_COLUMNS_MAX 4

/* "10 21 21", the node's own distance included, as numactl shows it. */
static char *
distances_of(const VbTopology *topology, int id)
{
    GString *text = g_string_new(NULL);
    int other;
    VB_NODESET_FOREACH(other, topology->nodes)
    g_string_append_printf(text, "%s%u", text->len > 0 ? " " : "",
                           topology->node[id].distance[other]);
    return g_string_free(text, FALSE);
}

static guint
used_bp(const VbNode *node)
{
    if (node->memory_total_bytes == 0)
        return 0;
    guint64 free = MIN(node->memory_free_bytes, node->memory_total_bytes);
    return (guint)((double)(node->memory_total_bytes - free) / (double)node->memory_total_bytes *
                   VB_BP);
}

static void
render_nodes(const VbSnapshot *snapshot, const VbStyle *style, GString *into)
{
    static const VbColumn columns[] = {
        {"NODE", TRUE, 0, 0},       {"CPUS", FALSE, 4, 2},      {"MEMORY", FALSE, 0, 4},
        {"FREE", TRUE, 0, 0},       {"TOTAL", TRUE, 0, 0},      {"GUESTS", TRUE, 0, 1},
        {"CPU DEMAND", TRUE, 0, 3}, {"DISTANCES", FALSE, 9, 5}, {NULL},
    };
    g_autoptr(VbTable) table = vb_table_new(style, columns);
    VbHostFacts facts;
    vb_host_facts(snapshot, &facts);
    int id;
    VB_NODESET_FOREACH(id, snapshot->topology.nodes)
    {
        const VbNode *node = &snapshot->topology.node[id];
        guint used = used_bp(node);
        vb_table_take(table, VB_TINT_BOLD, g_strdup_printf("%d", id));
        vb_table_take(table, VB_TINT_NONE,
                      node->n_cpus > 0 ? vb_cpuset_format(&node->cpus) : g_strdup("none"));
        vb_table_take(table, VB_TINT_DIM, vb_bar(used, BAR_WIDTH, style->utf8));
        gboolean low = node->memory_free_bytes < snapshot->reserve_bytes[id];
        vb_table_take(table, low ? VB_TINT_POOR : VB_TINT_NONE,
                      vb_text_bytes(node->memory_free_bytes));
        vb_table_take(table, VB_TINT_NONE, vb_text_bytes(node->memory_total_bytes));
        vb_table_take(table, VB_TINT_NONE, vb_text_bytes(facts.ram[id]));
        vb_table_take(
            table, VB_TINT_NONE,
            g_strdup_printf("%.1f of %u", (double)facts.demand_bp[id] / VB_BP, node->n_cpus));
        vb_table_take(table, VB_TINT_NONE, distances_of(&snapshot->topology, id));
    }
    vb_table_render(table, 0, into);
}

static void
add_locality(VbTable *table, const VbStyle *style, const VbGuestFacts *facts)
{
    if (!facts->locality_known) {
        vb_table_add(table, VB_TINT_DIM, "?");
        vb_table_add(table, VB_TINT_NONE, "");
        vb_table_add(table, VB_TINT_NONE, "");
        return;
    }
    VbTint tint = vb_style_locality(facts->locality_bp);
    vb_table_take(table, tint, vb_text_percent(facts->locality_bp));
    vb_table_take(table, VB_TINT_DIM, vb_text_error(facts->error_bp, style->utf8));
    vb_table_take(table, tint, vb_bar(facts->locality_bp, BAR_WIDTH, style->utf8));
}

static void
add_ram(VbTable *table, const VbStyle *style, const VbGuestFacts *facts, VbNodeSet nodes)
{
    int id;
    if (vb_nodeset_count(nodes) > NODE_COLUMNS_MAX) {
        vb_table_take(table, facts->ram_known ? VB_TINT_NONE : VB_TINT_DIM,
                      vb_node_map(facts->ram_known ? facts->ram : NULL, nodes, style->utf8));
        return;
    }
    VB_NODESET_FOREACH(id, nodes)
    {
        if (!facts->ram_known)
            vb_table_add(table, VB_TINT_DIM, "?");
        else if (facts->ram[id] == 0)
            vb_table_add(table, VB_TINT_DIM, "-");
        else
            vb_table_take(table, VB_TINT_NONE, vb_text_bytes(facts->ram[id]));
    }
}

static void
add_guest(VbTable *table, const VbStyle *style, const VbGuest *guest, VbNodeSet nodes)
{
    VbGuestFacts facts;
    vb_guest_facts(guest, &facts);
    VbNodeSet home = vb_guest_home(guest);
    vb_table_add(table, VB_TINT_BOLD, guest->name);
    vb_table_add(table, guest->state == VB_GUEST_RUNNING ? VB_TINT_NONE : VB_TINT_FAIR,
                 vb_guest_state_name(guest->state));
    vb_table_add(table, VB_TINT_NONE, vb_owner_name(guest->owner));
    vb_table_add(table, VB_TINT_NONE, guest->policy);
    vb_table_take(table, VB_TINT_NONE, home != 0 ? vb_nodeset_format(home) : g_strdup("-"));
    vb_table_take(table, VB_TINT_NONE, g_strdup_printf("%u", guest->vcpus->len));
    vb_table_take(table, VB_TINT_NONE,
                  facts.busy_known ? g_strdup_printf("%u %%", (facts.busy_bp + 50) / 100)
                                   : g_strdup("?"));
    add_locality(table, style, &facts);
    add_ram(table, style, &facts, nodes);
    vb_table_add(table, VB_TINT_DIM, vb_guest_remark(guest, &facts));
}

static VbTable *
guest_table(const VbStyle *style, VbNodeSet nodes)
{
    static const VbColumn columns[] = {
        {"GUEST", FALSE, 16, 0},
        {"STATE", FALSE, 0, 4},
        {"OWNER", FALSE, 0, 3},
        {"POLICY", FALSE, 0, 8},
        {"HOME", FALSE, 0, 0},
        {"VCPUS", TRUE, 0, 7},
        {"BUSY", TRUE, 0, 2},
        {"LOCALITY", TRUE, 0, 0},
        {"", FALSE, 0, 5},
        {"", FALSE, 0, 6},
        {NULL},
    };
    VbTable *table = vb_table_new(style, columns);
    int id;
    if (vb_nodeset_count(nodes) > NODE_COLUMNS_MAX) {
        vb_table_add_column(table, &(VbColumn){"RAM BY NODE", FALSE, 0, 1});
    } else {
        VB_NODESET_FOREACH(id, nodes)
        {
            g_autofree char *title = g_strdup_printf("NODE %d", id);
            vb_table_add_column(table, &(VbColumn){title, TRUE, 0, 1});
        }
    }
    vb_table_add_column(table, &(VbColumn){"REMARK", FALSE, 8, 9});
    return table;
}

static void
render_warning(const VbStyle *style, const char *text, GString *into)
{
    g_autofree char *shown = vb_text_shown(text, style->utf8);
    GString *line = g_string_new(NULL);
    vb_text_wrap(shown, 0, style->width, line);
    vb_style_paint(style, VB_TINT_FAIR, line->str, into);
    g_string_append_c(into, '\n');
    g_string_free(line, TRUE);
}

void
vb_render_status(const VbSnapshot *snapshot, const VbStyle *style, GString *into)
{
    render_nodes(snapshot, style, into);
    g_string_append_c(into, '\n');
    if (snapshot->guests->len == 0) {
        g_string_append(into, "No guest is running.\n");
    } else {
        g_autoptr(VbTable) table = guest_table(style, snapshot->topology.nodes);
        for (guint i = 0; i < snapshot->guests->len; i++)
            add_guest(table, style, g_ptr_array_index(snapshot->guests, i),
                      snapshot->topology.nodes);
        vb_table_render(table, 0, into);
    }
    if (snapshot->rival != NULL || snapshot->kernel_balancing)
        g_string_append_c(into, '\n');
    if (snapshot->rival != NULL) {
        g_autofree char *text = g_strdup_printf(
            "%s runs and places guests too: nothing is moved beside it. Stop it, or use --force.",
            snapshot->rival);
        render_warning(style, text, into);
    }
    if (snapshot->kernel_balancing)
        render_warning(style,
                       "The kernel balances too (kernel.numa_balancing = 1): it may move pages"
                       " between looks.",
                       into);
}
