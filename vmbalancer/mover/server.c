/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/server.h"
#include "mover/affinity.h"
#include "mover/channel.h"
#include "mover/move.h"
#include "mover/request.h"
#include "mover/unmapped.h"
#include <unistd.h>
#include <vmbalancer/error.h>

typedef struct {
    VbKernel *kernel;
    int socket;
    int passed;      /* descriptor that came with the request, or -1 */
    gboolean over;   /* the client is gone or out of step: no more requests */
    gboolean broken; /* out of step */
    VbWireMessage message;
    VbRequest request;
} Server;

static void
reply(Server *server, VbWireReply *answer, int pass_fd, gboolean wait)
{
    answer->version = VB_WIRE_VERSION;
    VbChannelResult result =
        vb_channel_send(server->socket, answer, sizeof *answer, pass_fd, wait);
    if (wait && result != VB_CHANNEL_MESSAGE)
        server->over = TRUE;
}

static void
reply_error(Server *server, const GError *error)
{
    VbWireReply answer = {.kind = VB_REPLY_ERROR, .code = VB_ERROR_FAILED};
    if (error->domain == VB_ERROR)
        answer.code = (guint32)error->code;
    g_autofree char *text = g_utf8_make_valid(error->message, -1);
    g_strlcpy(answer.text, text, sizeof answer.text);
    reply(server, &answer, -1, TRUE);
}

/* Polled while a request is worked on: a cancel, or the client's end. */
static gboolean
client_wants_stop(gpointer user_data)
{
    Server *server = user_data;
    gsize length = 0;
    VbWireMessage *message = &server->message;
    switch (vb_channel_receive(server->socket, message, sizeof *message, FALSE, &length, NULL)) {
    case VB_CHANNEL_EMPTY:
        return server->over;
    case VB_CHANNEL_MESSAGE: {
        VbRequest late;
        if (vb_request_check(message, length, &late, NULL) && late.op == VB_OP_CANCEL)
            return TRUE;
        server->over = server->broken = TRUE;
        return TRUE;
    }
    default:
        server->over = TRUE;
        return TRUE;
    }
}

static void
serve_file(Server *server, const VbRequest *request)
{
    static const char *const name[] = {
        [VB_MOVER_MAPS] = "maps",
        [VB_MOVER_NUMA_MAPS] = "numa_maps",
        [VB_MOVER_SMAPS] = "smaps",
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(VbIdentity) identity = vb_identity_open(server->kernel, &request->process, &error);
    if (identity == NULL) {
        reply_error(server, error);
        return;
    }
    g_autofree char *path =
        g_strdup_printf("/proc/%d/%s", request->process.pid, name[request->file]);
    int fd = server->kernel->ops->open(server->kernel, path, &error);
    /* The file is the process's for good; but was it that process's when it was opened? */
    if (fd >= 0 && vb_identity_look(identity) == VB_IDENTITY_GONE)
        g_set_error(&error, VB_ERROR, VB_ERROR_NO_GUEST, "process %d has ended",
                    request->process.pid);
    if (error != NULL) {
        reply_error(server, error);
    } else {
        VbWireReply answer = {.kind = VB_REPLY_FILE};
        reply(server, &answer, fd, TRUE);
    }
    if (fd >= 0)
        close(fd);
}

static void
serve_sample(Server *server, const VbRequest *request)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbIdentity) identity = vb_identity_open(server->kernel, &request->process, &error);
    VbSample sample;
    if (identity == NULL ||
        !vb_sample_run(server->kernel, request->process.pid, request->range, request->n_ranges,
                       request->max_pages, request->seed, client_wants_stop, server, &sample,
                       &error)) {
        reply_error(server, error);
        return;
    }
    if (vb_identity_look(identity) == VB_IDENTITY_GONE) {
        g_set_error(&error, VB_ERROR, VB_ERROR_NO_GUEST, "process %d has ended",
                    request->process.pid);
        reply_error(server, error);
        return;
    }
    VbWireReply answer = {
        .kind = VB_REPLY_SAMPLE,
        .sample = {
            .pages_total = sample.pages_total,
            .pages_asked = sample.pages_asked,
            .absent = sample.absent,
            .unknown = sample.unknown,
            .census = sample.census ? 1 : 0,
        },
    };
    for (guint i = 0; i < VB_NODES_MAX; i++)
        answer.sample.by_node[i] = sample.by_node[i];
    reply(server, &answer, -1, TRUE);
}

