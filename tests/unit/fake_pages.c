/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_kernel.h"
#include <errno.h>
#include <numaif.h>

#define RUN_PAGES 512

typedef struct {
    int node; /* or -errno */
    gboolean pinned, shared, joined, isolated;
    guint busy;
} Page;

typedef struct {
    guint64 start;
    guint64 page_size;
    guint count;
    Page *page;
} Mapping;

struct FakeProcess {
    FakeKernel *fake;
    int pid;
    guint64 start_time;
    gboolean ended;
    GArray *mappings; /* (element-type Mapping) */
};

static void
mapping_clear(gpointer mapping)
{
    g_free(((Mapping *)mapping)->page);
}

FakeProcess *
fake_process_new(FakeKernel *fake, int pid, guint64 start_time)
{
    FakeProcess *process = g_new0(FakeProcess, 1);
    process->fake = fake;
    process->pid = pid;
    process->start_time = start_time;
    process->mappings = g_array_new(FALSE, FALSE, sizeof(Mapping));
    g_array_set_clear_func(process->mappings, mapping_clear);
    return process;
}

void
fake_process_free(FakeProcess *process)
{
    g_array_unref(process->mappings);
    g_free(process);
}

gboolean
fake_process_has_ended(const FakeProcess *process)
{
    return process->ended;
}

void
fake_process_end(FakeProcess *process)
{
    static const char *const file[] = {"stat", "exe", "cmdline"};
    process->ended = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(file); i++) {
        g_autofree char *path = g_strdup_printf("/proc/%d/%s", process->pid, file[i]);
        fake_kernel_remove(process->fake, path);
    }
    g_hash_table_remove(process->fake->processes, GINT_TO_POINTER(process->pid));
}

void
fake_process_set_state(FakeProcess *process, char state)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", process->pid);
    g_autofree char *text = g_strdup_printf(
        "%d (qemu-system-x86) %c 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 4 0 %" G_GUINT64_FORMAT
        " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 2 0 0 0 0 0\n",
        process->pid, state, process->start_time);
    fake_kernel_write(process->fake, path, text, -1);
}

void
fake_process_map(FakeProcess *process, guint64 start, guint64 page_size, guint count, int node)
{
    Mapping mapping = {start, page_size, count, g_new0(Page, count)};
    for (guint i = 0; i < count; i++)
        mapping.page[i].node = node;
    g_array_append_val(process->mappings, mapping);
}

/* @ret_size: (nullable) */
static Page *
find_page(const FakeProcess *process, guint64 address, guint64 *ret_size)
{
    for (guint i = 0; i < process->mappings->len; i++) {
        const Mapping *mapping = &g_array_index(process->mappings, Mapping, i);
        guint64 index = (address - mapping->start) / mapping->page_size;
        if (address < mapping->start || index >= mapping->count)
            continue;
        if (ret_size != NULL)
            *ret_size = mapping->page_size;
        /* The pages of a transparent hugepage are one page: the first of them. */
        if (mapping->page[index].joined)
            index -= address / mapping->page_size % RUN_PAGES;
        return &mapping->page[index];
    }
    return NULL;
}

static Page *
must_find(const FakeProcess *process, guint64 address)
{
    Page *page = find_page(process, address, NULL);
    g_assert_nonnull(page);
    return page;
}

int
fake_process_node(const FakeProcess *process, guint64 address)
{
    const Page *page = find_page(process, address, NULL);
    return page == NULL ? -EFAULT : page->node;
}

void
fake_process_place(FakeProcess *process, guint64 address, int node)
{
    must_find(process, address)->node = node;
}

void
fake_process_pin(FakeProcess *process, guint64 address)
{
    must_find(process, address)->pinned = TRUE;
}

void
fake_process_share(FakeProcess *process, guint64 address)
{
    must_find(process, address)->shared = TRUE;
}

void
fake_process_busy(FakeProcess *process, guint64 address, guint times)
{
    must_find(process, address)->busy = times;
}

void
fake_process_join(FakeProcess *process, guint64 address)
{
    g_assert_cmpuint(address % (RUN_PAGES * 4096), ==, 0);
    Page *first = must_find(process, address);
    for (guint i = 0; i < RUN_PAGES; i++)
        first[i].joined = TRUE;
}

