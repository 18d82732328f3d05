/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/domain.h"
#include "core/observation.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/**
 * Finds the threads of a guest, as @live tells them or else by the names that QEMU gives them
 * (debug-threads=on, which libvirt always asks for), and fills @sight: its vCPUs, ascending, with affinity but not yet counted, and
 * the helpers of its facts: "emulator" (the main thread) and libvirt's iothreads.
 *
 * A vCPU that has no thread is there with tid 0. Under single-threaded TCG all vCPUs share one.
 * A vCPU that no cell claims belongs to the first cell, as QEMU has it.
 */
void vb_threads_read(VbKernel *kernel, const VbProcess *process, const VbDomain *live,
                     VbGuestSight *sight);

/**
 * Reads the counters of a guest's known vCPU threads: run_ns, wait_ns and last_cpu, unknown where they
 * cannot be read. Returns: FALSE if the process is no longer that of the guest's facts.
 */
gboolean vb_threads_count(VbKernel *kernel, VbGuestSight *sight);

/** What a thread's name says. */
typedef enum {
    VB_THREAD_OTHER,
    VB_THREAD_VCPU,      /**< "CPU 3/KVM": @ret_id = 3 */
    VB_THREAD_ALL_VCPUS, /**< "ALL CPUs/TCG" */
    VB_THREAD_IOTHREAD,  /**< "IO iothread2": @ret_id = 2 */
} VbThreadKind;

/** Reads the name of a thread. @ret_id is set for vCPUs and iothreads only. */
VbThreadKind vb_thread_kind(const char *comm, guint *ret_id);

G_END_DECLS
