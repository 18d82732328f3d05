/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/command.h"

G_BEGIN_DECLS

/** Tells what was given back of a guest's pins. @name: fit to be shown */
void vb_release_print(const char *name, const VbRelease *release);
/** release --all. Returns: a VbExit. */
int vb_release_all(const VbCli *cli);

G_END_DECLS
