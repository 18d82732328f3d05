/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/log.h"
#include "core/text.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_ACTION "2f0d3c6c8ab54f36a53a5a6c1d7be901"
#define ID_DECLINE "2f0d3c6c8ab54f36a53a5a6c1d7be902"
#define ID_RELEASE "2f0d3c6c8ab54f36a53a5a6c1d7be903"
#define ID_TROUBLE "2f0d3c6c8ab54f36a53a5a6c1d7be904"
#define ID_NOTES "2f0d3c6c8ab54f36a53a5a6c1d7be905"

/* Declines that the next look, a minute or the guest's going on settles by itself. */
static const char *const passing[] = {"unconfirmed", "unknown", "cooldown", "state", NULL};

static const char *
message_of(const GLogField *fields, gsize n_fields)
{
    for (gsize i = 0; i < n_fields; i++)
        if (g_str_equal(fields[i].key, "MESSAGE") && fields[i].length < 0)
            return fields[i].value;
    return "";
}

/* Libraries tell of each turn of the loop */
static gboolean
is_ours(const GLogField *fields, gsize n_fields)
{
    for (gsize i = 0; i < n_fields; i++)
        if (g_str_equal(fields[i].key, "GLIB_DOMAIN") && fields[i].length < 0)
            return g_str_equal(fields[i].value, G_LOG_DOMAIN);
    return FALSE;
}

static GLogWriterOutput
write_line(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer verbose)
{
    if (level >= G_LOG_LEVEL_INFO && (verbose == NULL || !is_ours(fields, n_fields)))
        return G_LOG_WRITER_HANDLED;
    if (g_log_writer_is_journald(STDERR_FILENO) &&
        g_log_writer_journald(level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
        return G_LOG_WRITER_HANDLED;
    g_autofree char *text = g_utf8_make_valid(message_of(fields, n_fields), -1);
    g_autoptr(GString) line = g_string_new("vmbalancerd: ");
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        g_string_append_unichar(line, g_unichar_iscntrl(c) ? '?' : c);
    }
    fprintf(stderr, "%s\n", line->str);
    return G_LOG_WRITER_HANDLED;
}

void
vb_log_begin(gboolean verbose)
{
    g_log_set_writer_func(write_line, GINT_TO_POINTER(verbose), NULL);
}

/* @uuid, @name, @reason: "" where there is none. */
static void
tell(GLogLevelFlags level, const char *id, const char *uuid, const char *name, const char *reason,
     const char *text)
{
    g_autofree char *priority = g_strdup_printf("%d", level == G_LOG_LEVEL_WARNING   ? 4
                                                      : level == G_LOG_LEVEL_MESSAGE ? 5
                                                                                     : 7);
    const GLogField fields[] = {
        {"MESSAGE", text, -1},
        {"MESSAGE_ID", id, -1},
        {"PRIORITY", priority, -1},
        {"GLIB_DOMAIN", G_LOG_DOMAIN, -1},
        {"SYSLOG_IDENTIFIER", "vmbalancerd", -1},
        {"VMBALANCER_GUEST", name, -1},
        {"VMBALANCER_UUID", uuid, -1},
        {"VMBALANCER_REASON", reason, -1},
    };
    gsize count = *name != '\0' ? G_N_ELEMENTS(fields) : G_N_ELEMENTS(fields) - 3;
    g_log_structured_array(level, fields, count);
}

static char *
what_was_done(const VbAction *action, const VbOutcome *outcome)
{
    if (action->kind == VB_ACTION_PIN) {
        g_autofree char *cpus = vb_cpuset_format(&action->cpus);
        return g_strdup_printf("%s pinned to node %d (CPUs %s)", action->thread, action->to, cpus);
    }
    g_autofree char *moved = vb_bytes_format(outcome->bytes_moved);
    return g_strdup_printf("cell %u: %s moved from node %d to node %d in %.1f s", action->cell,
                           moved, action->from, action->to,
                           (double)outcome->duration_ns / 1e9);
}

void
vb_log_action(const VbFlight *flight, const VbAction *action, const VbOutcome *outcome)
{
    static const char *const results[] = {
        [VB_RESULT_DONE] = "done",
        [VB_RESULT_PARTIAL] = "partly done",
        [VB_RESULT_FAILED] = "failed",
        [VB_RESULT_CANCELLED] = "called off",
    };
    g_autofree char *done = what_was_done(action, outcome);
    const char *why = outcome->error != NULL ? outcome->error : flight->stop_reason;
    g_autofree char *text =
        outcome->result == VB_RESULT_DONE
            ? g_strdup_printf("guest %s: %s: %s", flight->name, done, action->reason)
            : g_strdup_printf("guest %s: %s: %s: %s (wanted for: %s)", flight->name, done,
                              results[outcome->result],
                              flight->stop_reason != NULL ? flight->stop_reason : why,
                              action->reason);
    tell(outcome->result == VB_RESULT_DONE ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_WARNING, ID_ACTION,
         flight->uuid, flight->name, action->reason, text);
}

void
vb_log_decline(const char *uuid, const char *name, const VbDecline *decline)
{
    if (decline == NULL) {
        g_debug("guest %s: nothing holds it back", name);
        return;
    }
    g_autofree char *text =
        g_strdup_printf("guest %s: not moved (%s): %s", name, decline->code, decline->reason);
    tell(g_strv_contains(passing, decline->code) ? G_LOG_LEVEL_DEBUG : G_LOG_LEVEL_MESSAGE,
         ID_DECLINE, uuid, name, decline->code, text);
}

void
vb_log_release(const char *uuid, const char *name, const VbRelease *release, const GError *error)
{
    g_autofree char *text =
        error != NULL
            ? g_strdup_printf("guest %s: its pins could not be given back: %s", name,
                              error->message)
            : g_strdup_printf("guest %s: %u threads given back as they were, %u left as somebody "
                              "else has pinned them since",
                              name, release->restored, release->left);
    tell(error != NULL ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE, ID_RELEASE, uuid, name,
         "stop", text);
}

void
vb_log_notes(const char *uuid, const char *name, const char *notes)
{
    g_autofree char *text = g_strdup_printf("guest %s: %s", name,
                                            notes != NULL ? notes : "all that it asks for counts");
    tell(notes != NULL ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE, ID_NOTES, uuid, name, "wishes",
         text);
}

void
vb_log_trouble(const GError *error)
{
    static char *last;
    const char *text = error != NULL ? error->message : "looking at the host works again";
    if (g_strcmp0(last, text) == 0)
        return;
    g_free(last);
    last = g_strdup(text);
    tell(error != NULL ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE, ID_TROUBLE, "", "", "", text);
}
