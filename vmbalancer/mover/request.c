/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/request.h"
#include <string.h>
#include <vmbalancer/error.h>

/* The fields that an op has besides version and op; all others must be 0. */
typedef enum {
    HAS_PROCESS = 1 << 0,
    HAS_FILE = 1 << 1,
    HAS_RANGES = 1 << 2,
    HAS_SAMPLE = 1 << 3,
    HAS_BUDGET = 1 << 4,
    HAS_CPUS = 1 << 5,
    HAS_BACKING = 1 << 6,
} Fields;

static const Fields fields_of_op[] = {
    [VB_OP_HELLO] = 0,
    [VB_OP_FILE] = HAS_PROCESS | HAS_FILE,
    [VB_OP_SAMPLE] = HAS_PROCESS | HAS_RANGES | HAS_SAMPLE,
    [VB_OP_MOVE] = HAS_PROCESS | HAS_RANGES | HAS_BUDGET,
    [VB_OP_CANCEL] = 0,
    [VB_OP_AFFINITY] = HAS_PROCESS | HAS_CPUS,
    [VB_OP_BACKING] = HAS_PROCESS | HAS_RANGES | HAS_SAMPLE | HAS_BACKING,
};

static gboolean G_GNUC_PRINTF(2, 3)
invalid(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "request refused: %s", text);
    return FALSE;
}

static gboolean
check_unused(const VbWireRequest *head, Fields fields, GError **error)
{
    const struct {
        const char *name;
        gboolean used;
        gboolean set;
    } field[] = {
        {"pid", (fields & HAS_PROCESS) != 0, head->pid != 0},
        {"start_time", (fields & HAS_PROCESS) != 0, head->start_time != 0},
        {"file", (fields & HAS_FILE) != 0, head->file != 0},
        {"n_ranges", (fields & HAS_RANGES) != 0, head->n_ranges != 0},
        {"max_pages", (fields & HAS_SAMPLE) != 0, head->max_pages != 0},
        {"seed", (fields & HAS_SAMPLE) != 0, head->seed != 0},
        {"target", (fields & HAS_BUDGET) != 0, head->target != 0},
        {"rate_bytes_per_s", (fields & HAS_BUDGET) != 0, head->rate_bytes_per_s != 0},
        {"batch_target_ns", (fields & HAS_BUDGET) != 0, head->batch_target_ns != 0},
        {"limit_bytes", (fields & HAS_BUDGET) != 0, head->limit_bytes != 0},
        {"from", (fields & HAS_BUDGET) != 0, head->from != 0},
        {"flags", (fields & HAS_BUDGET) != 0, head->flags != 0},
        {"tid", (fields & HAS_CPUS) != 0, head->tid != 0},
        {"reserved", FALSE, head->reserved != 0},
        {"common_rate_bytes_per_s", (fields & HAS_BUDGET) != 0, head->common_rate_bytes_per_s != 0},
        {"device", (fields & HAS_BACKING) != 0, head->device != 0},
        {"inode", (fields & HAS_BACKING) != 0, head->inode != 0},
    };
    for (guint i = 0; i < G_N_ELEMENTS(field); i++)
        if (!field[i].used && field[i].set)
            return invalid(error, "field %s must be 0 in operation %u", field[i].name, head->op);
    return TRUE;
}

static gboolean
check_values(const VbWireRequest *head, Fields fields, GError **error)
{
    if ((fields & HAS_PROCESS) && head->pid <= 0)
        return invalid(error, "pid is %d, it must be above 0", head->pid);
    if ((fields & HAS_FILE) && head->file > VB_MOVER_SMAPS)
        return invalid(error, "file is %u, the highest is %d", head->file, VB_MOVER_SMAPS);
    if ((fields & HAS_SAMPLE) && (head->max_pages == 0 || head->max_pages > VB_WIRE_SAMPLE_MAX))
        return invalid(error, "max_pages is %u, it must be 1 to %u", head->max_pages,
                       VB_WIRE_SAMPLE_MAX);
    if ((fields & HAS_CPUS) && head->tid <= 0)
        return invalid(error, "tid is %d, it must be above 0", head->tid);
    if ((fields & HAS_BACKING) && head->inode == 0)
        return invalid(error, "inode is 0, it must be above 0");
    if (!(fields & HAS_BUDGET))
        return TRUE;
    if (head->target < 0 || head->target >= VB_NODES_MAX)
        return invalid(error, "target is node %d, it must be 0 to %d", head->target,
                       VB_NODES_MAX - 1);
    if (head->batch_target_ns != 0 && (head->batch_target_ns < VB_WIRE_BATCH_MIN_NS ||
                                       head->batch_target_ns > VB_WIRE_BATCH_MAX_NS))
        return invalid(error, "batch_target_ns is %" G_GINT64_FORMAT ", it must be 1 ms to 10 s",
                       head->batch_target_ns);
    if ((head->flags & ~VB_WIRE_SHARED) != 0)
        return invalid(error, "flags are 0x%x, known are 0x%x", head->flags, VB_WIRE_SHARED);
    return TRUE;
}

