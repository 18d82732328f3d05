/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_kernel.h"
#include "mover/bucket.h"
#include "mover/channel.h"
#include "mover/protocol.h"
#include "mover/server.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define PAGE 4096
#define PAGES 20000

/* A mover on a thread, over a fake kernel with a QEMU (7), a shell (8) and a dead PID (9). */
typedef struct {
    FakeKernel *fake;
    FakeProcess *guest;
    int client, server;
    GThread *thread;
    GAsyncQueue *reached, *released; /* of the second batch */
} Peer;

static gpointer
serve(gpointer data)
{
    Peer *peer = data;
    gboolean in_order = vb_server_run(&peer->fake->kernel, peer->server);
    close(peer->server);
    return GINT_TO_POINTER(in_order);
}

static void
peer_begin(Peer *peer)
{
    int ends[2];
    *peer = (Peer){.fake = fake_kernel_new()};
    peer->guest = fake_kernel_start(peer->fake, 7, 99, "/usr/bin/qemu-system-x86_64",
                                    "qemu -name guest=a");
    fake_process_map(peer->guest, PAGE, PAGE, PAGES, 0);
    fake_kernel_start(peer->fake, 8, 99, "/bin/bash", "bash");
    fake_kernel_write(peer->fake, "/proc/7/numa_maps", "7f00 default anon=1 N0=1\n", -1);
    fake_kernel_write(peer->fake, "/proc/7/maps", "", -1);
    fake_kernel_deny(peer->fake, "/proc/7/maps");
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), ==, 0);
    peer->client = ends[0];
    peer->server = ends[1];
    peer->reached = g_async_queue_new();
    peer->released = g_async_queue_new();
    peer->thread = g_thread_new("mover", serve, peer);
}

/* Returns: whether the mover found that the client kept to the protocol. */
static gboolean
peer_end(Peer *peer)
{
    close(peer->client);
    gboolean in_order = GPOINTER_TO_INT(g_thread_join(peer->thread));
    g_async_queue_unref(peer->reached);
    g_async_queue_unref(peer->released);
    fake_kernel_free(peer->fake);
    return in_order;
}

static VbWireMessage
request(VbWireOp op, int pid)
{
    VbWireMessage message = {.head = {.version = VB_WIRE_VERSION, .op = op, .pid = pid}};
    message.head.start_time = pid == 0 ? 0 : 99;
    if (op == VB_OP_SAMPLE || op == VB_OP_MOVE) {
        message.head.n_ranges = 1;
        message.range[0] = (VbWireRange){PAGE, PAGE + PAGES * PAGE, PAGE};
    }
    if (op == VB_OP_SAMPLE)
        message.head.max_pages = 1 << 20;
    if (op == VB_OP_MOVE)
        message.head.target = 1;
    if (op == VB_OP_AFFINITY) {
        message.head.tid = pid;
        message.cpus.word[0] = 6;
    }
    return message;
}

static void
say(Peer *peer, const VbWireMessage *message)
{
    gsize size = sizeof message->head + message->head.n_ranges * sizeof message->range[0];
    if (message->head.op == VB_OP_AFFINITY)
        size += sizeof message->cpus;
    g_assert_cmpint(vb_channel_send(peer->client, message, size, -1, TRUE), ==,
                    VB_CHANNEL_MESSAGE);
}

static VbWireReply
hear(Peer *peer, VbWireReplyKind kind, int *ret_fd)
{
    VbWireReply reply;
    gsize length = 0;
    g_assert_cmpint(
        vb_channel_receive(peer->client, &reply, sizeof reply, TRUE, &length, ret_fd), ==,
        VB_CHANNEL_MESSAGE);
    g_assert_cmpuint(length, ==, sizeof reply);
    g_assert_cmpuint(reply.version, ==, VB_WIRE_VERSION);
    g_assert_cmpuint(reply.kind, ==, kind);
    return reply;
}

