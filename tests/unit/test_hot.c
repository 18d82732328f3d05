/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hot parts of RAM first: what DAMON is told, what is left of it, and which parts stand out. */
#include "act/hot.h"
#include "fake_kernel.h"
#include <glib/gstdio.h>
#include <string.h>
#include <vmbalancer/error.h>

#define ADMIN "/sys/kernel/mm/damon/admin/kdamonds/"
#define REGIONS ADMIN "0/contexts/0/schemes/0/tried_regions/"
#define SAMPLE ADMIN "0/contexts/0/monitoring_attrs/intervals/sample_us"
#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define SECOND G_GINT64_CONSTANT(1000000000)

/* --- DAMON, as far as it shows in /sys ------------------------------------------------------ */

/* What may be written once there is a thread. */
static const char *const files[] = {
    "0/state", "0/contexts/nr_contexts", "0/contexts/0/operations",
    "0/contexts/0/monitoring_attrs/intervals/sample_us",
    "0/contexts/0/monitoring_attrs/intervals/aggr_us",
    "0/contexts/0/monitoring_attrs/intervals/update_us",
    "0/contexts/0/monitoring_attrs/nr_regions/min", "0/contexts/0/monitoring_attrs/nr_regions/max",
    "0/contexts/0/targets/nr_targets", "0/contexts/0/targets/0/pid_target",
    "0/contexts/0/targets/0/regions/nr_regions", "0/contexts/0/targets/0/regions/0/start",
    "0/contexts/0/targets/0/regions/0/end", "0/contexts/0/schemes/nr_schemes",
    "0/contexts/0/schemes/0/action", "0/contexts/0/schemes/0/access_pattern/sz/max",
    "0/contexts/0/schemes/0/access_pattern/nr_accesses/max",
    "0/contexts/0/schemes/0/access_pattern/age/max",
};

typedef struct {
    FakeKernel *fake;
    char *dir;
    VbDamon damon;
    gboolean on, told;
    const char *refused; /* a file that it will not take */
    guint watched;       /* times that it was on */
    VbHeat heat[4];
} Stage;

static Stage *stage; /* the fake's hook has no user data */

static void
show(const char *path, guint64 number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT "\n", number);
    fake_kernel_write(stage->fake, path, text, -1);
}

static void
set_threads(gboolean there)
{
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = g_strconcat(ADMIN, files[i], NULL);
        if (there)
            fake_kernel_write(stage->fake, path, "", -1);
        else
            fake_kernel_remove(stage->fake, path);
    }
    show(ADMIN "nr_kdamonds", there);
}

static void
tell_regions(void)
{
    show(REGIONS "total_bytes", 4096);
    for (guint i = 0; i < G_N_ELEMENTS(stage->heat); i++) {
        const VbHeat *part = &stage->heat[i];
        g_autofree char *start = g_strdup_printf(REGIONS "%u/start", i);
        g_autofree char *end = g_strdup_printf(REGIONS "%u/end", i);
        g_autofree char *accesses = g_strdup_printf(REGIONS "%u/nr_accesses", i);
        show(start, part->start);
        show(end, part->end);
        show(accesses, part->accesses);
    }
}

static gboolean
written(FakeKernel *fake, const char *path, const char *text, GError **error)
{
    if (stage->refused != NULL && g_str_has_suffix(path, stage->refused)) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "cannot write %s", path);
        return FALSE;
    }
    fake_kernel_write(fake, path, text, -1);
    if (g_str_has_suffix(path, "/nr_kdamonds")) {
        stage->on = FALSE;
        set_threads(*text == '1');
    } else if (g_str_has_suffix(path, "/state") && g_str_equal(text, "update_schemes_tried_regions")) {
        stage->told = stage->on;
        tell_regions();
    } else if (g_str_has_suffix(path, "/state")) {
        stage->on = g_str_equal(text, "on");
        stage->watched += stage->on;
    }
    return TRUE;
}

static void
stage_begin(Stage *self)
{
    *self = (Stage){.fake = fake_kernel_new(), .dir = g_dir_make_tmp("vmbalancer-hot-XXXXXX", NULL)};
    stage = self;
    self->fake->written = written;
    self->damon = (VbDamon){&self->fake->kernel, self->dir};
    for (guint i = 0; i < 4; i++)
        self->heat[i] = (VbHeat){(100 + 10 * i) * MIB, (110 + 10 * i) * MIB, i == 2 ? 18 : 1};
    show(ADMIN "nr_kdamonds", 0);
}

