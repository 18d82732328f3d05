/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libvirt/hypervisor.h"
#include <vmbalancer/error.h>

G_BEGIN_DECLS

/*
 * A hypervisor of a test's own: guests from XML, pins that show in the next look, every call in a
 * log, failures where the test wants them. Safe to use from several threads, as the real one.
 */
typedef struct FakeHypervisor FakeHypervisor;

/** To be freed with fake_hypervisor_free() or vb_hypervisor_free() of fake_hypervisor_base(). */
FakeHypervisor *fake_hypervisor_new(void);
void fake_hypervisor_free(FakeHypervisor *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeHypervisor, fake_hypervisor_free)

/** Returns: (transfer none): what the code under test gets. */
VbHypervisor *fake_hypervisor_base(FakeHypervisor *fake);

/**
 * Adds a running guest.
 * @inactive_xml: (nullable): NULL for a transient guest
 * Returns: (transfer none): its UUID
 */
const char *fake_hypervisor_add(FakeHypervisor *fake, const char *live_xml,
                                const char *inactive_xml);
/** A persistent guest without any placement: @vcpus vCPUs, @mib MiB of RAM. Returns: as above. */
const char *fake_hypervisor_add_plain(FakeHypervisor *fake, const char *name, guint vcpus,
                                      guint mib);
/** As if the guest ended. */
void fake_hypervisor_remove(FakeHypervisor *fake, const char *uuid);
/** @busy: (nullable): as in VbDomainLook */
void fake_hypervisor_set_state(FakeHypervisor *fake, const char *uuid, VbGuestState state,
                               const char *busy);
/** What every look at the guest says could not be read; NULL = nothing. */
void fake_hypervisor_set_error(FakeHypervisor *fake, const char *uuid, const char *message);
/** As if an outsider pinned the thread: it shows, but not in the log. @cpus: NULL = no pin. */
void fake_hypervisor_pin_from_outside(FakeHypervisor *fake, const char *uuid, const char *thread,
                                      const char *cpus);
/** As if the note of our own pins had come with the guest. @marks: (element-type VbMark) */
void fake_hypervisor_mark_from_outside(FakeHypervisor *fake, const char *uuid,
                                       const GPtrArray *marks);
/** The reply to a monitor command whose text contains @part; others get VB_ERROR_UNSUPPORTED. */
void fake_hypervisor_answer(FakeHypervisor *fake, const char *part, const char *reply);

/**
 * Makes a call fail: the one after @skip more that begin with @call.
 * @call: the start of a log line: "list", "pin UUID vcpu1", "look"
 * @times: how many calls; G_MAXUINT = from then on
 */
void fake_hypervisor_fail(FakeHypervisor *fake, const char *call, guint skip, guint times,
                          VbError code, const char *message);
/** Makes every call that begins with @call take so long before it does anything. */
void fake_hypervisor_delay(FakeHypervisor *fake, const char *call, guint milliseconds);

/**
 * The calls so far, failed ones too, as one string: a line each, in order: "list", "look UUID",
 * "pin UUID THREAD CPUS", "mark UUID NUMBER", "monitor UUID COMMAND". Returns: (transfer full).
 */
char *fake_hypervisor_log(FakeHypervisor *fake);
/** How many calls so far begin with @call. */
guint fake_hypervisor_count(FakeHypervisor *fake, const char *call);
/** The CPUs that the thread is pinned to now, as written; NULL if it is not. Returns: (transfer
 * full). */
char *fake_hypervisor_pinned(FakeHypervisor *fake, const char *uuid, const char *thread);

G_END_DECLS
