/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/client.h"
#include "mover/channel.h"
#include "mover/pin.h"
#include "mover/protocol.h"
#include "mover/spawn.h"
#include "mover/unit.h"
#include "sys/files.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* numa_maps of a guest is some 100 KiB; smaps of one with very many mappings some MiB. */
#define FILE_LIMIT (64u << 20)

struct VbMover {
    VbSpawned spawned;
    char *end; /* how the mover ended, NULL as long as it answers */
};

/* Ends the mover. Returns: (transfer full): what became of it, and where to read more. */
static char *
tell_end(VbSpawned *spawned)
{
    g_autofree char *program = g_strdup(spawned->program);
    int pid = spawned->pid;
    g_autofree char *how = vb_spawn_end(spawned);
    if (pid == 0)
        return g_strdup_printf("the mover behind %s hung up while it was needed; \"journalctl -u "
                               "'vmbalancer-mover*'\" tells why; try again", program);
    return g_strdup_printf("the mover (%s, process %d) %s while it was needed; its last words are in "
                           "this program's error output or journal; try again", program, pid, how);
}

static gboolean
set_unreachable(VbMover *mover, GError **error)
{
    if (mover->end == NULL)
        mover->end = tell_end(&mover->spawned);
    g_set_error_literal(error, VB_ERROR, VB_ERROR_UNREACHABLE, mover->end);
    return FALSE;
}

/* After an answer that makes no sense none that follows would either. */
static gboolean
break_off(VbMover *mover, GError **error)
{
    mover->end = g_strdup_printf("the mover (%s) does not speak as this program does; install "
                                 "client and mover of the same release", mover->spawned.program);
    g_free(vb_spawn_end(&mover->spawned));
    return set_unreachable(mover, error);
}

static gboolean
send_message(VbMover *mover, const VbWireMessage *message, int pass_fd, GError **error)
{
    gsize size = sizeof message->head + message->head.n_ranges * sizeof message->range[0];
    if (message->head.op == VB_OP_BACKING)
        size = sizeof message->head + message->head.n_ranges * sizeof message->backed[0];
    else if (message->head.op == VB_OP_AFFINITY)
        size = sizeof message->head + sizeof message->cpus;
    if (mover->end != NULL || vb_channel_send(mover->spawned.socket, message, size, pass_fd, TRUE) !=
                                  VB_CHANNEL_MESSAGE)
        return set_unreachable(mover, error);
    return TRUE;
}

/* Receives a reply; an error reply becomes @error. @ret_fd: (nullable) */
static gboolean
receive_reply(VbMover *mover, VbWireReply *ret, int *ret_fd, GError **error)
{
    gsize length = 0;
    int fd = -1;
    VbChannelResult result =
        vb_channel_receive(mover->spawned.socket, ret, sizeof *ret, TRUE, &length, &fd);
    if (ret_fd != NULL)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    if (result != VB_CHANNEL_MESSAGE)
        return set_unreachable(mover, error);
    if (length != sizeof *ret || ret->version != VB_WIRE_VERSION)
        return break_off(mover, error);
    if (ret->kind == VB_REPLY_ERROR) {
        ret->text[sizeof ret->text - 1] = '\0';
        g_set_error_literal(error, VB_ERROR, (int)ret->code, ret->text);
        return FALSE;
    }
    return TRUE;
}

static gboolean
expect(VbMover *mover, const VbWireReply *reply, VbWireReplyKind kind, GError **error)
{
    return reply->kind == kind || break_off(mover, error);
}

static gboolean
hello(VbMover *mover, GError **error)
{
    g_autofree VbWireMessage *message = g_new0(VbWireMessage, 1);
    message->head.version = VB_WIRE_VERSION;
    message->head.op = VB_OP_HELLO;
    VbWireReply reply;
    return send_message(mover, message, -1, error) && receive_reply(mover, &reply, NULL, error) &&
           expect(mover, &reply, VB_REPLY_HELLO, error);
}

static VbMover *
greet(const VbSpawned *spawned, GError **error)
{
    g_autoptr(VbMover) mover = g_new0(VbMover, 1);
    mover->spawned = *spawned;
    return hello(mover, error) ? g_steal_pointer(&mover) : NULL;
}

VbMover *
vb_mover_spawn(const char *program, GError **error)
{
    g_autofree char *path = program != NULL ? g_strdup(program) : vb_spawn_find_program();
    VbSpawned spawned;
    return vb_spawn_start(path, &spawned, error) ? greet(&spawned, error) : NULL;
}

VbMover *
vb_mover_open(GError **error)
{
    const char *program = g_getenv("VMBALANCER_MOVER");
    VbSpawned unit;
    if (program != NULL && *program != '\0')
        return vb_mover_spawn(program, error);
    switch (vb_unit_connect(VB_UNIT_SOCKET, &unit, error)) {
    case VB_UNIT_CONNECTED:
        return greet(&unit, error);
    case VB_UNIT_ABSENT:
        return vb_mover_spawn(NULL, error);
    default:
        return NULL;
    }
}

