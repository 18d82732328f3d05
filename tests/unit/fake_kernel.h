/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"

G_BEGIN_DECLS

/*
 * A kernel for tests: files that the test writes, processes whose pages it lays out, a clock that
 * moves by sleeping and by the cost of calls only. Its move_pages follows Linux 6.1 mm/migrate.c:
 * pages are listed until one that cannot be listed makes it flush; a page of a flush that does not
 * go ends the call with a positive result and that flush's status slots unset.
 */
typedef struct FakeKernel FakeKernel;
typedef struct FakeProcess FakeProcess;

/** Called before each move_pages call that moves; @call counts from 1. */
typedef void (*FakeHook)(FakeKernel *fake, guint64 call, gpointer user_data);

struct FakeKernel {
    VbKernel kernel;           /**< first: a FakeKernel is a VbKernel */
    gint64 now_ns;
    gint64 call_ns;            /**< a moving call takes so long, */
    gint64 page_ns;            /**< and this for each page of 4 KiB that it moves */
    int query_error;           /**< -errno that each asking call answers, 0 = none */
    int move_error;            /**< the same of each moving call */
    int affinity_error;        /**< the same of each call that sets an affinity */
    guint64 room[VB_NODES_MAX];/**< bytes that each node still takes; without limit at first */
    VbNodeSet online;          /**< nodes that exist; at first 0-3 */
    guint64 queries, moves;    /**< calls so far */
    guint64 pages_asked;
    gulong largest_query, largest_move;
    FakeHook hook;
    gpointer hook_data;
    /** (nullable): what a write to a file does, in place of the text being the file's from then on. */
    gboolean (*written)(FakeKernel *fake, const char *path, const char *text, GError **error);
    GHashTable *files;         /* path -> GBytes */
    GHashTable *links;         /* path -> target */
    GHashTable *denied;        /* paths that answer EACCES */
    GHashTable *affinities;    /* tid -> VbCpuSet */
    GHashTable *processes;     /* pid -> FakeProcess that has that PID now */
    GHashTable *pidfds;        /* fd -> FakeProcess */
    GPtrArray *all_processes;
};

FakeKernel *fake_kernel_new(void);
void fake_kernel_free(FakeKernel *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeKernel, fake_kernel_free)

/** @length: -1 = up to the NUL */
void fake_kernel_write(FakeKernel *fake, const char *path, const char *text, gssize length);
void fake_kernel_link(FakeKernel *fake, const char *path, const char *target);
/** Reading, opening and following @path answers EACCES from now on. */
void fake_kernel_deny(FakeKernel *fake, const char *path);
void fake_kernel_remove(FakeKernel *fake, const char *path);
void fake_kernel_set_affinity(FakeKernel *fake, int tid, const VbCpuSet *set);

/**
 * Adds a running process, with /proc/PID/{stat,exe,cmdline}; one that had that PID ends.
 * @exe: where exe points; @cmdline: arguments apart by spaces
 * Returns: (transfer none)
 */
FakeProcess *fake_kernel_start(FakeKernel *fake, int pid, guint64 start_time, const char *exe,
                               const char *cmdline);
/** Ends it: its files are gone, its pidfd readable. */
void fake_process_end(FakeProcess *process);
/** Its state in /proc/PID/stat, such as 'T'. */
void fake_process_set_state(FakeProcess *process, char state);

/** Maps @count pages, all on @node (or absent: -ENOENT, zero page: -EFAULT). */
void fake_process_map(FakeProcess *process, guint64 start, guint64 page_size, guint count,
                      int node);
/** Node of a page, or its -errno; -EFAULT outside every mapping. */
int fake_process_node(const FakeProcess *process, guint64 address);
void fake_process_place(FakeProcess *process, guint64 address, int node);
/** It never goes: a call that tries fails as a whole. */
void fake_process_pin(FakeProcess *process, guint64 address);
/** Another process maps it too: -EACCES without MPOL_MF_MOVE_ALL. */
void fake_process_share(FakeProcess *process, guint64 address);
/** It answers -EBUSY the next @times times. */
void fake_process_busy(FakeProcess *process, guint64 address, guint times);
/** The 512 small pages from @address on are one transparent hugepage. */
void fake_process_join(FakeProcess *process, guint64 address);
/** Bytes of its pages on @node. */
guint64 fake_process_bytes_on(const FakeProcess *process, int node);

/** Shared by fake_kernel.c and fake_pages.c: move_pages(2) of the fake. */
long fake_kernel_move_pages(VbKernel *kernel, int pid, gulong count, void **pages,
                            const int *nodes, int *status, int flags);
FakeProcess *fake_process_new(FakeKernel *fake, int pid, guint64 start_time);
void fake_process_free(FakeProcess *process);
gboolean fake_process_has_ended(const FakeProcess *process);

G_END_DECLS