static void
each_operation_is_answered(void)
{
    Peer peer;
    peer_begin(&peer);
    VbWireMessage message = request(VB_OP_HELLO, 0);
    say(&peer, &message);
    hear(&peer, VB_REPLY_HELLO, NULL);
    message = request(VB_OP_CANCEL, 0); /* too late for anything: not answered */
    say(&peer, &message);
    message = request(VB_OP_SAMPLE, 7);
    say(&peer, &message);
    VbWireReply reply = hear(&peer, VB_REPLY_SAMPLE, NULL);
    g_assert_cmpuint(reply.sample.by_node[0], ==, PAGES);
    g_assert_cmpuint(reply.sample.census, ==, 1);
    message = request(VB_OP_MOVE, 7);
    say(&peer, &message);
    reply = hear(&peer, VB_REPLY_MOVED, NULL);
    g_assert_cmpuint(reply.report.end, ==, VB_MOVE_COMPLETE);
    g_assert_cmpuint(reply.report.bytes_moved, ==, (guint64)PAGES * PAGE);
    g_assert_true(peer_end(&peer));
}

static void
a_file_comes_as_an_open_descriptor(void)
{
    Peer peer;
    peer_begin(&peer);
    VbWireMessage message = request(VB_OP_FILE, 7);
    message.head.file = VB_MOVER_NUMA_MAPS;
    say(&peer, &message);
    int fd = -1;
    hear(&peer, VB_REPLY_FILE, &fd);
    g_assert_cmpint(fd, >=, 0);
    char text[64] = "";
    g_assert_cmpint(read(fd, text, sizeof text - 1), ==, 25);
    g_assert_cmpstr(text, ==, "7f00 default anon=1 N0=1\n");
    close(fd);
    g_assert_true(peer_end(&peer));
}

static void
what_is_refused_is_refused_with_its_reason(void)
{
    static const struct {
        VbWireOp op;
        int pid;
        guint64 start_time;
        int code;
        const char *word;
    } table[] = {
        {VB_OP_SAMPLE, 8, 99, VB_ERROR_DENIED, "not a QEMU guest"},
        {VB_OP_MOVE, 8, 99, VB_ERROR_DENIED, "not a QEMU guest"},
        {VB_OP_FILE, 8, 99, VB_ERROR_DENIED, "not a QEMU guest"},
        {VB_OP_SAMPLE, 7, 98, VB_ERROR_CHANGED, "used again"},
        {VB_OP_FILE, 9, 99, VB_ERROR_NO_GUEST, "has ended"},
        {VB_OP_FILE, 7, 99, VB_ERROR_DENIED, "/proc/7/maps"},
        {VB_OP_SAMPLE, -7, 99, VB_ERROR_INVALID, "pid"},
    };
    Peer peer;
    peer_begin(&peer);
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        VbWireMessage message = request(table[i].op, table[i].pid);
        message.head.start_time = table[i].start_time;
        say(&peer, &message);
        VbWireReply reply = hear(&peer, VB_REPLY_ERROR, NULL);
        g_assert_cmpint((int)reply.code, ==, table[i].code);
        g_assert_nonnull(strstr(reply.text, table[i].word));
    }
    g_assert_true(peer_end(&peer));
}

/* A process that says it is the vhost worker of process 7's thread 17. */
static void
add_worker(Peer *peer, int tid, const char *flags)
{
    g_autofree char *comm = g_strdup_printf("/proc/%d/comm", tid);
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", tid);
    g_autofree char *stat = g_strdup_printf("%d (vhost-17) S 2 0 0 0 -1 %s 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0 0 0 0 0 "
                                            "0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0\n",
                                            tid, flags);
    fake_kernel_write(peer->fake, comm, "vhost-17\n", -1);
    fake_kernel_write(peer->fake, path, stat, -1);
    fake_kernel_set_affinity(peer->fake, tid, &(VbCpuSet){.word = {0xf}});
}

/* The guest has threads 7 and 17; 27 is another process's, though it runs; 37 is the kernel's and serves it. */
static void
add_threads(Peer *peer)
{
    static const int tids[] = {7, 17, 27};
    for (guint i = 0; i < G_N_ELEMENTS(tids); i++) {
        g_autofree char *text = NULL;
        g_autofree char *path = g_strdup_printf("/proc/7/task/%d/stat", tids[i]);
        g_assert_true(peer->fake->kernel.ops->read(&peer->fake->kernel, "/proc/7/stat", 4096, &text,
                                                   NULL, NULL));
        if (tids[i] != 27)
            fake_kernel_write(peer->fake, path, text, -1);
        fake_kernel_set_affinity(peer->fake, tids[i], &(VbCpuSet){.word = {0xf}});
    }
}

