/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fake_kernel.h"
#include <string.h>

/*
 * Pools of hugepages as the kernel keeps them (mm/hugetlb.c, set_max_huge_pages()): one of @fake's nodes
 * grows by no more pages than its memory still gives, and shrinks by free ones alone; what is asked
 * beyond those would become surplus, so that the tests forbid it.
 */
typedef struct {
    FakeKernel *fake;
    guint64 page_kib;
    guint64 total[2], free[2];
    guint64 gives[2];  /**< pages that each node's memory can still be made to */
    guint64 promised;  /**< to mappings, on the host */
    guint writes;
} FakePools;

static FakePools *fake_pools; /* hooks of the fake have no user data */

static inline void
fake_pools_put(FakePools *pools, int node, const char *file, guint64 count)
{
    g_autofree char *dir = node < 0 ? g_strdup("/sys/kernel/mm/hugepages")
                                    : g_strdup_printf("/sys/devices/system/node/node%d/hugepages",
                                                      node);
    g_autofree char *path =
        g_strdup_printf("%s/hugepages-%" G_GUINT64_FORMAT "kB/%s", dir, pools->page_kib, file);
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT "\n", count);
    fake_kernel_write(pools->fake, path, text, -1);
}

/* Lets the files say what the fields do. */
static inline void
fake_pools_show(FakePools *pools)
{
    for (int node = 0; node < 2; node++) {
        fake_pools_put(pools, node, "nr_hugepages", pools->total[node]);
        fake_pools_put(pools, node, "free_hugepages", pools->free[node]);
    }
    fake_pools_put(pools, -1, "nr_hugepages", pools->total[0] + pools->total[1]);
    fake_pools_put(pools, -1, "free_hugepages", pools->free[0] + pools->free[1]);
    fake_pools_put(pools, -1, "resv_hugepages", pools->promised);
}

static inline gboolean
fake_pools_written(FakeKernel *fake, const char *path, const char *text, GError **error)
{
    FakePools *pools = fake_pools;
    guint64 asked = g_ascii_strtoull(text, NULL, 10);
    int node = strstr(path, "node1") != NULL;
    pools->writes++;
    g_assert_true(g_str_has_suffix(path, "/nr_hugepages"));
    if (asked >= pools->total[node]) {
        guint64 more = MIN(asked - pools->total[node], pools->gives[node]);
        pools->total[node] += more;
        pools->free[node] += more;
        pools->gives[node] -= more;
    } else {
        guint64 less = pools->total[node] - asked;
        g_assert_cmpuint(less, <=, pools->free[node]);
        g_assert_cmpuint(less, <=, pools->free[0] + pools->free[1] - pools->promised);
        pools->total[node] -= less;
        pools->free[node] -= less;
        pools->gives[node] += less;
    }
    fake_pools_show(pools);
    return TRUE;
}

/* Pools of those pages on nodes 0 and 1, all of them free. */
static inline void
fake_pools_init(FakePools *pools, FakeKernel *fake, guint64 page_kib, guint64 zero, guint64 one)
{
    *pools = (FakePools){.fake = fake, .page_kib = page_kib, .total = {zero, one},
                         .free = {zero, one}, .gives = {1000, 1000}};
    fake_pools = pools;
    fake->written = fake_pools_written;
    fake_kernel_write(fake, "/proc/sys/kernel/random/boot_id", "boot-one\n", -1);
    fake_pools_show(pools);
}

/* As move_pages() does with free pages of the target: the source's become free. */
static inline void
fake_pools_move(FakePools *pools, int from, int to, guint64 pages)
{
    g_assert_cmpuint(pages, <=, pools->free[to]);
    pools->free[to] -= pages;
    pools->free[from] += pages;
    fake_pools_show(pools);
}

/* Somebody takes free pages, or, below 0, leaves some. */
static inline void
fake_pools_use(FakePools *pools, int node, gint64 pages)
{
    pools->free[node] -= (guint64)pages;
    fake_pools_show(pools);
}