gboolean
vb_mover_is_sound(const VbMover *mover)
{
    GPollFD watch = {.fd = mover->spawned.socket, .events = G_IO_IN};
    return mover->spawned.socket >= 0 && g_poll(&watch, 1, 0) == 0;
}

void
vb_mover_close(VbMover *mover)
{
    if (mover == NULL)
        return;
    g_free(vb_spawn_end(&mover->spawned));
    g_free(mover->end);
    g_free(mover);
}

static VbWireMessage *
message_new(VbWireOp op, const VbProcess *process)
{
    VbWireMessage *message = g_new0(VbWireMessage, 1);
    message->head.version = VB_WIRE_VERSION;
    message->head.op = op;
    message->head.pid = process->pid;
    message->head.start_time = process->start_time;
    return message;
}

static gboolean
set_count(VbWireMessage *message, guint n_ranges, GError **error)
{
    if (n_ranges == 0 || n_ranges > VB_RANGES_MAX) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%u ranges; a request takes 1 to %d",
                    n_ranges, VB_RANGES_MAX);
        return FALSE;
    }
    message->head.n_ranges = n_ranges;
    return TRUE;
}

static VbWireRange
wire_range(const VbRange *range)
{
    return (VbWireRange){range->start, range->end, range->page_size};
}

static gboolean
set_ranges(VbWireMessage *message, const VbRange *ranges, guint n_ranges, GError **error)
{
    if (!set_count(message, n_ranges, error))
        return FALSE;
    for (guint i = 0; i < n_ranges; i++)
        message->range[i] = wire_range(&ranges[i]);
    return TRUE;
}

char *
vb_mover_read(VbMover *mover, const VbProcess *process, VbMoverFile file, gsize *ret_length,
              GError **error)
{
    static const char *const name[] = {"maps", "numa_maps", "smaps"};
    g_autofree VbWireMessage *message = message_new(VB_OP_FILE, process);
    message->head.file = file;
    VbWireReply reply;
    int fd = -1;
    gboolean ok = send_message(mover, message, -1, error) &&
                  receive_reply(mover, &reply, &fd, error) &&
                  expect(mover, &reply, VB_REPLY_FILE, error);
    if (ok && fd < 0) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "the mover's file did not arrive; are too many files open?");
        ok = FALSE;
    }
    g_autofree char *text = NULL;
    gsize length = 0;
    if (ok) {
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", process->pid, name[file]);
        ok = vb_files_read_fd(fd, path, FILE_LIMIT, &text, &length, error);
    }
    if (fd >= 0)
        close(fd);
    if (ok && length == 0) {
        /* What the kernel shows of a process that ended since the file was opened. */
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "process %d has ended", process->pid);
        return NULL;
    }
    if (!ok)
        return NULL;
    if (ret_length != NULL)
        *ret_length = length;
    return g_steal_pointer(&text);
}

gboolean
vb_mover_sample(VbMover *mover, const VbProcess *process, const VbRange *ranges, guint n_ranges,
                guint max_pages, guint64 seed, VbSample *ret, GError **error)
{
    g_autofree VbWireMessage *message = message_new(VB_OP_SAMPLE, process);
    message->head.max_pages = max_pages;
    message->head.seed = seed;
    VbWireReply reply;
    if (!set_ranges(message, ranges, n_ranges, error) || !send_message(mover, message, -1, error) ||
        !receive_reply(mover, &reply, NULL, error) ||
        !expect(mover, &reply, VB_REPLY_SAMPLE, error))
        return FALSE;
    *ret = (VbSample){
        .pages_total = reply.sample.pages_total,
        .pages_asked = reply.sample.pages_asked,
        .absent = reply.sample.absent,
        .unknown = reply.sample.unknown,
        .census = reply.sample.census != 0,
    };
    for (guint i = 0; i < VB_NODES_MAX; i++)
        ret->by_node[i] = reply.sample.by_node[i];
    return TRUE;
}

static gboolean
ask_backing(VbMover *mover, const VbWireMessage *message, VbBackingSample *ret, GError **error)
{
    VbWireReply reply;
    if (!send_message(mover, message, -1, error) || !receive_reply(mover, &reply, NULL, error) ||
        !expect(mover, &reply, VB_REPLY_BACKING, error))
        return FALSE;
    *ret = (VbBackingSample){
        .pages_total = reply.backing.pages_total,
        .pages_asked = reply.backing.pages_asked,
        .mapped = reply.backing.mapped,
        .unmapped = reply.backing.unmapped,
        .unknown = reply.backing.unknown,
        .census = reply.backing.census != 0,
        .counted = reply.backing.counted != 0,
        .file_bytes = reply.backing.file_bytes,
    };
    return TRUE;
}

