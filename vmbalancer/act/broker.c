/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/broker.h"
#include "act/loans.h"
#include "act/lock.h"
#include <vmbalancer/error.h>

#define POOLS "/sys/kernel/mm/hugepages"
#define NODE_POOLS "/sys/devices/system/node/node%d/hugepages"
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define KEY "hugepages-borrow= in [limits]"
/* The file's own lock: no guest has this UUID. */
#define NOBODY "00000000-0000-0000-0000-000000000000"

/* The file, while nobody else may change it. */
typedef struct {
    const VbBroker *broker;
    VbLock *lock;
    char *boot;
    VbLoans *loans;
} Book;

static void
book_close(Book *book)
{
    g_clear_pointer(&book->loans, vb_loans_free);
    g_clear_pointer(&book->boot, g_free);
    g_clear_pointer(&book->lock, vb_lock_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Book, book_close)

/* --- pools ---------------------------------------------------------------------------------- */

/* @node: VB_NO_NODE: all of them */
static char *
path_of(int node, guint64 page_size, const char *file)
{
    g_autofree char *dir =
        node == VB_NO_NODE ? g_strdup(POOLS) : g_strdup_printf(NODE_POOLS, node);
    return g_strdup_printf("%s/hugepages-%" G_GUINT64_FORMAT "kB/%s", dir, page_size / 1024, file);
}

static gboolean
read_count(const VbBroker *broker, int node, guint64 page_size, const char *file, guint64 *ret,
           GError **error)
{
    g_autofree char *path = path_of(node, page_size, file);
    if (vb_kernel_read_number(broker->kernel, path, ret, error))
        return TRUE;
    /* No guest is missing, but a file. */
    if (error != NULL && g_error_matches(*error, VB_ERROR, VB_ERROR_NO_GUEST))
        (*error)->code = VB_ERROR_FAILED;
    return FALSE;
}

/* Free pages that no mapping was promised: on @node, and the host has no fewer. */
static guint64
spare_pages(const VbBroker *broker, int node, guint64 page_size)
{
    guint64 here, all, promised;
    if (!read_count(broker, node, page_size, "free_hugepages", &here, NULL) ||
        !read_count(broker, VB_NO_NODE, page_size, "free_hugepages", &all, NULL) ||
        !read_count(broker, VB_NO_NODE, page_size, "resv_hugepages", &promised, NULL))
        return 0;
    return MIN(here, all - MIN(all, promised));
}

static gboolean
may_write(const VbBroker *broker, int node, guint64 page_size, GError **error)
{
    g_autofree char *path = path_of(node, page_size, "nr_hugepages");
    if (broker->kernel->ops->write(broker->kernel, path, NULL, error))
        return TRUE;
    g_prefix_error(error, KEY " lets hugepages be borrowed, but: ");
    return FALSE;
}

static gboolean
write_pool(const VbBroker *broker, const VbLoanStep *step, GError **error)
{
    g_autofree char *path = path_of(step->node, step->page_size, "nr_hugepages");
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, step->after);
    return broker->kernel->ops->write(broker->kernel, path, text, error);
}

/* --- the book ------------------------------------------------------------------------------- */

static gboolean
save(const Book *book, GError **error)
{
    return vb_loans_save(book->broker->state_dir, book->boot, book->loans, error);
}

static void
note_total(const Book *book, guint64 page_size)
{
    guint64 total;
    if (read_count(book->broker, VB_NO_NODE, page_size, "nr_hugepages", &total, NULL))
        vb_loans_set_total(book->loans, page_size, total);
}

/* A kill may have come before the write, after it, or in it. */
static gboolean
take_step(Book *book, GError **error)
{
    const VbLoanStep *step = &book->loans->step;
    guint64 now, page_size = step->page_size;
    if (step->uuid == NULL)
        return TRUE;
    if (!read_count(book->broker, step->node, page_size, "nr_hugepages", &now, error))
        return FALSE;
    vb_loans_take_step(book->loans, now);
    note_total(book, page_size);
    return save(book, error);
}

