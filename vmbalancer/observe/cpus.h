/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sys/kernel.h"
#include <vmbalancer/topology.h>

G_BEGIN_DECLS

/*
 * What of a host's CPUs guests have: not all that is online is theirs, and two threads of a core
 * are not two cores.
 */

/**
 * What a core gets done when two or more of its threads are busy, in basis points of one busy
 * thread's: up to 30 % more (Marr et al., "Hyper-Threading Technology Architecture and
 * Microarchitecture", Intel Technology Journal 6(1), 2002).
 */
#define VB_CORE_BP 13000

/**
 * Tells of @topology, whose nodes have their online CPUs, which are isolated, takes out those that
 * no guest may use, and sets what the rest get done at once. A file that
 * is missing or makes no sense changes nothing: all CPUs are then as good. What no guest may use is told
 * by the cgroup of all guests, machine.slice, or "machine" where no systemd is, of cgroup v2: a pin
 * there fails. One that would leave no CPU at all is not believed.
 */
void vb_cpus_observe(VbKernel *kernel, VbTopology *topology);

G_END_DECLS
