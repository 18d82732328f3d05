/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/domain.h"
#include <vmbalancer/snapshot.h>

G_BEGIN_DECLS

/*
 * The hypervisor as vmbalancer sees it. Real: libvirt/connection.c. Fakes in tests implement the
 * same table. Each call blocks for @deadline_ms at most (VB_ERROR_TIMEOUT, or VB_ERROR_UNREACHABLE
 * if the connection broke), so one stuck guest or daemon never holds the caller for longer. After a
 * timeout of pin or monitor, further ones for that guest fail at once until the late call returned,
 * other guests go on; after one of list or look all calls do. A call that timed out may still take
 * effect. After VB_ERROR_UNREACHABLE the next call connects anew. Safe to use from several threads.
 */

/** A running guest as the hypervisor tells it. */
typedef struct {
    VbDomain *live;
    VbDomain *inactive; /**< NULL for a transient guest */
    VbGuestState state;
    char *busy;  /**< with VB_GUEST_BUSY, what keeps it so: "migration" "save" "dump" "snapshot"
                      "restore" "start" "shutdown" "crash", "monitor" (QEMU does not answer), "broken
                      monitor", "job" (another call holds it); else NULL */
    char *error; /**< what could not be read of it; @live then has at least name, UUID and a cell,
                      and a missing @inactive does not mean transient: act on no such guest */
} VbDomainLook;

/** The vmb:numa element of a guest, running or not, as text without its namespace. */
typedef struct {
    char *name;
    char *uuid;
    gboolean running;
    gboolean persistent;
    char *live;   /**< the running guest's; NULL if it has none or does not run */
    char *config; /**< its configuration's; NULL if it has none or is transient */
} VbMetadata;

typedef struct VbHypervisor VbHypervisor;

typedef struct {
    /** Active guests. Returns: (transfer full) (element-type VbDomainLook). */
    GPtrArray *(*list)(VbHypervisor *hypervisor, guint deadline_ms, GError **error);
    /** Live domain of that UUID, read anew. Returns: (transfer full). VB_ERROR_NO_GUEST if it is
     * not running. */
    VbDomainLook *(*look)(VbHypervisor *hypervisor, const char *uuid, guint deadline_ms,
                          GError **error);
    /** Pins a thread ("vcpuN", "emulator", "iothreadN") of the live guest; never its config. */
    gboolean (*pin)(VbHypervisor *hypervisor, const char *uuid, const char *thread,
                    const VbCpuSet *cpus, guint deadline_ms, GError **error);
    /** QMP passthrough: taints the guest ("custom-monitor"). Returns: (transfer full): the reply.
     */
    char *(*monitor)(VbHypervisor *hypervisor, const char *uuid, const char *command,
                     guint deadline_ms, GError **error);
    /** Reads the element. @guest: a UUID, else a name. Returns: (transfer full). */
    VbMetadata *(*read_metadata)(VbHypervisor *hypervisor, const char *guest, guint deadline_ms,
                                 GError **error);
    /** Sets the element of the running guest, of its configuration, or both; all other metadata
     * stays. @xml: (nullable): as vb_metadata_format() gives it; NULL removes it */
    gboolean (*write_metadata)(VbHypervisor *hypervisor, const char *uuid, const char *xml,
                               gboolean live, gboolean config, guint deadline_ms, GError **error);
    /**
     * Notes in the running guest's metadata, never in its configuration's, which pins are ours, in
     * place of what was noted there before. @marks: (element-type VbMark): empty removes the note
     */
    gboolean (*mark)(VbHypervisor *hypervisor, const char *uuid, const GPtrArray *marks,
                     guint deadline_ms, GError **error);
    void (*free)(VbHypervisor *hypervisor);
} VbHypervisorOps;

/** A hypervisor: implementations embed it first. */
struct VbHypervisor {
    const VbHypervisorOps *ops;
};

void vb_domain_look_free(VbDomainLook *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbDomainLook, vb_domain_look_free)
void vb_metadata_free(VbMetadata *metadata);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbMetadata, vb_metadata_free)
void vb_hypervisor_free(VbHypervisor *hypervisor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbHypervisor, vb_hypervisor_free)

/**
 * Connects to libvirt.
 * @uri: (nullable): as virsh -c; NULL = LIBVIRT_DEFAULT_URI, else qemu:///system
 * Errors: VB_ERROR_UNREACHABLE naming the URI and what to start; VB_ERROR_UNSUPPORTED for a remote
 * URI: vmbalancer must run on the guests' own host.
 */
VbHypervisor *vb_hypervisor_connect(const char *uri, guint deadline_ms, GError **error);

/**
 * Reads a domain XML as libvirt formats it. Nothing of it is trusted: no network, no entities,
 * bounded size. Returns: (transfer full), NULL with VB_ERROR_INVALID.
 */
VbDomain *vb_domain_xml_parse(const char *xml, gsize length, GError **error);

G_END_DECLS