static gboolean
book_open(Book *book, const VbBroker *broker, GError **error)
{
    book->broker = broker;
    book->lock = vb_lock_wait(broker->state_dir, NOBODY, "hugepages", error);
    if (book->lock != NULL)
        book->boot = vb_kernel_read_line(broker->kernel, BOOT_FILE, error);
    if (book->boot != NULL)
        book->loans = vb_loans_load(broker->state_dir, book->boot, error);
    return book->loans != NULL && take_step(book, error);
}

/* Says first what it will do, then lets the kernel do it, then says what that did. */
static gboolean
resize(Book *book, const VbLoan *loan, int node, gint64 pages, guint64 *ret, GError **error)
{
    const VbBroker *broker = book->broker;
    VbLoanStep *step = &book->loans->step;
    guint64 now = 0, total;
    *ret = 0;
    if (pages == 0)
        return TRUE;
    if (!read_count(broker, node, loan->page_size, "nr_hugepages", &now, error))
        return FALSE;
    gint64 after = MAX((gint64)now + pages, 0);
    *step = (VbLoanStep){g_strdup(loan->uuid), loan->page_size, node, now, (guint64)after};
    if (!vb_loans_total(book->loans, loan->page_size, &total))
        note_total(book, loan->page_size);
    if (!save(book, error)) {
        g_clear_pointer(&step->uuid, g_free);
        return FALSE;
    }
    guint64 before = now;
    gboolean written = write_pool(broker, step, error);
    if (!take_step(book, written ? error : NULL))
        return FALSE;
    if (!read_count(broker, node, loan->page_size, "nr_hugepages", &now, NULL))
        now = before;
    *ret = pages > 0 ? now - MIN(before, now) : before - MIN(now, before);
    *ret = MIN(*ret, (guint64)ABS(pages));
    return written;
}

/* Takes at most @pages from the pool, of those that are free. Never more than the host has too many. */
static void
reduce(Book *book, const VbLoan *loan, int node, guint64 pages)
{
    g_autoptr(GError) error = NULL;
    guint64 excess = (guint64)MAX(vb_loan_excess(loan), 0), taken;
    pages = MIN(pages, excess);
    pages = node != VB_NO_NODE
                ? MIN(pages, spare_pages(book->broker, node, loan->page_size))
                : 0;
    if (!resize(book, loan, node, -(gint64)pages, &taken, &error))
        g_debug("hugepages stay on node %d: %s", node, error->message);
}

/* Pages that somebody else took from the pools meanwhile are not owed any more. */
static void
forgive(Book *book, VbLoan *loan)
{
    guint64 now, left;
    if (!read_count(book->broker, VB_NO_NODE, loan->page_size, "nr_hugepages", &now, NULL) ||
        !vb_loans_total(book->loans, loan->page_size, &left) || now >= left || loan->to < 0)
        return;
    gint64 gone = (gint64)(left - now);
    loan->pages[loan->to] -= MIN(gone, MAX(vb_loan_excess(loan), 0));
    vb_loans_set_total(book->loans, loan->page_size, now);
}

/* @unused: pages on the target that did not come to be used */
static gboolean
return_excess(Book *book, VbLoan *loan, guint64 unused, GError **error)
{
    forgive(book, loan);
    reduce(book, loan, loan->to, unused);
    reduce(book, loan, loan->from, G_MAXINT64);
    /* Who else has pages of ours that are free now. */
    for (int node = 0; node < VB_NODES_MAX && vb_loan_excess(loan) > 0; node++)
        if (loan->pages[node] > 0)
            reduce(book, loan, node, (guint64)loan->pages[node]);
    gint64 left = vb_loan_excess(loan);
    if (left > 0)
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "%" G_GINT64_FORMAT " hugepages of %" G_GUINT64_FORMAT " KiB that were lent to "
                    "node %d cannot be given back now, as others use them: they are when they get "
                    "free there or on node %d",
                    left, loan->page_size / 1024, loan->to, loan->from);
    return save(book, left > 0 ? NULL : error) && left <= 0;
}

/* --- lending -------------------------------------------------------------------------------- */

