/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-move WRITER MIB ROUNDS SECONDS [WHAT]: moves the RAM of processes that stand in for guests from node 0 to node 1,
 * in each way there is, in random order, each time with a new process. Begins no round that, as long as the one before,
 * would end later than after SECONDS. Prints a line of JSON for each run; move-table makes a table of them.
 * Runs inside the lab, as root.
 */
#include "run.h"
#include <stdlib.h>
#include <string.h>

static void
tell(const char *what, const char *kind, const char *way, guint round, const Run *run)
{
    g_print("{\"what\": \"%s\", \"kind\": \"%s\", \"way\": \"%s\", \"round\": %u, \"bytes\": %" G_GUINT64_FORMAT
            ", \"arrived\": %" G_GUINT64_FORMAT ", \"huge\": %" G_GUINT64_FORMAT
            ", \"seconds\": %.6f, \"write_ms\": %.3f, \"slow_ms\": %.3f, \"map_ms\": %.3f, \"end\": \"%s\"}\n",
            what, kind, way, round, run->bytes, run->arrived, run->huge_bytes, (double)run->duration_ns / 1e9,
            (double)run->write_ns / 1e6, (double)run->slow_ns / 1e6, (double)run->map_ns / 1e6, run->end);
}

/* What is measured: one run of each in a round. */
typedef struct {
    const char *what, *kind, *way;
    RunSetup setup;
    RunFunc move;
    guint64 rate;
} Case;

#define MIB_PER_S(n) ((guint64)(n) << 20)

static const Case cases[] = {
    {"engine", "4k", "mover", {"4k", "0", 0}, run_mover, 0},
    {"engine", "4k", "migrate_pages", {"4k", "0", 0}, run_migrate_pages, 0},
    {"engine", "4k", "cpuset", {"4k", "0", 0}, run_cpuset, 0},
    {"engine", "4k", "two movers", {"4k", "0", 0, 2}, run_mover, 0},
    {"engine", "4k", "nothing", {"4k", "0", 0}, run_nothing, 0},
    {"engine", "thp", "mover", {"thp", "0", 0}, run_mover, 0},
    {"engine", "thp", "migrate_pages", {"thp", "0", 0}, run_migrate_pages, 0},
    {"engine", "thp", "cpuset", {"thp", "0", 0}, run_cpuset, 0},
    {"engine", "memfd", "mover", {"memfd", "0", 0}, run_mover, 0},
    {"engine", "memfd", "migrate_pages", {"memfd", "0", 0}, run_migrate_pages, 0},
    {"engine", "memfd", "cpuset", {"memfd", "0", 0}, run_cpuset, 0},
    {"alternating", "4k", "mover", {"4k", "0,1", 0}, run_mover, 0},
    {"alternating", "4k", "naive list", {"4k", "0,1", 0}, run_naive, 0},
    {"pinned 1 %", "4k", "mover", {"4k", "0", 100}, run_mover, 0},
    {"pinned 1 %", "4k", "naive list", {"4k", "0", 100}, run_naive, 0},
    {"pinned 1 %", "4k", "migrate_pages", {"4k", "0", 100}, run_migrate_pages, 0},
    {"rate", "4k", "8 MiB/s", {"4k", "0", 0}, run_mover, MIB_PER_S(8)},
    {"rate", "4k", "16 MiB/s", {"4k", "0", 0}, run_mover, MIB_PER_S(16)},
    {"rate", "4k", "32 MiB/s", {"4k", "0", 0}, run_mover, MIB_PER_S(32)},
    {"rate", "4k", "64 MiB/s", {"4k", "0", 0}, run_mover, MIB_PER_S(64)},
    {"rate", "4k", "128 MiB/s", {"4k", "0", 0}, run_mover, MIB_PER_S(128)},
    {"rate", "4k", "max", {"4k", "0", 0}, run_mover, 0},
    {"rate", "thp", "16 MiB/s", {"thp", "0", 0}, run_mover, MIB_PER_S(16)},
    {"rate", "thp", "64 MiB/s", {"thp", "0", 0}, run_mover, MIB_PER_S(64)},
    {"rate", "thp", "256 MiB/s", {"thp", "0", 0}, run_mover, MIB_PER_S(256)},
    {"rate", "thp", "max", {"thp", "0", 0}, run_mover, 0},
    {"full target", "4k", "mover", {"4k", "0", 0, 1, TRUE}, run_mover, 0},
    {"wrong cpuset", "4k", "mover", {"4k", "0", 0, 1, FALSE, TRUE}, run_mover, 0},
};

static void
shuffle(GRand *rand, guint *order, guint count)
{
    for (guint i = count; i > 1; i--) {
        guint other = (guint)g_rand_int_range(rand, 0, (gint32)i), kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

/* Each case once. Returns: how many could not be measured. */
static guint
run_round(char **argv, guint round, GRand *rand)
{
    guint order[G_N_ELEMENTS(cases)], failed = 0;
    guint64 bytes = g_ascii_strtoull(argv[2], NULL, 10) << 20;
    Run run = {.end = ""};
    run_copy_limit(bytes, &run);
    tell("copy", "", "limit", round, &run);
    for (guint i = 0; i < G_N_ELEMENTS(order); i++)
        order[i] = i;
    shuffle(rand, order, G_N_ELEMENTS(order));
    for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
        const Case *one = &cases[order[i]];
        if (argv[5] != NULL && !g_str_equal(argv[5], one->what))
            continue;
        run = (Run){.end = "", .rate_bytes_per_s = one->rate};
        if (run_one(argv[1], bytes, &one->setup, one->move, &run)) {
            tell(one->what, one->kind, one->way, round, &run);
            continue;
        }
        g_printerr("%s, %s, %s: failed: %s\n", one->what, one->kind, one->way, run.end);
        failed++;
    }
    return failed;
}

int
main(int argc, char **argv)
{
    g_autoptr(GRand) rand = g_rand_new();
    if (argc < 5) {
        g_printerr("usage: %s WRITER MIB ROUNDS SECONDS [WHAT]\n", argv[0]);
        return 2;
    }
    guint64 rounds = g_ascii_strtoull(argv[3], NULL, 10);
    gint64 until_us = g_get_monotonic_time() + g_ascii_strtoll(argv[4], NULL, 10) * G_USEC_PER_SEC;
    gint64 took_us = 0;
    guint failed = 0;
    for (guint round = 1; round <= rounds && g_get_monotonic_time() + took_us < until_us; round++) {
        gint64 begun_us = g_get_monotonic_time();
        failed += run_round(argv, round, rand);
        took_us = g_get_monotonic_time() - begun_us;
    }
    return failed > 0;
}