static void
serve_backing(Server *server, const VbRequest *request)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbIdentity) identity = vb_identity_open(server->kernel, &request->process, &error);
    VbBackingSample sample;
    if (identity != NULL &&
        vb_unmapped_run(identity, request, client_wants_stop, server, &sample, &error) &&
        vb_identity_look(identity) == VB_IDENTITY_GONE)
        g_set_error(&error, VB_ERROR, VB_ERROR_NO_GUEST, "process %d has ended",
                    request->process.pid);
    if (error != NULL) {
        reply_error(server, error);
        return;
    }
    VbWireReply answer = {
        .kind = VB_REPLY_BACKING,
        .backing = {
            .pages_total = sample.pages_total,
            .pages_asked = sample.pages_asked,
            .mapped = sample.mapped,
            .unmapped = sample.unmapped,
            .unknown = sample.unknown,
            .census = sample.census ? 1 : 0,
            .counted = sample.counted ? 1 : 0,
            .file_bytes = sample.file_bytes,
        },
    };
    reply(server, &answer, -1, TRUE);
}

static void
reply_report(Server *server, VbWireReplyKind kind, const VbMoveReport *report)
{
    VbWireReply answer = {
        .kind = kind,
        .report = {
            .end = report->end,
            .bytes_moved = report->bytes_moved,
            .bytes_left = report->bytes_left,
            .bytes_unmovable = report->bytes_unmovable,
            .bytes_shared = report->bytes_shared,
            .batches = report->batches,
            .duration_ns = report->duration_ns,
            .longest_batch_ns = report->longest_batch_ns,
            .rested_memory_ns = report->rested.memory_ns,
            .rested_cpus_ns = report->rested.cpus_ns,
        },
    };
    /* A client that does not listen loses progress, not time. */
    reply(server, &answer, -1, kind == VB_REPLY_MOVED);
}

static void
show_progress(const VbMoveReport *report, gpointer user_data)
{
    reply_report(user_data, VB_REPLY_PROGRESS, report);
}

static void
serve_move(Server *server, const VbRequest *request)
{
    g_autoptr(GError) error = NULL;
    VbMoveReport report = {.end = VB_MOVE_GONE};
    g_autoptr(VbBucket) common = NULL;
    VbMoveBudget budget = request->budget;
    if (budget.common_rate_bytes_per_s > 0) {
        budget.common = common = vb_bucket_open(server->passed, &error);
        if (common == NULL) {
            reply_error(server, error);
            return;
        }
    }
    g_autoptr(VbIdentity) identity = vb_identity_open(server->kernel, &request->process, &error);
    if (identity != NULL) {
        VbMoveTask task = {
            .identity = identity,
            .ranges = request->range,
            .n_ranges = request->n_ranges,
            .target = request->target,
            .budget = budget,
            .stop = client_wants_stop,
            .progress = show_progress,
            .user_data = server,
        };
        vb_move_run(&task, &report, &error);
    }
    /* A guest that ended before its move began is as expected as one that ends in it. */
    if (error == NULL || g_error_matches(error, VB_ERROR, VB_ERROR_NO_GUEST) ||
        g_error_matches(error, VB_ERROR, VB_ERROR_CHANGED))
        reply_report(server, VB_REPLY_MOVED, &report);
    else
        reply_error(server, error);
}

static void
serve_affinity(Server *server, const VbRequest *request)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbIdentity) identity = vb_identity_open(server->kernel, &request->process, &error);
    if (identity == NULL || !vb_affinity_set(identity, request->tid, &request->cpus, &error)) {
        reply_error(server, error);
        return;
    }
    VbWireReply answer = {.kind = VB_REPLY_PINNED};
    reply(server, &answer, -1, TRUE);
}

static void
serve_hello(Server *server, const VbRequest *request)
{
    VbWireReply answer = {.kind = VB_REPLY_HELLO};
    reply(server, &answer, -1, TRUE);
}

static void
serve_nothing(Server *server, const VbRequest *request)
{
}

static void (*const serve[])(Server *server, const VbRequest *request) = {
    [VB_OP_HELLO] = serve_hello,
    [VB_OP_FILE] = serve_file,
    [VB_OP_SAMPLE] = serve_sample,
    [VB_OP_MOVE] = serve_move,
    [VB_OP_CANCEL] = serve_nothing, /* crossed the final report of what it was to cancel */
    [VB_OP_AFFINITY] = serve_affinity,
    [VB_OP_BACKING] = serve_backing,
};

gboolean
vb_server_run(VbKernel *kernel, int socket)
{
    g_autofree Server *server = g_new0(Server, 1);
    server->kernel = kernel;
    server->socket = socket;
    while (!server->over) {
        gsize length = 0;
        VbChannelResult got = vb_channel_receive(socket, &server->message, sizeof server->message,
                                                 TRUE, &length, &server->passed);
        if (got != VB_CHANNEL_MESSAGE)
            return got == VB_CHANNEL_CLOSED;
        g_autoptr(GError) error = NULL;
        if (vb_request_check(&server->message, length, &server->request, &error))
            serve[server->request.op](server, &server->request);
        else
            reply_error(server, error);
        if (server->passed >= 0)
            close(server->passed);
    }
    return !server->broken;
}