static gboolean
check_range(const VbWireRange *range, guint index, guint64 floor, GError **error)
{
    guint64 size = range->page_size;
    if (size < VB_WIRE_PAGE_MIN || size > VB_WIRE_PAGE_MAX || (size & (size - 1)) != 0)
        return invalid(error, "range %u: page size %" G_GUINT64_FORMAT " is no page size", index,
                       size);
    if (((range->start | range->end) & (size - 1)) != 0)
        return invalid(error, "range %u: its ends are not aligned to its page size", index);
    if (range->start >= range->end)
        return invalid(error, "range %u: it ends before it begins", index);
    if (range->end > VB_WIRE_ADDRESS_MAX)
        return invalid(error, "range %u: it ends outside user space", index);
    if (range->start < floor)
        return invalid(error, "range %u: it overlaps or lies below the range before it", index);
    return TRUE;
}

static gboolean
check_offset(const VbWireBackedRange *backed, guint index, GError **error)
{
    guint64 length = backed->range.end - backed->range.start;
    if ((backed->offset & (backed->range.page_size - 1)) != 0)
        return invalid(error, "range %u: its offset is not aligned to its page size", index);
    if (backed->offset > (guint64)G_MAXINT64 - length)
        return invalid(error, "range %u: its offset lies in no file", index);
    return TRUE;
}

static gboolean
check_ranges(const VbWireMessage *message, gsize length, gboolean backed, VbRequest *request,
             GError **error)
{
    guint count = message->head.n_ranges;
    if (count == 0 || count > VB_RANGES_MAX)
        return invalid(error, "n_ranges is %u, it must be 1 to %d", count, VB_RANGES_MAX);
    gsize size = backed ? sizeof message->backed[0] : sizeof message->range[0];
    if (length != sizeof message->head + count * size)
        return invalid(error, "%" G_GSIZE_FORMAT " bytes are no request of %u ranges", length,
                       count);
    guint64 floor = 0;
    for (guint i = 0; i < count; i++) {
        const VbWireRange *range = backed ? &message->backed[i].range : &message->range[i];
        if (!check_range(range, i, floor, error) ||
            (backed && !check_offset(&message->backed[i], i, error)))
            return FALSE;
        request->offset[i] = backed ? message->backed[i].offset : 0;
        floor = range->end;
        request->range[i] = (VbRange){range->start, range->end, range->page_size};
    }
    request->n_ranges = count;
    return TRUE;
}

static gboolean
check_cpus(const VbWireMessage *message, gsize length, VbRequest *request, GError **error)
{
    if (length != sizeof message->head + sizeof message->cpus)
        return invalid(error, "%" G_GSIZE_FORMAT " bytes are no request with a set of CPUs", length);
    memcpy(request->cpus.word, message->cpus.word, sizeof request->cpus.word);
    return vb_cpuset_count(&request->cpus) > 0 || invalid(error, "cpus name no CPU");
}

/* What follows the head. */
static gboolean
check_rest(const VbWireMessage *message, gsize length, Fields fields, VbRequest *request,
           GError **error)
{
    if (fields & HAS_RANGES)
        return check_ranges(message, length, (fields & HAS_BACKING) != 0, request, error);
    if (fields & HAS_CPUS)
        return check_cpus(message, length, request, error);
    return length == sizeof message->head ||
           invalid(error, "operation %u takes no ranges", message->head.op);
}

gboolean
vb_request_check(const VbWireMessage *message, gsize length, VbRequest *ret, GError **error)
{
    const VbWireRequest *head = &message->head;
    if (length < sizeof *head)
        return invalid(error, "%" G_GSIZE_FORMAT " bytes are no request", length);
    if (head->version != VB_WIRE_VERSION)
        return invalid(error, "protocol version %u, this mover (%s) speaks %d; install client and "
                       "mover of the same release", head->version, VB_VERSION, VB_WIRE_VERSION);
    if (head->op < VB_OP_HELLO || head->op > VB_OP_BACKING)
        return invalid(error, "operation %u is unknown", head->op);
    Fields fields = fields_of_op[head->op];
    if (!check_unused(head, fields, error) || !check_values(head, fields, error))
        return FALSE;
    ret->n_ranges = 0;
    if (!check_rest(message, length, fields, ret, error))
        return FALSE;
    ret->op = (VbWireOp)head->op;
    ret->process = (VbProcess){.pid = head->pid, .start_time = head->start_time};
    ret->file = (VbMoverFile)head->file;
    ret->max_pages = head->max_pages;
    ret->seed = head->seed;
    ret->target = head->target;
    ret->tid = head->tid;
    ret->backing = (VbSharedFile){head->device, head->inode};
    ret->budget = (VbMoveBudget){
        .rate_bytes_per_s = head->rate_bytes_per_s,
        .common_rate_bytes_per_s = head->common_rate_bytes_per_s,
        .batch_target_ns = head->batch_target_ns,
        .limit_bytes = head->limit_bytes,
        .from = head->from,
        .shared = (head->flags & VB_WIRE_SHARED) != 0,
    };
    return TRUE;
}
