/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <vmbalancer/error.h>
#include <vmbalancer/topology.h>

/* What a list is made of: "3", "0-7", and with libvirt's exclusions "^3". */
typedef void (*RangeSink)(guint first, guint last, gboolean exclude, gpointer into);

static gboolean
parse_number(const char **cursor, guint limit, guint *ret)
{
    if (!g_ascii_isdigit(**cursor))
        return FALSE;
    char *end;
    guint64 value = g_ascii_strtoull(*cursor, &end, 10);
    if (value >= limit)
        return FALSE;
    *cursor = end;
    *ret = (guint)value;
    return TRUE;
}

/* Parses one item and the comma after it. Returns: FALSE if it is none. */
static gboolean
parse_item(const char **cursor, guint limit, gboolean exclusions, RangeSink sink, gpointer into)
{
    gboolean exclude = exclusions && **cursor == '^';
    if (exclude)
        (*cursor)++;
    guint first, last;
    if (!parse_number(cursor, limit, &first))
        return FALSE;
    last = first;
    if (**cursor == '-') {
        (*cursor)++;
        if (!parse_number(cursor, limit, &last) || last < first)
            return FALSE;
    }
    sink(first, last, exclude, into);
    if (**cursor == ',') {
        (*cursor)++;
        return **cursor != '\0';
    }
    return **cursor == '\0';
}

static gboolean
parse_list(const char *what, const char *text, guint limit, gboolean exclusions, RangeSink sink,
           gpointer into, GError **error)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    const char *cursor = stripped;
    while (*cursor != '\0') {
        if (!parse_item(&cursor, limit, exclusions, sink, into)) {
            g_autofree char *shown = g_strescape(stripped, NULL);
            g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                        "%s list \"%.100s\": expected numbers below %u and ranges, as in \"0-3,8\"",
                        what, shown, limit);
            return FALSE;
        }
    }
    return TRUE;
}

typedef gboolean (*Membership)(const void *set, guint id);

static char *
format_list(const void *set, guint limit, Membership has)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < limit; i++) {
        if (!has(set, i))
            continue;
        guint first = i;
        while (i + 1 < limit && has(set, i + 1))
            i++;
        g_string_append_printf(text, "%s%u", text->len > 0 ? "," : "", first);
        if (i > first)
            g_string_append_printf(text, "-%u", i);
    }
    return g_string_free(text, FALSE);
}

static gboolean
nodeset_has(const void *set, guint id)
{
    return (*(const VbNodeSet *)set & VB_NODE_BIT(id)) != 0;
}

static gboolean
cpuset_has(const void *set, guint id)
{
    return vb_cpuset_has(set, id);
}

static void
nodeset_sink(guint first, guint last, gboolean exclude, gpointer into)
{
    for (guint i = first; i <= last; i++)
        *(VbNodeSet *)into |= VB_NODE_BIT(i);
}

typedef struct {
    VbCpuSet in;
    VbCpuSet out;
} CpuSink;

static void
cpuset_sink(guint first, guint last, gboolean exclude, gpointer into)
{
    CpuSink *sink = into;
    for (guint i = first; i <= last; i++)
        vb_cpuset_add(exclude ? &sink->out : &sink->in, i);
}

char *
vb_nodeset_format(VbNodeSet set)
{
    return format_list(&set, VB_NODES_MAX, nodeset_has);
}

gboolean
vb_nodeset_parse(const char *text, VbNodeSet *ret, GError **error)
{
    VbNodeSet set = 0;
    if (!parse_list("node", text, VB_NODES_MAX, FALSE, nodeset_sink, &set, error))
        return FALSE;
    *ret = set;
    return TRUE;
}

guint
vb_nodeset_count(VbNodeSet set)
{
    return (guint)__builtin_popcountll(set);
}

int
vb_nodeset_first(VbNodeSet set)
{
    return set == 0 ? VB_NO_NODE : __builtin_ctzll(set);
}

char *
vb_cpuset_format(const VbCpuSet *set)
{
    return format_list(set, VB_CPUS_MAX, cpuset_has);
}

gboolean
vb_cpuset_parse(const char *text, VbCpuSet *ret, GError **error)
{
    CpuSink sink = {0};
    if (!parse_list("CPU", text, VB_CPUS_MAX, TRUE, cpuset_sink, &sink, error))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(sink.in.word); i++)
        sink.in.word[i] &= ~sink.out.word[i];
    *ret = sink.in;
    return TRUE;
}

void
vb_cpuset_add(VbCpuSet *set, guint cpu)
{
    if (cpu < VB_CPUS_MAX)
        set->word[cpu / 64] |= G_GUINT64_CONSTANT(1) << (cpu % 64);
}

gboolean
vb_cpuset_has(const VbCpuSet *set, guint cpu)
{
    return cpu < VB_CPUS_MAX && (set->word[cpu / 64] >> (cpu % 64) & 1) != 0;
}

guint
vb_cpuset_count(const VbCpuSet *set)
{
    guint count = 0;
    for (guint i = 0; i < G_N_ELEMENTS(set->word); i++)
        count += (guint)__builtin_popcountll(set->word[i]);
    return count;
}

gboolean
vb_cpuset_equal(const VbCpuSet *a, const VbCpuSet *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

gboolean
vb_cpuset_within(const VbCpuSet *inner, const VbCpuSet *outer)
{
    for (guint i = 0; i < G_N_ELEMENTS(inner->word); i++)
        if ((inner->word[i] & ~outer->word[i]) != 0)
            return FALSE;
    return TRUE;
}

VbCpuSet
vb_cpuset_and(const VbCpuSet *a, const VbCpuSet *b)
{
    VbCpuSet both;
    for (guint i = 0; i < G_N_ELEMENTS(both.word); i++)
        both.word[i] = a->word[i] & b->word[i];
    return both;
}

VbCpuSet
vb_cpuset_or(const VbCpuSet *a, const VbCpuSet *b)
{
    VbCpuSet either;
    for (guint i = 0; i < G_N_ELEMENTS(either.word); i++)
        either.word[i] = a->word[i] | b->word[i];
    return either;
}

VbCpuSet
vb_cpuset_minus(const VbCpuSet *a, const VbCpuSet *b)
{
    VbCpuSet rest;
    for (guint i = 0; i < G_N_ELEMENTS(rest.word); i++)
        rest.word[i] = a->word[i] & ~b->word[i];
    return rest;
}
