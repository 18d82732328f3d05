/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/*
 * The kernel as vmbalancer sees it: every syscall, every /proc and /sys file and every clock goes
 * through this table, so that a test can put a fake or a captured host in its place.
 */

/** The identity of a process: a PID alone may be reused. */
typedef struct {
    int pid;
    guint64 start_time; /**< field 22 of /proc/PID/stat, clock ticks since boot */
} VbProcess;

typedef struct VbKernel VbKernel;

typedef struct {
    /**
     * Reads a whole file of /proc or /sys. @path is absolute; @limit bounds its size in bytes.
     * Errors: VB_ERROR_NO_GUEST for ENOENT/ESRCH, VB_ERROR_DENIED for EACCES/EPERM,
     * VB_ERROR_INVALID over the limit, else VB_ERROR_FAILED. The text ends with a NUL of its own.
     */
    gboolean (*read)(VbKernel *kernel, const char *path, gsize limit, char **ret_text,
                     gsize *ret_length, GError **error);
    /** Names in a folder, sorted, without "." and "..". Returns: (transfer full). */
    GStrv (*list)(VbKernel *kernel, const char *path, GError **error);
    /** Returns: (transfer full): where a link points. */
    char *(*readlink)(VbKernel *kernel, const char *path, GError **error);
    /** move_pages(2). Returns: its result, or -errno. @nodes NULL only asks. */
    long (*move_pages)(VbKernel *kernel, int pid, gulong count, void **pages, const int *nodes,
                       int *status, int flags);
    /** sched_getaffinity(2). Returns: 0 or -errno. */
    int (*get_affinity)(VbKernel *kernel, int tid, VbCpuSet *ret);
    /** sched_setaffinity(2). Returns: 0 or -errno. */
    int (*set_affinity)(VbKernel *kernel, int tid, const VbCpuSet *cpus);
    /** CLOCK_MONOTONIC. */
    gint64 (*now_ns)(VbKernel *kernel);
    void (*sleep_ns)(VbKernel *kernel, gint64 duration_ns);
    /** Opens a file for reading. Errors as `read`. Returns: a file descriptor, -1 with @error. */
    int (*open)(VbKernel *kernel, const char *path, GError **error);
    /**
     * Writes @text to a file of /sys, with one write(2); NULL writes nothing and only asks whether that
     * would be let. Errors as `read`.
     */
    gboolean (*write)(VbKernel *kernel, const char *path, const char *text, GError **error);
    /** pidfd_open(2). Returns: a file descriptor, to close with close(2), or -errno. */
    int (*open_process)(VbKernel *kernel, int pid);
    /** TRUE once the process behind a descriptor of `open_process` has ended. */
    gboolean (*process_ended)(VbKernel *kernel, int pidfd);
    /** pidfd_getfd(2): what the process has open as @fd. Returns: a descriptor of our own, or -errno. */
    int (*take_file)(VbKernel *kernel, int pidfd, int fd);
    /** A cheaper vb_process_alive(), for which it is called; NULL if there is none. */
    gboolean (*process_alive)(VbKernel *kernel, const VbProcess *process);
} VbKernelOps;

/** A kernel: fakes embed it first in a struct of their own. */
struct VbKernel {
    const VbKernelOps *ops;
};

/** Returns: (transfer none): the real kernel. */
VbKernel *vb_kernel_real(void);

/**
 * A host captured as a folder tree ("ROOT/sys/devices/system/node/..."), whose files are read from
 * there; syscalls answer -ENOSYS.
 * Returns: (transfer full), to free with vb_kernel_captured_free().
 */
VbKernel *vb_kernel_captured_new(const char *root);
void vb_kernel_captured_free(VbKernel *kernel);

/**
 * @kernel, but with the files that each look reads (stat, schedstat and cgroup of processes and
 * threads, numa_stat of cgroups) kept open, and read from their start: a third of the time. A file
 * whose process or thread ended, or whose cgroup is gone, is opened anew. Whether a process lives is asked of a pidfd
 * that is kept for it, a tenth of the time. Safe to use from several
 * threads.
 * @kernel: borrowed as long as the result lives
 * @most: files kept open, those used last; 0 = half of what the process may open
 * Returns: (transfer full), to free with vb_kernel_kept_free().
 */
VbKernel *vb_kernel_kept_new(VbKernel *kernel, guint most);
/** Files that are open now. */
guint vb_kernel_kept_count(VbKernel *kernel);
void vb_kernel_kept_free(VbKernel *kernel);

/** Reads a file as one line without its newline. Errors as `read`. Returns: (transfer full). */
char *vb_kernel_read_line(VbKernel *kernel, const char *path, GError **error);
/** Reads a decimal number. VB_ERROR_INVALID if it is none. */
gboolean vb_kernel_read_number(VbKernel *kernel, const char *path, guint64 *ret, GError **error);

/** What a stat file of a process (/proc/PID/stat) or thread (/proc/PID/task/TID/stat) says. */
typedef struct {
    char state;          /**< field 3: "RSDZTtXI..." */
    guint64 start_time;  /**< field 22, clock ticks since boot */
    int last_cpu;        /**< field 39, CPU that it last ran on */
} VbProcessStat;

/**
 * Parses the text of a stat file; the name in it may hold spaces, parentheses and newlines.
 * Returns: FALSE if it is no such text; @ret is then untouched.
 */
gboolean vb_process_parse_stat(const char *text, gsize length, VbProcessStat *ret);
/** Reads and parses /proc/PID/stat. Errors as `read`, VB_ERROR_INVALID for another text. */
gboolean vb_process_stat(VbKernel *kernel, int pid, VbProcessStat *ret, GError **error);
/**
 * Identity of a running process. VB_ERROR_NO_GUEST if there is none of that PID.
 */
gboolean vb_process_identify(VbKernel *kernel, int pid, VbProcess *ret, GError **error);
/** TRUE as long as that very process lives (a zombie does not). */
gboolean vb_process_alive(VbKernel *kernel, const VbProcess *process);

G_END_DECLS