/* Nothing is to be lent, and nothing was. */
static gboolean
is_idle(const VbBroker *broker)
{
    return broker->limit_bytes == 0 && !vb_loans_exist(broker->state_dir);
}

static guint64
may_borrow(const VbBroker *broker, const VbLoans *loans, int node, guint64 page_size,
           guint64 room_bytes)
{
    gint64 limit = (gint64)MIN(broker->limit_bytes, G_MAXINT64 / 2);
    gint64 left = limit - vb_loans_net_bytes(loans, node);
    return MIN((guint64)MAX(left, 0), room_bytes) / page_size;
}

gboolean
vb_broker_offer(const VbBroker *broker, const guint64 *reserve_bytes, VbTopology *topology,
                GError **error)
{
    int node;
    gboolean written = TRUE;
    if (is_idle(broker))
        return TRUE;
    g_autofree char *boot = vb_kernel_read_line(broker->kernel, BOOT_FILE, error);
    g_autoptr(VbLoans) loans =
        boot != NULL ? vb_loans_load(broker->state_dir, boot, error) : NULL;
    if (loans == NULL)
        return FALSE;
    VB_NODESET_FOREACH(node, topology->nodes)
    {
        VbNode *host = &topology->node[node];
        guint64 room = host->memory_free_bytes - MIN(reserve_bytes[node], host->memory_free_bytes);
        for (guint i = 0; i < host->n_pools; i++) {
            VbHugePool *pool = &host->pools[i];
            guint64 pages = may_borrow(broker, loans, node, pool->page_size, room);
            gboolean may = may_write(broker, node, pool->page_size, written ? error : NULL);
            pool->borrow = may ? pages : 0;
            pool->free += pool->borrow;
            written &= may;
        }
    }
    return written;
}

static gboolean
refuse(const VbBorrow *borrow, guint64 free, guint64 lacking, guint64 allowed, guint64 given,
       GError **error)
{
    g_autofree char *why =
        lacking > allowed
            ? g_strdup_printf("no more than %" G_GUINT64_FORMAT " can be borrowed: enlarge the "
                              "pool (nr_hugepages), free memory there, or raise " KEY,
                              allowed)
            : g_strdup_printf("of %" G_GUINT64_FORMAT " more that it was asked for the kernel gave "
                              "%" G_GUINT64_FORMAT ", as the node's memory is in pieces: free "
                              "memory there, or enlarge the pool early, as the host boots",
                              lacking, given);
    g_set_error(error, VB_ERROR, VB_ERROR_NO_SPACE,
                "node %d has %" G_GUINT64_FORMAT " free hugepages of %" G_GUINT64_FORMAT " KiB, "
                "%" G_GUINT64_FORMAT " needed; %s",
                borrow->to, free, borrow->page_size / 1024, borrow->pages, why);
    return FALSE;
}

/* Returns: FALSE if less than what lacks was given; what was is then given back. */
static gboolean
enlarge(Book *book, VbLoan *loan, VbBorrow *borrow, guint64 free, guint64 lacking, guint64 wanted,
        GError **error)
{
    guint64 given = 0;
    gboolean grown =
        resize(book, loan, borrow->to, (gint64)wanted, &given, error);
    borrow->borrowed = given;
    if (grown && given >= lacking)
        return TRUE;
    borrow->borrowed = 0;
    return_excess(book, loan, given, NULL);
    return grown ? refuse(borrow, free, lacking, wanted, given, error) : FALSE;
}