guint64
fake_process_bytes_on(const FakeProcess *process, int node)
{
    guint64 bytes = 0;
    for (guint i = 0; i < process->mappings->len; i++) {
        const Mapping *mapping = &g_array_index(process->mappings, Mapping, i);
        for (guint j = 0; j < mapping->count; j++)
            if (fake_process_node(process, mapping->start + j * mapping->page_size) == node)
                bytes += mapping->page_size;
    }
    return bytes;
}

/* The list of pages that go together. */
typedef struct {
    FakeKernel *fake;
    FakeProcess *process;
    void **pages;
    int *status;
    int target;
    GArray *listed; /* (element-type guint) */
} Flush;

/* Returns: 0, pages that did not go, or -ENOMEM. */
static long
flush(Flush *list)
{
    long failed = 0;
    gboolean full = FALSE;
    guint64 *room = &list->fake->room[list->target];
    for (guint i = 0; i < list->listed->len; i++) {
        guint64 size = 0;
        guint64 address = GPOINTER_TO_SIZE(list->pages[g_array_index(list->listed, guint, i)]);
        Page *page = find_page(list->process, address, &size);
        size *= page->joined ? RUN_PAGES : 1;
        page->isolated = FALSE;
        full = full || *room < size;
        if (full)
            continue;
        if (page->pinned) {
            failed++;
            continue;
        }
        page->node = list->target;
        *room -= *room == G_MAXUINT64 ? 0 : size;
        list->fake->now_ns += list->fake->page_ns * (gint64)(size / 4096);
    }
    for (guint i = 0; failed == 0 && !full && i < list->listed->len; i++)
        list->status[g_array_index(list->listed, guint, i)] = list->target;
    g_array_set_size(list->listed, 0);
    return full ? -ENOMEM : failed;
}

/* Returns: 1 if the page is listed now, 0 if it is there already, or -errno. */
static int
isolate(Flush *list, Page *page, int flags)
{
    if (page == NULL)
        return -EFAULT;
    if (page->node < 0 || page->node == list->target)
        return MIN(page->node, 0);
    if (page->shared && !(flags & MPOL_MF_MOVE_ALL))
        return -EACCES;
    if (page->isolated)
        return -EBUSY;
    if (page->busy > 0) {
        page->busy--;
        return -EBUSY;
    }
    page->isolated = TRUE;
    return 1;
}

static long
move(Flush *list, gulong count, const int *nodes, int flags)
{
    for (guint i = 0; i < count; i++) {
        list->target = nodes[i];
        if (nodes[i] != nodes[0] || !(list->fake->online & VB_NODE_BIT(nodes[i])))
            return -ENODEV; /* one target a call is all that is modelled */
        Page *page = find_page(list->process, GPOINTER_TO_SIZE(list->pages[i]), NULL);
        int result = isolate(list, page, flags);
        if (result > 0) {
            g_array_append_val(list->listed, i);
            continue;
        }
        list->status[i] = result == 0 ? list->target : result;
        long failed = flush(list);
        if (failed != 0)
            return failed < 0 ? failed : failed + (long)count - i - 1;
    }
    return flush(list);
}

long
fake_kernel_move_pages(VbKernel *kernel, int pid, gulong count, void **pages, const int *nodes,
                       int *status, int flags)
{
    FakeKernel *fake = (FakeKernel *)kernel;
    if (nodes != NULL && fake->hook != NULL)
        fake->hook(fake, fake->moves + 1, fake->hook_data);
    FakeProcess *process = g_hash_table_lookup(fake->processes, GINT_TO_POINTER(pid));
    if (nodes == NULL) {
        fake->queries++;
        fake->pages_asked += count;
        fake->largest_query = MAX(fake->largest_query, count);
        if (process == NULL || fake->query_error != 0)
            return process == NULL ? -ESRCH : fake->query_error;
        for (gulong i = 0; i < count; i++)
            status[i] = fake_process_node(process, GPOINTER_TO_SIZE(pages[i]));
        return 0;
    }
    fake->moves++;
    fake->largest_move = MAX(fake->largest_move, count);
    fake->now_ns += fake->call_ns;
    if (process == NULL || fake->move_error != 0)
        return process == NULL ? -ESRCH : fake->move_error;
    g_autoptr(GArray) listed = g_array_new(FALSE, FALSE, sizeof(guint));
    Flush list = {fake, process, pages, status, 0, listed};
    return move(&list, count, nodes, flags);
}
