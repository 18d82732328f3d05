/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/identity.h"
#include "mover/request.h"
#include <string.h>
#include <vmbalancer/error.h>

#define HUGE_SIZE (2u << 20)

/* A good move of two ranges. */
static VbWireMessage *
good_move(gsize *ret_length)
{
    VbWireMessage *message = g_new0(VbWireMessage, 1);
    message->head = (VbWireRequest){
        .version = VB_WIRE_VERSION,
        .op = VB_OP_MOVE,
        .pid = 7,
        .start_time = 99,
        .target = 3,
        .rate_bytes_per_s = 1 << 20,
        .common_rate_bytes_per_s = 3 << 20,
        .batch_target_ns = 30000000,
        .limit_bytes = 4096,
        .from = 1,
        .flags = VB_WIRE_SHARED,
        .n_ranges = 2,
    };
    message->range[0] = (VbWireRange){0x10000, 0x20000, 4096};
    message->range[1] = (VbWireRange){HUGE_SIZE, 3 * HUGE_SIZE, HUGE_SIZE};
    *ret_length = sizeof message->head + 2 * sizeof message->range[0];
    return message;
}

static void
a_good_move_comes_out_as_it_went_in(void)
{
    gsize length = 0;
    g_autofree VbWireMessage *message = good_move(&length);
    g_autofree VbRequest *request = g_new0(VbRequest, 1);
    g_autoptr(GError) error = NULL;
    g_assert_true(vb_request_check(message, length, request, &error));
    g_assert_cmpint(request->op, ==, VB_OP_MOVE);
    g_assert_cmpint(request->process.pid, ==, 7);
    g_assert_cmpuint(request->process.start_time, ==, 99);
    g_assert_cmpint(request->target, ==, 3);
    g_assert_cmpuint(request->budget.rate_bytes_per_s, ==, 1 << 20);
    g_assert_cmpuint(request->budget.common_rate_bytes_per_s, ==, 3 << 20);
    g_assert_cmpint(request->budget.batch_target_ns, ==, 30000000);
    g_assert_cmpuint(request->budget.limit_bytes, ==, 4096);
    g_assert_cmpuint(request->budget.from, ==, 1);
    g_assert_true(request->budget.shared);
    g_assert_cmpuint(request->n_ranges, ==, 2);
    g_assert_cmpuint(request->range[1].end, ==, 3 * HUGE_SIZE);
}

#define HEAD(field) G_STRUCT_OFFSET(VbWireMessage, head.field), sizeof(((VbWireRequest *)0)->field)
#define RANGE(i, field)                                                                            \
    G_STRUCT_OFFSET(VbWireMessage, range[i].field), sizeof(((VbWireRange *)0)->field)

/* One field of a good move made bad, and a word that the refusal must have. */
static const struct {
    gsize offset, size;
    guint64 value;
    const char *word;
} hostile[] = {
    {HEAD(version), 0, "version"},
    {HEAD(version), VB_WIRE_VERSION - 1, "version"},
    {HEAD(version), VB_WIRE_VERSION + 1, "version"},
    {HEAD(version), G_MAXUINT32, "version"},
    {HEAD(op), 0, "operation"},
    {HEAD(op), VB_OP_BACKING + 1, "operation"},
    {HEAD(op), VB_OP_BACKING, "must be 0"},
    {HEAD(op), VB_OP_AFFINITY, "must be 0"},
    {HEAD(op), G_MAXUINT32, "operation"},
    {HEAD(op), VB_OP_HELLO, "must be 0"},
    {HEAD(op), VB_OP_CANCEL, "must be 0"},
    {HEAD(op), VB_OP_FILE, "must be 0"},
    {HEAD(op), VB_OP_SAMPLE, "must be 0"},
    {HEAD(pid), 0, "pid"},
    {HEAD(pid), G_MAXUINT32, "pid"},
    {HEAD(pid), 0x80000000, "pid"},
    {HEAD(file), 1, "file"},
    {HEAD(seed), 1, "seed"},
    {HEAD(max_pages), 1, "max_pages"},
    {HEAD(target), VB_NODES_MAX, "target"},
    {HEAD(target), G_MAXUINT32, "target"},
    {HEAD(target), 0x7fffffff, "target"},
    {HEAD(batch_target_ns), 1, "batch_target_ns"},
    {HEAD(batch_target_ns), G_MAXUINT64, "batch_target_ns"},
    {HEAD(batch_target_ns), G_GUINT64_CONSTANT(10000000001), "batch_target_ns"},
    {HEAD(flags), 2, "flags"},
    {HEAD(flags), 0x80000001, "flags"},
    {HEAD(n_ranges), 0, "n_ranges"},
    {HEAD(n_ranges), 1, "ranges"},
    {HEAD(n_ranges), 3, "ranges"},
    {HEAD(n_ranges), VB_RANGES_MAX + 1, "n_ranges"},
    {HEAD(n_ranges), G_MAXUINT32, "n_ranges"},
    {HEAD(n_ranges), 0x0aaaaaab, "n_ranges"},
    {HEAD(tid), 1, "tid"},
    {HEAD(reserved), 1, "reserved"},
    {HEAD(device), 1, "device"},
    {HEAD(inode), 1, "inode"},
    {RANGE(0, start), 0x10001, "aligned"},
    {RANGE(0, end), 0x20800, "aligned"},
    {RANGE(0, start), 0x20000, "before it begins"},
    {RANGE(0, start), 0x30000, "before it begins"},
    {RANGE(0, end), 0, "before it begins"},
    {RANGE(0, end), HUGE_SIZE + 4096, "overlaps"},
    {RANGE(0, page_size), 0, "page size"},
    {RANGE(0, page_size), 1, "page size"},
    {RANGE(0, page_size), 2048, "page size"},
    {RANGE(0, page_size), 12288, "page size"},
    {RANGE(0, page_size), G_MAXUINT64, "page size"},
    {RANGE(0, page_size), G_GUINT64_CONSTANT(1) << 63, "page size"},
    {RANGE(1, start), 0, "overlaps"},
    {RANGE(1, end), G_MAXUINT64 - HUGE_SIZE + 1, "user space"},
    {RANGE(1, end), (G_GUINT64_CONSTANT(1) << 57) + HUGE_SIZE, "user space"},
    {RANGE(1, page_size), HUGE_SIZE * 2, "aligned"},
};

