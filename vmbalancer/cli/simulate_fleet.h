/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/command.h"
#include "sim/fleet.h"

G_BEGIN_DECLS

/** Runs a fleet and prints what became of it and how fast it was. Returns: a VbExit */
int vb_simulate_fleet(const VbCli *cli, const VbFleetPlan *plan);

G_END_DECLS
