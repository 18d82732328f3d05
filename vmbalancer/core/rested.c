/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/rested.h"

#define TOLD_NS G_GINT64_CONSTANT(1000000000)

char *
vb_rested_text(const VbRested *rested, gint64 duration_ns)
{
    gint64 all_ns = rested->memory_ns + rested->cpus_ns;
    if (all_ns < TOLD_NS)
        return NULL;
    GString *text = g_string_new(NULL);
    g_string_printf(text, "rested %.1f s of %.1f s, as ", (double)all_ns / 1e9, (double)duration_ns / 1e9);
    if (rested->memory_ns > 0)
        g_string_append(text, "the host was short of memory");
    if (rested->memory_ns > 0 && rested->cpus_ns > 0)
        g_string_append_printf(text, " (%.1f s) and ", (double)rested->memory_ns / 1e9);
    if (rested->cpus_ns > 0)
        g_string_append(text, "the guest waited for CPUs");
    if (rested->memory_ns > 0 && rested->cpus_ns > 0)
        g_string_append_printf(text, " (%.1f s)", (double)rested->cpus_ns / 1e9);
    return g_string_free(text, FALSE);
}
