/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Runs the program itself, as scripts do, against libvirt's own test driver: that has one guest,
 * "test", without a process.
 */
#define COMMAND_URI "test:///default"
#define COMMAND_GUEST_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

/** What a run of the program came to. */
typedef struct {
    int status; /**< exit status, -1 if a signal ended it */
    char *out;
    char *err;
} CommandEnd;

void command_end_clear(CommandEnd *end);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandEnd, command_end_clear)

/** The program and @words, its arguments, apart by '|'. Returns: (transfer full). */
GStrv command_arguments(const char *words);
/** @state_dir: where it keeps its records */
CommandEnd command_run_in(const char *state_dir, const char *words);
/** As command_run_in(), where no state folder can be. */
CommandEnd command_run(const char *words);
/** Expects one line on standard error that has @says in it. */
void command_assert_one_line(const CommandEnd *end, const char *says);

G_END_DECLS