static guint64
cpus_of(Peer *peer, int tid)
{
    VbCpuSet cpus = {0};
    g_assert_cmpint(peer->fake->kernel.ops->get_affinity(&peer->fake->kernel, tid, &cpus), ==, 0);
    return cpus.word[0];
}

static void
a_thread_of_the_guest_is_pinned_and_no_other(void)
{
    static const struct {
        int pid, tid, affinity_error;
        guint64 start_time, cpus;
        int code;
        const char *word;
    } refused[] = {
        {7, 27, 0, 99, 6, VB_ERROR_FAILED, "has no thread 27"},
        {7, 47, 0, 99, 6, VB_ERROR_FAILED, "has no thread 47"},
        {7, 37, -ESRCH, 99, 6, VB_ERROR_FAILED, "no thread 37 any more"},
        {8, 8, 0, 99, 6, VB_ERROR_DENIED, "not a QEMU guest"},
        {8, 17, 0, 99, 6, VB_ERROR_DENIED, "not a QEMU guest"},
        {7, 17, 0, 98, 6, VB_ERROR_CHANGED, "used again"},
        {9, 17, 0, 99, 6, VB_ERROR_NO_GUEST, "has ended"},
        {7, 17, -EPERM, 99, 6, VB_ERROR_DENIED, "CAP_SYS_NICE"},
        {7, 17, -EINVAL, 99, 6, VB_ERROR_INVALID, "CPUs 1-2"},
        {7, 17, -ESRCH, 99, 6, VB_ERROR_FAILED, "no thread 17 any more"},
        {7, 17, 0, 99, 0, VB_ERROR_INVALID, "no CPU"},
    };
    Peer peer;
    peer_begin(&peer);
    add_threads(&peer);
    add_worker(&peer, 37, "2129984"); /* PF_KTHREAD is in it */
    add_worker(&peer, 47, "4194304");
    for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
        VbWireMessage message = request(VB_OP_AFFINITY, refused[i].pid);
        message.head.tid = refused[i].tid;
        message.head.start_time = refused[i].start_time;
        message.cpus.word[0] = refused[i].cpus;
        peer.fake->affinity_error = refused[i].affinity_error;
        say(&peer, &message);
        VbWireReply reply = hear(&peer, VB_REPLY_ERROR, NULL);
        g_assert_cmpint((int)reply.code, ==, refused[i].code);
        if (strstr(reply.text, refused[i].word) == NULL)
            g_error("case %u: \"%s\" has no \"%s\"", i, reply.text, refused[i].word);
    }
    peer.fake->affinity_error = 0;
    static const int pinned[] = {17, 37};
    for (guint i = 0; i < G_N_ELEMENTS(pinned); i++) {
        VbWireMessage message = request(VB_OP_AFFINITY, 7);
        message.head.tid = pinned[i];
        say(&peer, &message);
        hear(&peer, VB_REPLY_PINNED, NULL);
        g_assert_cmphex(cpus_of(&peer, pinned[i]), ==, 6);
    }
    g_assert_cmphex(cpus_of(&peer, 47), ==, 0xf);
    g_assert_cmphex(cpus_of(&peer, 7), ==, 0xf);
    g_assert_cmphex(cpus_of(&peer, 27), ==, 0xf);
    g_assert_true(peer_end(&peer));
}

static void
a_guest_that_is_gone_before_its_move_is_no_error(void)
{
    static const guint64 start_times[] = {98, 99};
    Peer peer;
    peer_begin(&peer);
    for (guint i = 0; i < G_N_ELEMENTS(start_times); i++) {
        VbWireMessage message = request(VB_OP_MOVE, start_times[i] == 99 ? 9 : 7);
        message.head.start_time = start_times[i];
        say(&peer, &message);
        VbWireReply reply = hear(&peer, VB_REPLY_MOVED, NULL);
        g_assert_cmpuint(reply.report.end, ==, VB_MOVE_GONE);
    }
    g_assert_true(peer_end(&peer));
}