static void
each_bad_field_is_refused_by_name(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(hostile); i++) {
        gsize length = 0;
        g_autofree VbWireMessage *message = good_move(&length);
        memcpy((char *)message + hostile[i].offset, &hostile[i].value, hostile[i].size);
        g_autofree VbRequest *request = g_new0(VbRequest, 1);
        g_autoptr(GError) error = NULL;
        g_assert_false(vb_request_check(message, length, request, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        if (strstr(error->message, hostile[i].word) == NULL)
            g_error("case %u: \"%s\" has no \"%s\"", i, error->message, hostile[i].word);
    }
}

static void
each_wrong_length_is_refused(void)
{
    gsize length = 0;
    g_autofree VbWireMessage *message = good_move(&length);
    g_autofree VbRequest *request = g_new0(VbRequest, 1);
    for (gsize other = 0; other <= sizeof *message + 8; other++)
        if (other != length)
            g_assert_false(vb_request_check(message, other, request, NULL));
    message->head = (VbWireRequest){.version = VB_WIRE_VERSION, .op = VB_OP_HELLO};
    for (gsize other = 0; other <= sizeof *message + 8; other++)
        g_assert_true(vb_request_check(message, other, request, NULL) ==
                      (other == sizeof message->head));
}

/* One field of a good request for CPUs made bad, and a word that the refusal must have. */
static const struct {
    gsize offset, size;
    guint64 value;
    const char *word;
} hostile_affinity[] = {
    {HEAD(pid), 0, "pid"},       {HEAD(tid), 0, "tid"},           {HEAD(tid), 0x80000000, "tid"},
    {HEAD(file), 1, "file"},     {HEAD(n_ranges), 1, "n_ranges"}, {HEAD(target), 1, "target"},
    {HEAD(from), 1, "from"},     {HEAD(flags), 1, "flags"},       {HEAD(reserved), 1, "reserved"},
    {HEAD(seed), 1, "seed"},     {HEAD(max_pages), 1, "max_pages"},
    {G_STRUCT_OFFSET(VbWireMessage, cpus.word[1]), 8, 0, "no CPU"},
};

static VbWireMessage *
good_affinity(gsize *ret_length)
{
    VbWireMessage *message = g_new0(VbWireMessage, 1);
    message->head = (VbWireRequest){
        .version = VB_WIRE_VERSION, .op = VB_OP_AFFINITY, .pid = 7, .start_time = 99, .tid = 8};
    message->cpus.word[1] = 5;
    *ret_length = sizeof message->head + sizeof message->cpus;
    return message;
}

static void
cpus_of_a_thread_are_checked_as_ranges_are(void)
{
    g_autofree VbRequest *request = g_new0(VbRequest, 1);
    gsize length = 0;
    g_autofree VbWireMessage *good = good_affinity(&length);
    g_assert_true(vb_request_check(good, length, request, NULL));
    g_autofree char *cpus = vb_cpuset_format(&request->cpus);
    g_assert_cmpstr(cpus, ==, "64,66");
    g_assert_cmpint(request->tid, ==, 8);
    g_assert_cmpint(request->process.pid, ==, 7);
    for (gsize other = 0; other <= sizeof *good + 8; other++)
        g_assert_true(vb_request_check(good, other, request, NULL) == (other == length));
    for (guint i = 0; i < G_N_ELEMENTS(hostile_affinity); i++) {
        g_autofree VbWireMessage *message = good_affinity(&length);
        memcpy((char *)message + hostile_affinity[i].offset, &hostile_affinity[i].value,
               hostile_affinity[i].size);
        g_autoptr(GError) error = NULL;
        g_assert_false(vb_request_check(message, length, request, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        if (strstr(error->message, hostile_affinity[i].word) == NULL)
            g_error("case %u: \"%s\" has no \"%s\"", i, error->message, hostile_affinity[i].word);
    }
}

#define BACKED(i, field)                                                                           \
    G_STRUCT_OFFSET(VbWireMessage, backed[i].field), sizeof(((VbWireBackedRange *)0)->field)

/* One field of a good question for shared memory made bad, and a word that the refusal must have. */
static const struct {
    gsize offset, size;
    guint64 value;
    const char *word;
} hostile_backing[] = {
    {HEAD(pid), 0, "pid"},
    {HEAD(inode), 0, "inode"},
    {HEAD(max_pages), 0, "max_pages"},
    {HEAD(max_pages), VB_WIRE_SAMPLE_MAX + 1, "max_pages"},
    {HEAD(n_ranges), 0, "n_ranges"},
    {HEAD(n_ranges), 1, "ranges"},
    {HEAD(n_ranges), VB_RANGES_MAX + 1, "n_ranges"},
    {HEAD(target), 1, "target"},
    {HEAD(flags), 1, "flags"},
    {HEAD(tid), 1, "tid"},
    {HEAD(file), 1, "file"},
    {BACKED(0, range.start), 0x10001, "aligned"},
    {BACKED(0, range.page_size), 12288, "page size"},
    {BACKED(1, range.start), 0, "overlaps"},
    {BACKED(1, range.end), G_MAXUINT64 - HUGE_SIZE + 1, "user space"},
    {BACKED(0, offset), 1, "offset is not aligned"},
    {BACKED(1, offset), 4096, "offset is not aligned"},
    {BACKED(0, offset), G_GUINT64_CONSTANT(1) << 63, "offset lies in no file"},
    {BACKED(0, offset), G_MAXUINT64 - 4095, "offset lies in no file"},
    {BACKED(0, offset), G_MAXINT64 - 4095, "offset lies in no file"},
};

static VbWireMessage *
good_backing(gsize *ret_length)
{
    VbWireMessage *message = g_new0(VbWireMessage, 1);
    message->head = (VbWireRequest){.version = VB_WIRE_VERSION, .op = VB_OP_BACKING, .pid = 7,
                                    .start_time = 99, .max_pages = 100, .seed = 5, .device = 1,
                                    .inode = 77, .n_ranges = 2};
    message->backed[0] = (VbWireBackedRange){{0x10000, 0x20000, 4096}, 0x3000};
    message->backed[1] =
        (VbWireBackedRange){{HUGE_SIZE, 3 * HUGE_SIZE, HUGE_SIZE}, 4 * HUGE_SIZE};
    *ret_length = sizeof message->head + 2 * sizeof message->backed[0];
    return message;
}

static void
shared_memory_is_checked_as_ranges_are(void)
{
    g_autofree VbRequest *request = g_new0(VbRequest, 1);
    gsize length = 0;
    g_autofree VbWireMessage *good = good_backing(&length);
    g_assert_true(vb_request_check(good, length, request, NULL));
    g_assert_cmpint(request->op, ==, VB_OP_BACKING);
    g_assert_cmpuint(request->n_ranges, ==, 2);
    g_assert_cmpuint(request->max_pages, ==, 100);
    g_assert_cmpuint(request->seed, ==, 5);
    g_assert_cmpuint(request->backing.device, ==, 1);
    g_assert_cmpuint(request->backing.inode, ==, 77);
    g_assert_cmpuint(request->range[1].start, ==, HUGE_SIZE);
    g_assert_cmpuint(request->offset[0], ==, 0x3000);
    g_assert_cmpuint(request->offset[1], ==, 4 * HUGE_SIZE);
    for (gsize other = 0; other <= sizeof *good + 8; other++)
        g_assert_true(vb_request_check(good, other, request, NULL) == (other == length));
    for (guint i = 0; i < G_N_ELEMENTS(hostile_backing); i++) {
        g_autofree VbWireMessage *message = good_backing(&length);
        memcpy((char *)message + hostile_backing[i].offset, &hostile_backing[i].value,
               hostile_backing[i].size);
        g_autoptr(GError) error = NULL;
        g_assert_false(vb_request_check(message, length, request, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        if (strstr(error->message, hostile_backing[i].word) == NULL)
            g_error("case %u: \"%s\" has no \"%s\"", i, error->message, hostile_backing[i].word);
    }
}

static void
random_messages_never_crash(void)
{
    GRand *random = g_rand_new_with_seed(42);
    g_autofree VbWireMessage *message = g_new0(VbWireMessage, 1);
    g_autofree VbRequest *request = g_new0(VbRequest, 1);
    for (guint i = 0; i < 20000; i++) {
        gsize length = 0;
        g_autofree VbWireMessage *good = (i % 2 == 0 ? good_move : good_backing)(&length);
        *message = *good;
        for (guint flips = (guint)g_rand_int_range(random, 1, 6); flips > 0; flips--)
            ((guint8 *)message)[g_rand_int_range(random, 0, (gint32)length)] =
                (guint8)g_rand_int(random);
        g_autoptr(GError) error = NULL;
        if (!vb_request_check(message, length, request, &error))
            g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
    g_rand_free(random);
}

static void
a_qemu_guest_is_told_from_other_processes(void)
{
    static const struct {
        const char *exe;
        const char *cmdline; /* arguments apart by spaces */
        gboolean guest;
    } table[] = {
        {"/usr/bin/qemu-system-x86_64", "qemu -name guest=a,debug-threads=on -S", TRUE},
        {"/usr/bin/qemu-system-x86_64 (deleted)", "qemu -uuid 1-2", TRUE},
        {"/usr/libexec/qemu-kvm", "/usr/libexec/qemu-kvm -name guest=a", TRUE},
        {"/usr/libexec/qemu-kvm (deleted)", "qemu-kvm --uuid 1-2", TRUE},
        {"/opt/q/qemu-system-aarch64", "qemu -M virt -m 1G", TRUE},
        {"qemu-system-test", "qemu-system-test", TRUE},
        {"/usr/bin/qemu-system-x86_64", "q -name guest=a -machine none", TRUE},
        {"/usr/bin/qemu-system-x86_64", "q -S -no-user-config -machine none,accel=kvm:tcg", FALSE},
        {"/usr/bin/qemu-system-x86_64", "q --machine accel=kvm,type=none", FALSE},
        {"/usr/bin/qemu-system-x86_64", "q -M none", FALSE},
        {"/usr/bin/qemu-system-x86_64", "", FALSE},
        {"/usr/bin/qemu-img", "qemu-img -name guest=a", FALSE},
        {"/usr/bin/qemu-x86_64", "qemu -name guest=a", FALSE},
        {"/usr/bin/qemu-kvm-helper", "q -uuid 1", FALSE},
        {"/tmp/qemu-system-x86_64/bash", "bash -name guest=a", FALSE},
        {"/bin/bash", "qemu-system-x86_64 -name guest=a -uuid 1", FALSE},
        {"", "", FALSE},
        {" (deleted)", "q -uuid 1", FALSE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *cmdline = g_strdelimit(g_strdup(table[i].cmdline), " ", '\0');
        gsize length = *table[i].cmdline == '\0' ? 0 : strlen(table[i].cmdline) + 1;
        const char *reason = NULL;
        gboolean guest = vb_identity_is_guest(table[i].exe, cmdline, length, &reason);
        if (guest != table[i].guest)
            g_error("%s %s: %s", table[i].exe, table[i].cmdline, reason);
        g_assert_true((reason == NULL) == guest);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mover/request/a good move comes out as it went in",
                    a_good_move_comes_out_as_it_went_in);
    g_test_add_func("/mover/request/each bad field is refused by name",
                    each_bad_field_is_refused_by_name);
    g_test_add_func("/mover/request/each wrong length is refused", each_wrong_length_is_refused);
    g_test_add_func("/mover/request/cpus of a thread are checked as ranges are",
                    cpus_of_a_thread_are_checked_as_ranges_are);
    g_test_add_func("/mover/request/shared memory is checked as ranges are",
                    shared_memory_is_checked_as_ranges_are);
    g_test_add_func("/mover/request/random messages never crash", random_messages_never_crash);
    g_test_add_func("/mover/identity/a QEMU guest is told from other processes",
                    a_qemu_guest_is_told_from_other_processes);
    return g_test_run();
}