gboolean
vb_broker_borrow(const VbBroker *broker, VbBorrow *borrow, gint64 coming_pages, guint64 room_bytes,
                 GError **error)
{
    g_auto(Book) book = {0};
    guint64 free;
    borrow->borrowed = 0;
    if (is_idle(broker))
        return TRUE;
    if (!book_open(&book, broker, error) ||
        !read_count(broker, borrow->to, borrow->page_size, "free_hugepages", &free, error))
        return FALSE;
    VbLoan *loan = vb_loans_open(book.loans, borrow->uuid, borrow->page_size);
    gint64 short_by = (gint64)borrow->pages + coming_pages - (gint64)free;
    guint64 lacking = MIN((guint64)MAX(short_by, 0), borrow->pages);
    guint64 away = MIN((guint64)MAX(-loan->pages[borrow->to], 0), borrow->pages);
    guint64 allowed = may_borrow(broker, book.loans, borrow->to, borrow->page_size, room_bytes);
    guint64 wanted = MIN(MAX(lacking, away), allowed);
    if (lacking > allowed)
        return refuse(borrow, free, lacking, allowed, 0, error);
    if (wanted == 0)
        return TRUE;
    loan->from = borrow->from;
    loan->to = borrow->to;
    return enlarge(&book, loan, borrow, free, lacking, wanted, error);
}

gboolean
vb_broker_give_back(const VbBroker *broker, const VbBorrow *borrow, guint64 moved_pages,
                    GError **error)
{
    g_auto(Book) book = {0};
    if (borrow->borrowed == 0)
        return TRUE;
    if (!book_open(&book, broker, error))
        return FALSE;
    VbLoan *loan = vb_loans_open(book.loans, borrow->uuid, borrow->page_size);
    guint64 own = borrow->pages - MIN(borrow->borrowed, borrow->pages);
    guint64 used = MIN(moved_pages - MIN(own, moved_pages), borrow->borrowed);
    return return_excess(&book, loan, borrow->borrowed - used, error);
}

/* --- later ---------------------------------------------------------------------------------- */

/* The pages go from where its guest took them to where they were. */
static void
send_back(Book *book, VbLoan *loan, int node)
{
    for (int home = 0; home < VB_NODES_MAX && loan->pages[node] > 0; home++) {
        if (loan->pages[home] >= 0)
            continue;
        guint64 free = spare_pages(book->broker, node, loan->page_size), given;
        gint64 pages = MIN(MIN(loan->pages[node], -loan->pages[home]), (gint64)free);
        resize(book, loan, home, pages, &given, NULL);
        reduce(book, loan, node, given);
    }
}

static void
send_all_back(Book *book, VbLoan *loan)
{
    guint64 now, left;
    gboolean ours =
        read_count(book->broker, VB_NO_NODE, loan->page_size, "nr_hugepages", &now, NULL) &&
        vb_loans_total(book->loans, loan->page_size, &left) && now == left;
    for (int node = 0; node < VB_NODES_MAX; node++) {
        if (ours)
            send_back(book, loan, node);
        else /* The administrator has laid them out anew. */
            loan->pages[node] = 0;
    }
}

static gboolean
settle_one(const VbBroker *broker, const VbLoan *seen, gboolean ended, GError **error)
{
    g_auto(Book) book = {0};
    g_autoptr(VbLock) lock = vb_lock_take(broker->state_dir, seen->uuid, seen->uuid, NULL);
    if (lock == NULL)
        return TRUE;
    if (!book_open(&book, broker, error))
        return FALSE;
    VbLoan *loan = vb_loans_find(book.loans, seen->uuid, seen->page_size);
    if (loan == NULL)
        return TRUE;
    if (vb_loan_excess(loan) > 0 && !return_excess(&book, loan, G_MAXINT64, error))
        return FALSE;
    if (ended)
        send_all_back(&book, loan);
    return save(&book, error);
}

gboolean
vb_broker_settle(const VbBroker *broker, VbBrokerEnded ended, gpointer user_data, GError **error)
{
    gboolean settled = TRUE;
    if (!vb_loans_exist(broker->state_dir))
        return TRUE;
    g_auto(Book) book = {0};
    if (!book_open(&book, broker, error))
        return FALSE;
    if (book.loans->loans->len == 0)
        return save(&book, error);
    g_clear_pointer(&book.lock, vb_lock_free);
    for (guint i = 0; i < book.loans->loans->len; i++) {
        const VbLoan *loan = g_ptr_array_index(book.loans->loans, i);
        gboolean over = ended != NULL && ended(loan->uuid, user_data);
        if (over || vb_loan_excess(loan) > 0)
            settled &= settle_one(broker, loan, over, settled ? error : NULL);
    }
    return settled;
}