static void
pause_at_second_batch(FakeKernel *fake, guint64 call, gpointer user_data)
{
    Peer *peer = user_data;
    if (call != 2)
        return;
    g_async_queue_push(peer->reached, peer);
    g_async_queue_pop(peer->released);
}

/* Starts a move and returns in the middle of its second batch. */
static void
begin_move(Peer *peer)
{
    peer_begin(peer);
    VbWireMessage message = request(VB_OP_MOVE, 7);
    peer->fake->hook_data = peer;
    peer->fake->hook = pause_at_second_batch;
    say(peer, &message);
    g_async_queue_pop(peer->reached);
}

static void
a_cancel_ends_a_move_after_its_batch(void)
{
    Peer peer;
    begin_move(&peer);
    VbWireMessage cancel = request(VB_OP_CANCEL, 0);
    say(&peer, &cancel);
    g_async_queue_push(peer.released, &peer);
    VbWireReply reply = hear(&peer, VB_REPLY_MOVED, NULL);
    g_assert_cmpuint(reply.report.end, ==, VB_MOVE_CANCELLED);
    g_assert_cmpuint(reply.report.batches, ==, 2);
    VbWireMessage message = request(VB_OP_HELLO, 0);
    say(&peer, &message);
    hear(&peer, VB_REPLY_HELLO, NULL);
    g_assert_true(peer_end(&peer));
}

static void
a_client_that_goes_away_ends_its_move(void)
{
    Peer peer;
    begin_move(&peer);
    shutdown(peer.client, SHUT_RDWR);
    g_async_queue_push(peer.released, &peer);
    g_thread_join(g_thread_ref(peer.thread));
    g_assert_cmpuint(peer.fake->moves, ==, 2);
    peer_end(&peer);
}

static void
a_client_that_talks_into_a_move_is_dropped(void)
{
    Peer peer;
    begin_move(&peer);
    VbWireMessage message = request(VB_OP_MOVE, 7);
    say(&peer, &message);
    g_async_queue_push(peer.released, &peer);
    hear(&peer, VB_REPLY_MOVED, NULL);
    char byte;
    g_assert_cmpint(recv(peer.client, &byte, 1, 0), ==, 0);
    g_assert_false(peer_end(&peer));
}

static void
descriptors_pushed_at_the_mover_are_dropped(void)
{
    Peer peer;
    peer_begin(&peer);
    VbWireMessage message = request(VB_OP_HELLO, 0);
    g_assert_cmpint(vb_channel_send(peer.client, &message, sizeof message.head, 0, TRUE), ==,
                    VB_CHANNEL_MESSAGE);
    hear(&peer, VB_REPLY_HELLO, NULL);
    g_assert_cmpint(vb_channel_send(peer.client, &message, sizeof message, -1, TRUE), ==,
                    VB_CHANNEL_MESSAGE);
    hear(&peer, VB_REPLY_ERROR, NULL);
    g_assert_true(peer_end(&peer));
}

static guint
count_descriptors(void)
{
    g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
    guint count = 0;
    while (g_dir_read_name(folder) != NULL)
        count++;
    return count;
}

static void
no_descriptors_are_left_of_many_at_a_time(void)
{
    Peer peer;
    peer_begin(&peer);
    VbWireMessage message = request(VB_OP_HELLO, 0);
    say(&peer, &message);
    hear(&peer, VB_REPLY_HELLO, NULL);
    guint before = count_descriptors();
    for (guint many = 1; many <= 4; many++) {
        union {
            struct cmsghdr header;
            char space[CMSG_SPACE(4 * sizeof(int))];
        } rights = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                               .cmsg_len = CMSG_LEN(many * sizeof(int))}};
        memset(CMSG_DATA(&rights.header), 0, many * sizeof(int));
        struct iovec part = {&message, sizeof message.head};
        struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &rights,
                                .msg_controllen = CMSG_SPACE(many * sizeof(int))};
        g_assert_cmpint(sendmsg(peer.client, &header, 0), ==, (gssize)sizeof message.head);
        hear(&peer, VB_REPLY_HELLO, NULL);
    }
    /* The answer comes before the last one is closed: the next is only read after that. */
    say(&peer, &message);
    hear(&peer, VB_REPLY_HELLO, NULL);
    g_assert_cmpuint(count_descriptors(), ==, before);
    g_assert_true(peer_end(&peer));
}

