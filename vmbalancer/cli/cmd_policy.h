/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/command.h"

G_BEGIN_DECLS

/* The parts of "policy" that are about one guest. @argv[0] is the verb, "get" and its like follow. */

int vb_policy_get(const VbCommand *command, VbCli *cli, int argc, char **argv);
int vb_policy_set(const VbCommand *command, VbCli *cli, int argc, char **argv);
int vb_policy_unset(const VbCommand *command, VbCli *cli, int argc, char **argv);

G_END_DECLS
