/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/damon.h"
#include "act/lock.h"
#include <vmbalancer/error.h>

#define ADMIN "/sys/kernel/mm/damon/admin/kdamonds/"
#define CONTEXT "0/contexts/0/"
#define SCHEME CONTEXT "schemes/0/"
/* Nobody else looks each 5,021 us: by that a thread is known to be ours. The other two are DAMON's own. */
#define SAMPLE_US "5021"
#define AGGREGATE_US "100420"
#define UPDATE_US "1000000"
/* What is looked at each time: one page of each part, however large the guest is. */
#define REGIONS_MIN "32"
#define REGIONS_MAX "256"
/* The host's list has a lock of its own: no guest has this UUID. */
#define NOBODY "00000000-0000-0000-0000-000000000001"
#define NAP_NS G_GINT64_CONSTANT(100000000)

static gboolean
put(const VbDamon *damon, const char *file, const char *text, GError **error)
{
    g_autofree char *path = g_strconcat(ADMIN, file, NULL);
    return damon->kernel->ops->write(damon->kernel, path, text, error);
}

static gboolean
put_number(const VbDamon *damon, const char *folder, guint index, const char *file, guint64 number,
           GError **error)
{
    g_autofree char *path = g_strdup_printf("%s%u/%s", folder, index, file);
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    return put(damon, path, text, error);
}

/* --- whose it is ---------------------------------------------------------------------------- */

static gboolean
is_ours(const VbDamon *damon)
{
    g_autofree char *sample = vb_kernel_read_line(
        damon->kernel, ADMIN CONTEXT "monitoring_attrs/intervals/sample_us", NULL);
    return g_strcmp0(sample, SAMPLE_US) == 0;
}

static void
put_away(const VbDamon *damon)
{
    g_autoptr(GError) error = NULL;
    put(damon, "0/state", "off", NULL);
    if (!put(damon, "nr_kdamonds", "0", &error))
        g_warning("DAMON was left on: %s", error->message);
}

/* Who has the lock is the only one of us: a thread of ours that is there then has nobody. */
static gboolean
begin(const VbDamon *damon, GError **error)
{
    guint64 threads = 0;
    if (!vb_kernel_read_number(damon->kernel, ADMIN "nr_kdamonds", &threads, error)) {
        if (error != NULL && g_error_matches(*error, VB_ERROR, VB_ERROR_NO_GUEST))
            (*error)->code = VB_ERROR_UNSUPPORTED;
        return FALSE;
    }
    if (threads > 0 && !is_ours(damon)) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "somebody else uses DAMON on this host (nr_kdamonds is %" G_GUINT64_FORMAT "), which "
                    "cannot be shared: end that, or do without the hot parts first",
                    threads);
        return FALSE;
    }
    if (threads > 0)
        put_away(damon);
    return put(damon, "nr_kdamonds", "1", error);
}

/* --- what it is to watch -------------------------------------------------------------------- */

static gboolean
set_ranges(const VbDamon *damon, int pid, const VbRange *ranges, guint n_ranges, GError **error)
{
    static const char regions[] = CONTEXT "targets/0/regions/";
    g_autofree char *count = g_strdup_printf("%u", n_ranges);
    if (!put(damon, CONTEXT "targets/nr_targets", "1", error) ||
        !put_number(damon, CONTEXT "targets/", 0, "pid_target", (guint64)pid, error) ||
        !put(damon, CONTEXT "targets/0/regions/nr_regions", count, error))
        return FALSE;
    for (guint i = 0; i < n_ranges; i++)
        if (!put_number(damon, regions, i, "start", ranges[i].start, error) ||
            !put_number(damon, regions, i, "end", ranges[i].end, error))
            return FALSE;
    return TRUE;
}

/* Fixed ranges, and a scheme that does nothing with any of them but tell. */
static gboolean
set_up(const VbDamon *damon, GError **error)
{
    static const struct {
        const char *file, *text;
    } settings[] = {
        {"0/contexts/nr_contexts", "1"},
        {CONTEXT "operations", "fvaddr"},
        {CONTEXT "monitoring_attrs/intervals/sample_us", SAMPLE_US},
        {CONTEXT "monitoring_attrs/intervals/aggr_us", AGGREGATE_US},
        {CONTEXT "monitoring_attrs/intervals/update_us", UPDATE_US},
        {CONTEXT "monitoring_attrs/nr_regions/max", REGIONS_MAX},
        {CONTEXT "monitoring_attrs/nr_regions/min", REGIONS_MIN},
        {CONTEXT "schemes/nr_schemes", "1"},
        {SCHEME "action", "stat"},
        {SCHEME "access_pattern/sz/max", "18446744073709551615"},
        {SCHEME "access_pattern/nr_accesses/max", "4294967295"},
        {SCHEME "access_pattern/age/max", "4294967295"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(settings); i++)
        if (!put(damon, settings[i].file, settings[i].text, error))
            return FALSE;
    return TRUE;
}

static gboolean
wait_for(const VbDamon *damon, gint64 duration_ns, GCancellable *cancellable, GError **error)
{
    for (gint64 left = duration_ns; left > 0; left -= NAP_NS) {
        if (g_cancellable_is_cancelled(cancellable)) {
            g_set_error(error, VB_ERROR, VB_ERROR_CANCELLED, "cancelled");
            return FALSE;
        }
        damon->kernel->ops->sleep_ns(damon->kernel, MIN(left, NAP_NS));
    }
    return TRUE;
}

/* --- what it saw ---------------------------------------------------------------------------- */

static gint
compare_heat(gconstpointer a, gconstpointer b)
{
    const VbHeat *left = a, *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

static gboolean
read_part(const VbDamon *damon, const char *name, const char *file, guint64 *ret)
{
    g_autofree char *path = g_strconcat(ADMIN SCHEME "tried_regions/", name, "/", file, NULL);
    return vb_kernel_read_number(damon->kernel, path, ret, NULL);
}

static GArray *
read_heat(const VbDamon *damon, GError **error)
{
    if (!put(damon, "0/state", "update_schemes_tried_regions", error))
        return NULL;
    g_auto(GStrv) names =
        damon->kernel->ops->list(damon->kernel, ADMIN SCHEME "tried_regions", error);
    if (names == NULL)
        return NULL;
    GArray *heat = g_array_new(FALSE, FALSE, sizeof(VbHeat));
    for (guint i = 0; names[i] != NULL; i++) {
        VbHeat part;
        /* Beside the parts there is a sum. */
        if (!g_ascii_isdigit(*names[i]) || !read_part(damon, names[i], "start", &part.start) ||
            !read_part(damon, names[i], "end", &part.end) || part.start >= part.end ||
            !read_part(damon, names[i], "nr_accesses", &part.accesses))
            continue;
        g_array_append_val(heat, part);
    }
    g_array_sort(heat, compare_heat);
    return heat;
}

GArray *
vb_damon_watch(const VbDamon *damon, int pid, const VbRange *ranges, guint n_ranges,
               gint64 duration_ns, GCancellable *cancellable, GError **error)
{
    GArray *heat = NULL;
    g_autoptr(VbLock) lock = vb_lock_wait(damon->state_dir, NOBODY, "DAMON", error);
    if (lock == NULL || !begin(damon, error))
        return NULL;
    if (set_up(damon, error) && set_ranges(damon, pid, ranges, n_ranges, error) &&
        put(damon, "0/state", "on", error) && wait_for(damon, duration_ns, cancellable, error))
        heat = read_heat(damon, error);
    put_away(damon);
    return heat;
}
