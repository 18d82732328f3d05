/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/domain.h"
#include <qmp/qmp.h>

G_BEGIN_DECLS

/* What a QEMU says of itself on its own QMP socket: checked for type and range, believed no further. */

/** Most backends of a guest that are looked at; QEMU itself has at most 128 guest nodes. */
#define VB_PLAIN_BACKENDS_MAX 256
/** Longest name of a guest or a backend, in bytes. */
#define VB_PLAIN_NAME_MAX 200

/** A memory backend object. */
typedef struct {
    char *id;
    int cell;            /**< of a DIMM or virtio-mem: the guest cell that it was plugged into; else -1 */
    guint64 given_bytes; /**< of those: what the guest has of it; else 0 */
    guint64 size_bytes;
    VbBacking backing;
    gboolean shared;
    char *mem_path;    /**< of a file backend; else NULL */
    guint64 page_size; /**< of a memfd on hugepages; else 4096 */
} VbPlainBackend;

/** Refcounted and never changed: one look's answers. */
typedef struct {
    int pid;             /**< of the process that listens on the socket, as the kernel knows it */
    char *name;          /**< -name; NULL if it has none */
    char *uuid;          /**< -uuid in lower case; NULL if it has none */
    char *status;        /**< "running", "paused", ... */
    gboolean migrating;  /**< on its way to elsewhere */
    GPtrArray *cpus;     /**< (element-type QmpCpu) */
    GPtrArray *iothreads;/**< (element-type QmpIothread) */
    GPtrArray *backends; /**< (element-type VbPlainBackend): those of no device */
    GPtrArray *devices;  /**< (element-type VbPlainBackend): those of DIMMs and virtio-mem */
    guint n_hostdevs;    /**< devices behind VFIO */
} VbPlainAnswer;

/**
 * Connects, asks and hangs up: the monitor serves one client at a time, and others want it too. No
 * question changes the guest.
 * @deadline_ms: of it all
 * Errors: VB_ERROR_UNREACHABLE nobody listens; VB_ERROR_DENIED; VB_ERROR_TIMEOUT silent, or held by
 * another client; VB_ERROR_INVALID no QMP monitor, or answers that make no sense. Each names @path.
 */
VbPlainAnswer *vb_plain_ask(const char *path, guint deadline_ms, GError **error);
VbPlainAnswer *vb_plain_answer_ref(VbPlainAnswer *answer);
void vb_plain_answer_unref(VbPlainAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbPlainAnswer, vb_plain_answer_unref)

/** Sets the VB_ERROR that an error of libqmp comes to. @why: (transfer full). Returns: FALSE. */
gboolean vb_plain_fail(const char *path, GError *why, GError **error);

G_END_DECLS
