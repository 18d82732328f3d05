/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bars.h"

char *
vb_bar(guint bp, guint width, gboolean utf8)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    guint steps = utf8 ? 8 : 1;
    guint filled = (MIN(bp, VB_BP) * width * steps + VB_BP / 2) / VB_BP;
    /* A little is not nothing, and nearly all is not all. */
    if (bp > 0 && filled == 0)
        filled = 1;
    if (bp < VB_BP && width > 0 && filled == width * steps)
        filled--;
    GString *bar = g_string_new(NULL);
    guint column = 0;
    for (; column < filled / steps; column++)
        g_string_append(bar, utf8 ? "█" : "#");
    if (filled % steps != 0) {
        g_string_append(bar, eighths[filled % steps]);
        column++;
    }
    for (; column < width; column++)
        g_string_append(bar, utf8 ? "░" : "-");
    return g_string_free(bar, FALSE);
}

char *
vb_bar_unknown(guint width)
{
    return g_strnfill(width, '?');
}

static const char *
map_column(guint64 weight, long double sum, gboolean utf8)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const tenths[] = {"1", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    long double share = weight / sum;
    if (weight == 0)
        return utf8 ? "·" : ".";
    if (utf8)
        return share >= 0.995L ? "█" : blocks[MIN((guint)(share * 8), 7)];
    return share >= 0.95L ? "#" : tenths[MIN((guint)(share * 10), 9)];
}

char *
vb_node_map(const guint64 *weight, VbNodeSet nodes, gboolean utf8)
{
    int id;
    if (weight == NULL)
        return g_strnfill(vb_nodeset_count(nodes), '?');
    long double sum = 0; /* 64 counts of 64 bits */
    VB_NODESET_FOREACH(id, nodes)
    sum += weight[id];
    GString *map = g_string_new(NULL);
    VB_NODESET_FOREACH(id, nodes)
    g_string_append(map, map_column(weight[id], sum, utf8));
    return g_string_free(map, FALSE);
}
