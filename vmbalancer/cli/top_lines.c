/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/text.h"
#include "cli/top_view.h"

/* As vmstat: the same columns for ever, so that a stream of them can be read and cut. */
#define NAME_WIDTH 20

/* "0: 4.0 GiB, 1: 14 MiB" */
static char *
ram_of(const VbGuestFacts *facts, VbNodeSet nodes)
{
    if (!facts->ram_known)
        return g_strdup("?");
    GString *text = g_string_new(NULL);
    int id;
    VB_NODESET_FOREACH(id, nodes)
    {
        g_autofree char *bytes = vb_text_bytes(facts->ram[id]);
        if (facts->ram[id] > 0)
            g_string_append_printf(text, "%s%d: %s", text->len > 0 ? ", " : "", id, bytes);
    }
    if (text->len == 0)
        g_string_append(text, "none present");
    return g_string_free(text, FALSE);
}

static void
append_line(const VbGuest *guest, VbNodeSet nodes, const char *time, gboolean utf8, GString *into)
{
    VbGuestFacts facts;
    vb_guest_facts(guest, &facts);
    VbNodeSet home = vb_guest_home(guest);
    g_autofree char *name = vb_text_shown(guest->name, utf8);
    g_autofree char *homes = home != 0 ? vb_nodeset_format(home) : g_strdup("-");
    g_autofree char *locality =
        facts.locality_known ? vb_text_percent(facts.locality_bp) : g_strdup("?");
    g_autofree char *busy =
        facts.busy_known ? g_strdup_printf("%u %%", (facts.busy_bp + 50) / 100) : g_strdup("?");
    g_autofree char *ram = ram_of(&facts, nodes);
    guint width = vb_text_width(name);
    g_string_append_printf(into, "%-8s  %s%*s  %-7s  %-4s  %8s  %7s  %s\n", time, name,
                           (int)(NAME_WIDTH - MIN(width, NAME_WIDTH)), "",
                           vb_guest_state_name(guest->state), homes, locality, busy, ram);
}

void
vb_top_lines(const VbSnapshot *snapshot, const char *time, gboolean header, gboolean utf8,
             GString *into)
{
    if (header)
        g_string_append_printf(into, "%-8s  %-*s  %-7s  %-4s  %8s  %7s  %s\n", "TIME", NAME_WIDTH,
                               "GUEST", "STATE", "HOME", "LOCALITY", "BUSY", "RAM BY NODE");
    for (guint i = 0; i < snapshot->guests->len; i++)
        append_line(g_ptr_array_index(snapshot->guests, i), snapshot->topology.nodes, time, utf8,
                    into);
}