gboolean
vb_mover_backing(VbMover *mover, const VbProcess *process, const VbSharedFile *file,
                 const VbBackedRange *ranges, guint n_ranges, guint max_pages, guint64 seed,
                 VbBackingSample *ret, GError **error)
{
    g_autofree VbWireMessage *message = message_new(VB_OP_BACKING, process);
    message->head.device = file->device;
    message->head.inode = file->inode;
    message->head.max_pages = max_pages;
    message->head.seed = seed;
    if (!set_count(message, n_ranges, error))
        return FALSE;
    for (guint i = 0; i < n_ranges; i++)
        message->backed[i] = (VbWireBackedRange){wire_range(&ranges[i].range), ranges[i].offset};
    return ask_backing(mover, message, ret, error);
}

gboolean
vb_mover_pin(VbMover *mover, const VbProcess *process, int tid, const VbCpuSet *cpus,
             GError **error)
{
    g_autofree VbWireMessage *message = message_new(VB_OP_AFFINITY, process);
    message->head.tid = tid;
    memcpy(message->cpus.word, cpus->word, sizeof message->cpus.word);
    VbWireReply reply;
    return send_message(mover, message, -1, error) && receive_reply(mover, &reply, NULL, error) &&
           expect(mover, &reply, VB_REPLY_PINNED, error);
}

static VbMoveReport
report_of(const VbWireReport *wire)
{
    return (VbMoveReport){
        .end = (VbMoveEnd)wire->end,
        .bytes_moved = wire->bytes_moved,
        .bytes_left = wire->bytes_left,
        .bytes_unmovable = wire->bytes_unmovable,
        .bytes_shared = wire->bytes_shared,
        .batches = wire->batches,
        .duration_ns = wire->duration_ns,
        .longest_batch_ns = wire->longest_batch_ns,
        .rested = {.memory_ns = wire->rested_memory_ns, .cpus_ns = wire->rested_cpus_ns},
    };
}

/* Waits for the next reply; passes a cancel on, once. */
static gboolean
wait_reply(VbMover *mover, GCancellable *cancellable, gboolean *cancelled, GError **error)
{
    for (;;) {
        GPollFD watch[2] = {{.fd = mover->spawned.socket, .events = G_IO_IN}};
        gboolean watching = !*cancelled && g_cancellable_make_pollfd(cancellable, &watch[1]);
        int ready = g_poll(watch, watching ? 2 : 1, -1);
        int code = errno;
        if (watching)
            g_cancellable_release_fd(cancellable);
        if (ready < 0 && code != EINTR) {
            g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "poll: %s", g_strerror(code));
            return FALSE;
        }
        if (ready > 0 && watch[0].revents != 0)
            return TRUE;
        if (!*cancelled && g_cancellable_is_cancelled(cancellable)) {
            g_autofree VbWireMessage *message = message_new(VB_OP_CANCEL, &(VbProcess){0});
            *cancelled = TRUE;
            if (!send_message(mover, message, -1, error))
                return FALSE;
        }
    }
}

gboolean
vb_mover_move(VbMover *mover, const VbProcess *process, const VbRange *ranges, guint n_ranges,
              int target, const VbMoveBudget *budget, VbMoveProgress progress, gpointer user_data,
              GCancellable *cancellable, VbMoveReport *ret, GError **error)
{
    g_autofree VbWireMessage *message = message_new(VB_OP_MOVE, process);
    message->head.target = target;
    message->head.rate_bytes_per_s = budget->rate_bytes_per_s;
    if (budget->common != NULL)
        message->head.common_rate_bytes_per_s = budget->common_rate_bytes_per_s;
    message->head.batch_target_ns = budget->batch_target_ns;
    message->head.limit_bytes = budget->limit_bytes;
    message->head.from = budget->from;
    message->head.flags = budget->shared ? VB_WIRE_SHARED : 0;
    int pass_fd = message->head.common_rate_bytes_per_s > 0 ? vb_bucket_fd(budget->common) : -1;
    if (!set_ranges(message, ranges, n_ranges, error) || !send_message(mover, message, pass_fd, error))
        return FALSE;
    gboolean cancelled = FALSE;
    for (;;) {
        VbWireReply reply;
        if (!wait_reply(mover, cancellable, &cancelled, error) ||
            !receive_reply(mover, &reply, NULL, error))
            return FALSE;
        if (reply.kind != VB_REPLY_PROGRESS) {
            if (!expect(mover, &reply, VB_REPLY_MOVED, error))
                return FALSE;
            *ret = report_of(&reply.report);
            return TRUE;
        }
        VbMoveReport report = report_of(&reply.report);
        if (progress != NULL)
            progress(&report, user_data);
    }
}

const char *
vb_move_end_name(VbMoveEnd end)
{
    static const char *const name[] = {
        [VB_MOVE_COMPLETE] = "complete",   [VB_MOVE_LIMIT] = "limit",
        [VB_MOVE_NO_SPACE] = "no-space",   [VB_MOVE_STUCK] = "stuck",
        [VB_MOVE_GONE] = "gone",           [VB_MOVE_CANCELLED] = "cancelled",
        [VB_MOVE_DENIED] = "denied",       [VB_MOVE_STOPPED] = "stopped",
    };
    return (guint)end < G_N_ELEMENTS(name) ? name[end] : "unknown";
}
