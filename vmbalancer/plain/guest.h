/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"
#include "plain/answer.h"
#include "sys/kernel.h"

G_BEGIN_DECLS

/**
 * The process that answers: identified, and judged to be a QEMU guest by what this user may see of it;
 * the mover judges again before it touches it.
 * Errors: VB_ERROR_NO_GUEST it ended; VB_ERROR_INVALID it is no QEMU guest.
 */
gboolean vb_plain_identify(VbKernel *kernel, const VbPlainAnswer *answer, VbProcess *ret,
                           GError **error);

/** The UUID that a guest goes by: its own, else one that is made of its socket's path, ever the same. */
char *vb_plain_uuid(const VbPlainAnswer *answer, const char *path);

/**
 * The guest as libvirt would tell it. A thread's affinity is its pin, unless it is what the process's
 * cpuset leaves to all; a cpuset that leaves less than the host bounds the guest, as <vcpu cpuset=> does.
 * Iothreads that QEMU does not call "iothreadN" go by their thread's id.
 * @process: as vb_plain_identify() told
 * @path: of the socket
 * @silent: QEMU has not answered now, @answer is an older one: the guest is busy
 * Returns: (transfer full): with `error` set where something could not be told
 */
VbDomainLook *vb_plain_look(VbKernel *kernel, const VbPlainAnswer *answer,
                            const VbProcess *process, const char *path, gboolean silent);

/**
 * Threads of the process that are neither vCPUs nor iothreads, and the kernel's own that serve it
 * (sys/vhost.h): what "emulator" means, its main thread first. @threads: (element-type VbDomainThread): the others. Returns: (transfer full) (element-type int).
 */
GArray *vb_plain_emulator(VbKernel *kernel, int pid, const GPtrArray *threads);

G_END_DECLS
