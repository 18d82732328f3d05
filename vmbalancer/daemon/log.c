/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/log.h"
#include "core/text.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Each has its entry in data/vmbalancer.catalog. */
#define ID_DONE "2f0d3c6c8ab54f36a53a5a6c1d7be901"
#define ID_DECLINED "2f0d3c6c8ab54f36a53a5a6c1d7be902"
#define ID_RELEASED "2f0d3c6c8ab54f36a53a5a6c1d7be903"
#define ID_TROUBLE "2f0d3c6c8ab54f36a53a5a6c1d7be904"
#define ID_NOTES "2f0d3c6c8ab54f36a53a5a6c1d7be905"
#define ID_GIVEN_UP "2f0d3c6c8ab54f36a53a5a6c1d7be909"
#define ID_NOT_DONE "2f0d3c6c8ab54f36a53a5a6c1d7be906"
#define ID_NOT_RELEASED "2f0d3c6c8ab54f36a53a5a6c1d7be907"
#define ID_RECOVERED "2f0d3c6c8ab54f36a53a5a6c1d7be908"

#define FIELDS_MAX 32

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

/* A line with its fields. */
typedef struct {
    GLogLevelFlags level;
    GLogField fields[FIELDS_MAX];
    gsize count;
    GPtrArray *texts; /* that belong to the line */
} Line;