/*
 * What else may come as a common rate: nothing, another file, memory that could be cut short, one too small, and
 * one too large (hugepages).
 */
static void
a_common_rate_must_be_sealed_memory(void)
{
    int fds[] = {-1, open("/dev/null", O_RDWR | O_CLOEXEC), memfd_create("cut", MFD_CLOEXEC | MFD_ALLOW_SEALING),
                 memfd_create("small", MFD_CLOEXEC | MFD_ALLOW_SEALING),
                 memfd_create("large", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    g_assert_cmpint(ftruncate(fds[2], 4096), ==, 0);
    g_assert_cmpint(fcntl(fds[3], F_ADD_SEALS, F_SEAL_SHRINK), ==, 0);
    g_assert_cmpint(ftruncate(fds[4], 2 << 20), ==, 0);
    g_assert_cmpint(fcntl(fds[4], F_ADD_SEALS, F_SEAL_SHRINK), ==, 0);
    Peer peer;
    peer_begin(&peer);
    VbWireMessage message = request(VB_OP_MOVE, 7);
    message.head.common_rate_bytes_per_s = 1;
    for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
        g_assert_cmpint(vb_channel_send(peer.client, &message, sizeof message.head + sizeof message.range[0],
                                        fds[i], TRUE), ==, VB_CHANNEL_MESSAGE);
        hear(&peer, VB_REPLY_ERROR, NULL);
        if (fds[i] >= 0)
            close(fds[i]);
    }
    g_assert_cmpuint(fake_process_bytes_on(peer.guest, 1), ==, 0);
    g_assert_true(peer_end(&peer));
}

/* Whatever the memory says, nobody waits for more than a year, nor for less than nothing. */
static void
a_common_rate_may_hold_anything(void)
{
    static const gint64 said[] = {G_MININT64, -1, 0, G_MAXINT64};
    for (guint i = 0; i < G_N_ELEMENTS(said); i++) {
        g_autoptr(VbBucket) bucket = vb_bucket_new(NULL);
        g_assert_nonnull(bucket);
        g_assert_cmpint(pwrite(vb_bucket_fd(bucket), &said[i], sizeof said[i], 0), ==, sizeof said[i]);
        gint64 wait_ns = vb_bucket_wait_ns(bucket, 5);
        g_assert_cmpint(wait_ns, >=, 0);
        g_assert_cmpint(wait_ns, <=, G_GINT64_CONSTANT(31536000000000000));
        vb_bucket_take(bucket, 5, G_MAXINT64);
        g_assert_cmpint(vb_bucket_wait_ns(bucket, 5), >, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mover/server/each operation is answered", each_operation_is_answered);
    g_test_add_func("/mover/server/a file comes as an open descriptor",
                    a_file_comes_as_an_open_descriptor);
    g_test_add_func("/mover/server/what is refused is refused with its reason",
                    what_is_refused_is_refused_with_its_reason);
    g_test_add_func("/mover/server/a thread of the guest is pinned and no other",
                    a_thread_of_the_guest_is_pinned_and_no_other);
    g_test_add_func("/mover/server/a guest that is gone before its move is no error",
                    a_guest_that_is_gone_before_its_move_is_no_error);
    g_test_add_func("/mover/server/a cancel ends a move after its batch",
                    a_cancel_ends_a_move_after_its_batch);
    g_test_add_func("/mover/server/a client that goes away ends its move",
                    a_client_that_goes_away_ends_its_move);
    g_test_add_func("/mover/server/a client that talks into a move is dropped",
                    a_client_that_talks_into_a_move_is_dropped);
    g_test_add_func("/mover/server/descriptors pushed at the mover are dropped",
                    descriptors_pushed_at_the_mover_are_dropped);
    g_test_add_func("/mover/server/no descriptors are left of many at a time",
                    no_descriptors_are_left_of_many_at_a_time);
    g_test_add_func("/mover/server/a common rate must be sealed memory",
                    a_common_rate_must_be_sealed_memory);
    g_test_add_func("/mover/server/a common rate may hold anything", a_common_rate_may_hold_anything);
    return g_test_run();
}
