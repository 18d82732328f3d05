/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/faults.h"
#include "observe/number.h"
#include <string.h>

/* Some 60 lines, and one of at most 120 bytes for each node. */
#define SCHED_MAX (32 * 1024)
/* What the lines begin with; too long for a thread's name, which may have newlines. */
#define NAME "numa_faults "
#define LINE NAME "node="

/* The numbers of a line, by the words before them. */
enum { NODE, PRIVATE, SHARED, NUMBERS };

static const char *const words[NUMBERS] = {"node=", "task_private=", "task_shared="};

/* Returns: FALSE if the word is one of those looked for, but makes no sense. */
static gboolean
take_word(const char *word, guint64 *value, gboolean *seen)
{
    for (guint i = 0; i < NUMBERS; i++) {
        if (!g_str_has_prefix(word, words[i]))
            continue;
        if (seen[i] || !vb_number_parse(word + strlen(words[i]), &value[i]))
            return FALSE;
        seen[i] = TRUE;
    }
    return TRUE;
}

static gboolean
parse_line(const char *line, VbFaults *faults)
{
    guint64 value[NUMBERS];
    gboolean seen[NUMBERS] = {FALSE};
    g_auto(GStrv) parts = g_strsplit(line + strlen(NAME), " ", -1);
    for (guint i = 0; parts[i] != NULL; i++)
        if (!take_word(parts[i], value, seen))
            return FALSE;
    if (!seen[NODE] || !seen[PRIVATE] || !seen[SHARED] || value[NODE] >= VB_NODES_MAX ||
        (faults->nodes & VB_NODE_BIT(value[NODE])) != 0)
        return FALSE;
    faults->nodes |= VB_NODE_BIT(value[NODE]);
    faults->private_pages[value[NODE]] = value[PRIVATE];
    faults->shared_pages[value[NODE]] = value[SHARED];
    return TRUE;
}

gboolean
vb_faults_parse(const char *text, gsize length, VbFaults *ret, GError **error)
{
    VbFaults faults = {.nodes = 0};
    for (gsize at = 0; at < length;) {
        const char *newline = memchr(text + at, '\n', length - at);
        gsize size = newline != NULL ? (gsize)(newline - text) - at : length - at;
        g_autofree char *line = g_strndup(text + at, size);
        at += size + 1;
        if (!g_str_has_prefix(line, LINE))
            continue;
        /* A line that is cut off may have lost digits. */
        if (newline == NULL || strlen(line) != size || !parse_line(line, &faults)) {
            vb_number_invalid(error, "sched", line, "a whole line on the faults of a node");
            return FALSE;
        }
    }
    *ret = faults;
    return TRUE;
}

VbFaultsProbe
vb_faults_probe(VbKernel *kernel)
{
    VbFaults faults;
    g_autofree char *text = NULL;
    gsize length = 0;
    if (!kernel->ops->read(kernel, "/proc/self/sched", SCHED_MAX, &text, &length, NULL))
        return VB_FAULTS_NO_FILE;
    if (!vb_faults_parse(text, length, &faults, NULL))
        return VB_FAULTS_STRANGE;
    return faults.nodes != 0 ? VB_FAULTS_TOLD : VB_FAULTS_NO_COUNTS;
}

static void
read_thread(VbKernel *kernel, int pid, VbNodeSet nodes, VbVcpuSight *vcpu)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/sched", pid, vcpu->tid);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    VbFaults faults;
    if (!kernel->ops->read(kernel, path, SCHED_MAX, &text, &length, &error) ||
        !vb_faults_parse(text, length, &faults, &error)) {
        g_debug("%s: %s", path, error->message);
        return;
    }
    vcpu->faults_known = faults.nodes != 0;
    int node;
    VB_NODESET_FOREACH(node, nodes)
    {
        vcpu->private_faults[node] = faults.private_pages[node];
        vcpu->shared_faults[node] = faults.shared_pages[node];
    }
}

void
vb_faults_read(VbKernel *kernel, VbNodeSet nodes, VbGuestSight *sight)
{
    for (guint i = 0; i < sight->vcpus->len; i++) {
        VbVcpuSight *vcpu = g_ptr_array_index(sight->vcpus, i);
        if (vcpu->tid != 0)
            read_thread(kernel, sight->facts->pid, nodes, vcpu);
    }
}