static void
line_clear(Line *line)
{
    g_ptr_array_unref(line->texts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Line, line_clear)

/* Nothing is added where @value is NULL or empty. */
static void
add(Line *line, const char *key, const char *value)
{
    if (value != NULL && *value != '\0' && line->count < FIELDS_MAX)
        line->fields[line->count++] = (GLogField){key, value, -1};
}

static void
take(Line *line, const char *key, char *value)
{
    g_ptr_array_add(line->texts, value);
    add(line, key, value);
}

static void
take_node(Line *line, const char *key, int node)
{
    if (node != VB_NO_NODE)
        take(line, key, g_strdup_printf("%d", node));
}

/* @text: the line takes it. @uuid, @name: (nullable) */
static Line
begin(GLogLevelFlags level, const char *id, const char *uuid, const char *name, char *text)
{
    Line line = {.level = level, .texts = g_ptr_array_new_with_free_func(g_free)};
    take(&line, "MESSAGE", text);
    add(&line, "MESSAGE_ID", id);
    add(&line, "PRIORITY",
        level == G_LOG_LEVEL_WARNING ? "4" : level == G_LOG_LEVEL_MESSAGE ? "5" : "7");
    add(&line, "GLIB_DOMAIN", G_LOG_DOMAIN);
    add(&line, "SYSLOG_IDENTIFIER", "vmbalancerd");
    add(&line, "VMBALANCER_GUEST", name);
    add(&line, "VMBALANCER_UUID", uuid);
    return line;
}

static void
send(const Line *line)
{
    g_log_structured_array(line->level, line->fields, line->count);
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

static void
add_action(Line *line, const VbFlight *flight, const VbAction *action, const VbOutcome *outcome)
{
    add(line, "VMBALANCER_KIND", vb_action_kind_name(action->kind));
    add(line, "VMBALANCER_CAUSE", vb_cause_name(action->cause));
    add(line, "VMBALANCER_POLICY", flight->plan->policy);
    add(line, "VMBALANCER_REASON", action->reason);
    add(line, "VMBALANCER_THREAD", action->thread);
    take_node(line, "VMBALANCER_FROM", action->from);
    take_node(line, "VMBALANCER_TO", action->to);
    if (action->kind == VB_ACTION_MOVE) {
        take(line, "VMBALANCER_CELL", g_strdup_printf("%u", action->cell));
        take(line, "VMBALANCER_BYTES",
             g_strdup_printf("%" G_GUINT64_FORMAT, outcome->bytes_moved));
    }
    take(line, "VMBALANCER_USEC",
         g_strdup_printf("%" G_GINT64_FORMAT, outcome->duration_ns / 1000));
    add(line, "VMBALANCER_RESULT", vb_result_name(outcome->result));
    add(line, "VMBALANCER_ERROR",
        flight->stop_reason != NULL && outcome->result != VB_RESULT_DONE ? flight->stop_reason
                                                                         : outcome->error);
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
    gboolean good = outcome->result == VB_RESULT_DONE;
    g_autofree char *done = what_was_done(action, outcome);
    const char *why = flight->stop_reason != NULL ? flight->stop_reason : outcome->error;
    char *text =
        good ? g_strdup_printf("guest %s: %s: %s", flight->name, done, action->reason)
             : g_strdup_printf("guest %s: %s: %s: %s (wanted for: %s)", flight->name, done,
                               results[outcome->result], why, action->reason);
    g_auto(Line) line = begin(good ? G_LOG_LEVEL_MESSAGE : G_LOG_LEVEL_WARNING,
                              good ? ID_DONE : ID_NOT_DONE, flight->uuid, flight->name, text);
    add_action(&line, flight, action, outcome);
    send(&line);
}

static void
tell_decline(GLogLevelFlags level, const char *id, const char *name, const VbDecline *decline,
             char *text)
{
    g_auto(Line) line = begin(level, id, decline->uuid, name, text);
    add(&line, "VMBALANCER_CODE", decline->code);
    add(&line, "VMBALANCER_REASON", decline->reason);
    send(&line);
}

gboolean
vb_log_decline(const char *uuid, const char *name, const VbDecline *decline)
{
    if (decline == NULL) {
        g_debug("guest %s: nothing holds it back", name);
        return FALSE;
    }
    gboolean passes = g_strv_contains(passing, decline->code);
    tell_decline(passes ? G_LOG_LEVEL_DEBUG : G_LOG_LEVEL_MESSAGE, ID_DECLINED, name, decline,
                 g_strdup_printf("guest %s: not moved (%s): %s", name, decline->code,
                                 decline->reason));
    return !passes;
}

void
vb_log_given_up(const char *name, const VbDecline *decline)
{
    tell_decline(G_LOG_LEVEL_MESSAGE, ID_GIVEN_UP, name, decline,
                 g_strdup_printf("guest %s: not moved (%s), left to others from here on: %s", name,
                                 decline->code, decline->reason));
}

void
vb_log_release(const char *uuid, const char *name, const VbRelease *release, const GError *error)
{
    char *text = error != NULL
                     ? g_strdup_printf("guest %s: its pins could not be given back: %s", name,
                                       error->message)
                     : g_strdup_printf("guest %s: %u threads given back as they were, %u left as "
                                       "somebody else has pinned them since",
                                       name, release->restored, release->left);
    g_auto(Line) line = begin(error != NULL ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE,
                              error != NULL ? ID_NOT_RELEASED : ID_RELEASED, uuid, name, text);
    take(&line, "VMBALANCER_RESTORED", g_strdup_printf("%u", release->restored));
    take(&line, "VMBALANCER_LEFT", g_strdup_printf("%u", release->left));
    add(&line, "VMBALANCER_ERROR", error != NULL ? error->message : NULL);
    send(&line);
}

void
vb_log_notes(const char *uuid, const char *name, const char *notes)
{
    char *text = g_strdup_printf("guest %s: %s", name,
                                 notes != NULL ? notes : "all that it asks for counts");
    g_auto(Line) line = begin(notes != NULL ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE, ID_NOTES,
                              uuid, name, text);
    add(&line, "VMBALANCER_REASON", notes);
    send(&line);
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
    g_auto(Line) line =
        begin(error != NULL ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_MESSAGE,
              error != NULL ? ID_TROUBLE : ID_RECOVERED, NULL, NULL, g_strdup(text));
    add(&line, "VMBALANCER_ERROR", error != NULL ? error->message : NULL);
    send(&line);
}
