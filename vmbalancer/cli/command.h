/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/style.h"
#include "engine/engine.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** Exit statuses of the command; a contract with users' scripts. */
typedef enum {
    VB_EXIT_DONE = 0,        /**< done, or nothing to do */
    VB_EXIT_FAILED = 1,
    VB_EXIT_USAGE = 2,
    VB_EXIT_PARTLY = 3,
    VB_EXIT_NO_GUEST = 4,
    VB_EXIT_UNREACHABLE = 5, /**< daemon or libvirt */
} VbExit;

/** What every command is told. */
typedef struct {
    char *uri;               /**< -c; NULL = the default */
    char *config;            /**< --config; NULL = the default */
    gboolean json;           /**< -o json */
    gboolean passthrough;    /**< --qmp-passthrough */
    gboolean no_daemon;      /**< --no-daemon */
    VbStyle style;           /**< of standard output */
} VbCli;

/** A verb of the command. */
typedef struct VbCommand VbCommand;
struct VbCommand {
    const char *name;
    const char *arguments;   /**< for the usage line, e.g. "[GUEST...]" */
    const char *summary;     /**< a few words, lower case */
    /** @argv[0] is the verb's name. Returns: a VbExit. */
    int (*run)(const VbCommand *command, VbCli *cli, int argc, char **argv);
};

extern const VbCommand vb_command_status;
extern const VbCommand vb_command_show;
extern const VbCommand vb_command_top;
extern const VbCommand vb_command_plan;
extern const VbCommand vb_command_rebalance;
extern const VbCommand vb_command_release;
extern const VbCommand vb_command_advise;
extern const VbCommand vb_command_policy;
extern const VbCommand vb_command_history;
extern const VbCommand vb_command_pause;
extern const VbCommand vb_command_resume;
extern const VbCommand vb_command_record;
extern const VbCommand vb_command_replay;
extern const VbCommand vb_command_simulate;
extern const VbCommand vb_command_doctor;

/** All verbs, in the order of the help, ending with NULL. */
const VbCommand *const *vb_command_all(void);

/**
 * Parses the options of a verb, its own (@entries, nullable) and those that every verb takes.
 * What is left in @argv are its arguments.
 * Returns: FALSE after it told the user what is wrong; the verb then returns VB_EXIT_USAGE.
 */
gboolean vb_command_parse(const VbCommand *command, VbCli *cli, const GOptionEntry *entries,
                          int *argc, char ***argv);

/** Tells the user on standard error, in one line: "vmbalancer: ...". Escapes what could steer a terminal. */
void vb_command_say(const char *format, ...) G_GNUC_PRINTF(1, 2);
/** Tells the user of @error. Returns: the exit status that goes with it. */
int vb_command_fail(const GError *error);
/** Tells of wrong use. Returns: VB_EXIT_USAGE. */
int vb_command_misuse(const VbCommand *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/**
 * Reads the configuration for those who open no engine: its modules' policies are known from then
 * on. Shows its warnings. Errors: those of vb_config_read().
 */
VbConfig *vb_command_configure(const VbCli *cli, GError **error);
/** Opens the engine as the options say and shows its warnings. */
VbEngine *vb_command_open(const VbCli *cli, gboolean exact, GError **error);
/** The same without a mover, for pins alone: undoing needs neither its program nor its rights. */
VbEngine *vb_command_open_pins(const VbCli *cli, GError **error);
/** Writes a document to standard output. */
void vb_command_print_json(JsonNode *node);

G_END_DECLS