static void
stage_end(Stage *self)
{
    g_autoptr(GDir) dir = g_dir_open(self->dir, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(self->dir, name, NULL);
        g_remove(path);
    }
    g_rmdir(self->dir);
    g_free(self->dir);
    fake_kernel_free(self->fake);
}

static GArray *
watch(Stage *self, GCancellable *cancellable, GError **error)
{
    VbRange range = {100 * MIB, 140 * MIB, 4096};
    return vb_damon_watch(&self->damon, 77, &range, 1, 2 * SECOND, cancellable, error);
}

static char *
shown(const char *path)
{
    return vb_kernel_read_line(&stage->fake->kernel, path, NULL);
}

static void
it_is_asked_and_put_away(void)
{
    Stage self;
    stage_begin(&self);
    gint64 begun_ns = self.fake->now_ns;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) heat = watch(&self, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(self.told);
    g_assert_cmpint(self.fake->now_ns - begun_ns, ==, 2 * SECOND);
    g_assert_cmpuint(heat->len, ==, 4);
    for (guint i = 0; i < 4; i++)
        g_assert_cmpmem(&g_array_index(heat, VbHeat, i), sizeof(VbHeat), &self.heat[i], sizeof(VbHeat));
    g_autofree char *threads = shown(ADMIN "nr_kdamonds");
    g_assert_cmpstr(threads, ==, "0");
    g_assert_false(self.on);
    stage_end(&self);
}

static void
where_somebody_uses_it_it_is_left_alone(void)
{
    Stage self;
    stage_begin(&self);
    set_threads(TRUE);
    fake_kernel_write(self.fake, SAMPLE, "5000\n", -1);
    self.on = TRUE;
    g_autoptr(GError) error = NULL;
    g_assert_null(watch(&self, NULL, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, "somebody else uses DAMON"));
    g_assert_true(self.on);
    g_autofree char *threads = shown(ADMIN "nr_kdamonds");
    g_assert_cmpstr(threads, ==, "1");
    stage_end(&self);
}

static void
what_a_killed_run_left_is_ended(void)
{
    Stage self;
    stage_begin(&self);
    set_threads(TRUE);
    fake_kernel_write(self.fake, SAMPLE, "5021\n", -1);
    self.on = TRUE;
    g_autoptr(GArray) heat = watch(&self, NULL, NULL);
    g_assert_nonnull(heat);
    g_assert_cmpuint(self.watched, ==, 1);
    g_assert_false(self.on);
    stage_end(&self);
}

static void
whatever_fails_nothing_is_left(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        Stage self;
        stage_begin(&self);
        self.refused = files[i];
        g_autoptr(GError) error = NULL;
        g_assert_null(watch(&self, NULL, &error));
        g_assert_nonnull(strstr(error->message, files[i]));
        g_autofree char *threads = shown(ADMIN "nr_kdamonds");
        g_assert_cmpstr(threads, ==, "0");
        stage_end(&self);
    }
}

