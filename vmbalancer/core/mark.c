/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/mark.h"
#include <string.h>
#include <vmbalancer/topology.h>

VbMark *
vb_mark_new(const char *thread, const char *before, const char *ours, const char *meant)
{
    VbMark *mark = g_new0(VbMark, 1);
    mark->thread = g_strdup(thread);
    mark->before = g_strdup(before);
    mark->ours = g_strdup(ours);
    mark->meant = g_strdup(meant);
    return mark;
}

void
vb_mark_free(VbMark *mark)
{
    if (mark == NULL)
        return;
    g_free(mark->thread);
    g_free(mark->before);
    g_free(mark->ours);
    g_free(mark->meant);
    g_free(mark);
}

static gboolean
names_cpus(const char *text)
{
    VbCpuSet cpus;
    return vb_cpuset_parse(text, &cpus, NULL) && vb_cpuset_count(&cpus) > 0;
}

static gboolean
names_thread(const char *thread)
{
    static const char *const numbered[] = {"vcpu", "iothread"};
    for (guint i = 0; i < G_N_ELEMENTS(numbered); i++)
        if (g_str_has_prefix(thread, numbered[i]))
            return g_ascii_string_to_unsigned(thread + strlen(numbered[i]), 10, 0, G_MAXINT, NULL,
                                              NULL);
    return g_str_equal(thread, "emulator");
}

gboolean
vb_mark_is_valid(const char *thread, const char *before, const char *ours, const char *meant)
{
    return thread != NULL && names_thread(thread) && ours != NULL && names_cpus(ours) &&
           (before == NULL || names_cpus(before)) && (meant == NULL || names_cpus(meant));
}

/* CPU lists are compared as sets: libvirt may write one back in other words. */
static gboolean
same_cpus(const char *a, const char *b)
{
    VbCpuSet left, right;
    return a != NULL && b != NULL && vb_cpuset_parse(a, &left, NULL) &&
           vb_cpuset_parse(b, &right, NULL) && vb_cpuset_equal(&left, &right);
}

gboolean
vb_mark_covers(const VbMark *mark, const char *now)
{
    return mark != NULL && (same_cpus(now, mark->ours) || same_cpus(now, mark->meant));
}

VbMark *
vb_mark_find(const GPtrArray *marks, const char *thread)
{
    for (guint i = 0; i < marks->len; i++) {
        VbMark *mark = g_ptr_array_index(marks, i);
        if (g_str_equal(mark->thread, thread))
            return mark;
    }
    return NULL;
}