static void
a_cancel_ends_it(void)
{
    Stage self;
    stage_begin(&self);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    g_cancellable_cancel(cancellable);
    g_assert_null(watch(&self, cancellable, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CANCELLED);
    g_assert_cmpuint(self.watched, ==, 1);
    g_assert_false(self.on);
    stage_end(&self);
}

static void
a_kernel_without_it_is_told(void)
{
    Stage self;
    stage_begin(&self);
    fake_kernel_remove(self.fake, ADMIN "nr_kdamonds");
    g_autoptr(GError) error = NULL;
    g_assert_null(watch(&self, NULL, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED);
    stage_end(&self);
}

/* --- which parts stand out ------------------------------------------------------------------ */

/* Of 16 parts of 4 MiB from 64 MiB on, in small pages, each with so many accesses as @text has in its place. */
static char *
hot_of(const char *text, guint64 page_size)
{
    g_autoptr(GArray) heat = g_array_new(FALSE, FALSE, sizeof(VbHeat));
    VbRange range = {64 * MIB, 128 * MIB, page_size};
    for (guint i = 0; text[i] != '\0'; i++) {
        VbHeat part = {(64 + 4 * i) * MIB, (68 + 4 * i) * MIB, (guint64)(text[i] - '0')};
        g_array_append_val(heat, part);
    }
    g_autoptr(GArray) hot = vb_hot_ranges(heat, &range, 1);
    GString *said = g_string_new(NULL);
    for (guint i = 0; hot != NULL && i < hot->len; i++) {
        const VbRange *one = &g_array_index(hot, VbRange, i);
        g_assert_cmpuint(one->page_size, ==, page_size);
        g_string_append_printf(said, "%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT " ", one->start / MIB,
                               one->end / MIB);
    }
    return g_string_free(said, FALSE);
}

static void
twice_the_mean_stands_out(void)
{
    static const struct {
        const char *accesses;
        guint64 page_size;
        const char *hot;
    } cases[] = {
        {"0000000000000000", 4096, ""},
        {"9999999999999999", 4096, ""},
        {"9900000000000000", 4096, "64-72 "},
        {"1110000000009111", 4096, "112-116 "},
        {"9999999900000000", 4096, "64-96 "},
        {"9999999990000000", 4096, ""},
        {"0009000009900000", 4096, "76-80 100-108 "},
        {"0000000000000009", 4096, "124-128 "},
        {"0090000000000000", 8 * MIB, "72-80 "},
        {"", 4096, ""},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *hot = hot_of(cases[i].accesses, cases[i].page_size);
        g_assert_cmpstr(hot, ==, cases[i].hot);
    }
}

/* DAMON's parts end anywhere, and may reach beyond what was asked for. */
static void
parts_are_widened_to_hugepages_but_not_beyond_the_range(void)
{
    g_autoptr(GArray) heat = g_array_new(FALSE, FALSE, sizeof(VbHeat));
    const VbRange ranges[] = {{3 * MIB, 9 * MIB, 4096}, {20 * MIB, 60 * MIB, 4096}};
    const VbHeat parts[] = {{1 * MIB, 4 * MIB + 4096, 9}, {4 * MIB + 4096, 21 * MIB, 0},
                            {21 * MIB, 22 * MIB, 9}, {22 * MIB, 70 * MIB, 0}};
    g_array_append_vals(heat, parts, G_N_ELEMENTS(parts));
    g_autoptr(GArray) hot = vb_hot_ranges(heat, ranges, 2);
    g_assert_cmpuint(hot->len, ==, 2);
    g_assert_cmpuint(g_array_index(hot, VbRange, 0).start, ==, 3 * MIB);
    g_assert_cmpuint(g_array_index(hot, VbRange, 0).end, ==, 6 * MIB);
    g_assert_cmpuint(g_array_index(hot, VbRange, 1).start, ==, 20 * MIB);
    g_assert_cmpuint(g_array_index(hot, VbRange, 1).end, ==, 22 * MIB);
}

static void
two_reports_make_one(void)
{
    VbMoveReport hot = {.end = VB_MOVE_STUCK, .bytes_moved = 10, .bytes_left = 99, .bytes_unmovable = 3,
                        .batches = 2, .duration_ns = 5, .longest_batch_ns = 4, .rested = {1, 10}};
    VbMoveReport rest = {.end = VB_MOVE_COMPLETE, .bytes_moved = 30, .bytes_left = 1, .batches = 3,
                         .duration_ns = 7, .longest_batch_ns = 2, .rested = {2, 20}};
    VbMoveReport both = vb_hot_join(&hot, &rest);
    g_assert_cmpint(both.end, ==, VB_MOVE_COMPLETE);
    g_assert_cmpuint(both.bytes_moved, ==, 40);
    g_assert_cmpuint(both.bytes_left, ==, 1);
    g_assert_cmpuint(both.bytes_unmovable, ==, 0);
    g_assert_cmpuint(both.batches, ==, 5);
    g_assert_cmpint(both.duration_ns, ==, 12);
    g_assert_cmpint(both.longest_batch_ns, ==, 4);
    g_assert_cmpint(both.rested.memory_ns, ==, 3);
    g_assert_cmpint(both.rested.cpus_ns, ==, 30);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/damon/asked", it_is_asked_and_put_away);
    g_test_add_func("/damon/others", where_somebody_uses_it_it_is_left_alone);
    g_test_add_func("/damon/left-over", what_a_killed_run_left_is_ended);
    g_test_add_func("/damon/fails", whatever_fails_nothing_is_left);
    g_test_add_func("/damon/cancel", a_cancel_ends_it);
    g_test_add_func("/damon/none", a_kernel_without_it_is_told);
    g_test_add_func("/hot/stands-out", twice_the_mean_stands_out);
    g_test_add_func("/hot/ends", parts_are_widened_to_hugepages_but_not_beyond_the_range);
    g_test_add_func("/hot/reports", two_reports_make_one);
    return g_test_run();
}
