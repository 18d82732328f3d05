/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/backing.h"
#include "observe/maps.h"
#include "observe/shared.h"
#include "sys/page_cache.h"
#include "temp_dir.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/*
 * Shared memory that one process has touched and another has only mapped, on the real kernel. The "guest" is this
 * program, copied and run under the name of a system emulator; the test plays the helper that serves it.
 */
#define PAGE G_GUINT64_CONSTANT(4096)
#define PAGES 1000
#define MAPPED 600
#define HUGE_PAGE (G_GUINT64_CONSTANT(2) << 20)
#define HUGE_PAGES 4
#define SIZE_2MB (21u << 26) /* MFD_HUGE_2MB, which older C libraries lack */

typedef struct {
    char *folder, *program;
    GPid pid;
    int in;
    int file; /* the shared memory, ours too */
    guint64 page_size;
    VbProcess process;
    VbSharedFile backing;
    VbBackedRange range;
} Guest;

/* Child: maps the file that it was given, reads the first pages of it, says where, and waits for its end. */
static int
be_guest(int file, guint64 page_size, guint pages, guint touched)
{
    char *memory = mmap(NULL, pages * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
        return 1;
    for (guint i = 0; i < touched; i++)
        memory[i * page_size] = 1;
    printf("%p\n", (void *)memory);
    fflush(stdout);
    return read(0, memory, 1) == 0 ? 0 : 1;
}

static void
copy_self(Guest *guest)
{
    VbKernel *kernel = vb_kernel_real();
    g_autoptr(GError) error = NULL;
    g_autofree char *self = kernel->ops->readlink(kernel, "/proc/self/exe", &error);
    g_autofree char *content = NULL;
    gsize size = 0;
    guest->folder = temp_dir_new();
    guest->program = g_build_filename(guest->folder, "qemu-system-test", NULL);
    g_assert_true(g_file_get_contents(self, &content, &size, &error));
    g_assert_true(g_file_set_contents(guest->program, content, (gssize)size, &error));
    g_assert_cmpint(g_chmod(guest->program, 0755), ==, 0);
}

/* A guest with so many pages, of which it has touched the first. Returns: FALSE if it could not have them. */
static gboolean
guest_begin(Guest *guest, unsigned int flags, guint pages, guint touched)
{
    g_autoptr(GError) error = NULL;
    struct stat file;
    *guest = (Guest){.page_size = flags & MFD_HUGETLB ? HUGE_PAGE : PAGE};
    guest->file = memfd_create("memory-backend-memfd", flags); /* the child has it, too */
    if (guest->file < 0)
        return FALSE;
    g_assert_cmpint(ftruncate(guest->file, (off_t)(pages * guest->page_size)), ==, 0);
    g_assert_cmpint(fstat(guest->file, &file), ==, 0);
    guest->backing = (VbSharedFile){
        (guint64)major(file.st_dev) << 32 | minor(file.st_dev), file.st_ino};
    copy_self(guest);
    g_autofree char *what = g_strdup_printf("%d %" G_GUINT64_FORMAT " %u %u", guest->file,
                                            guest->page_size, pages, touched);
    char *argv[] = {guest->program, (char *)"-name", (char *)"guest=test", what, NULL};
    int out = -1;
    g_assert_true(g_spawn_async_with_pipes(
        NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL,
        &guest->pid, &guest->in, &out, NULL, &error));
    g_assert_no_error(error);
    char line[64] = "";
    gboolean ok = read(out, line, sizeof line - 1) > 0;
    close(out);
    guint64 start = g_ascii_strtoull(line, NULL, 16);
    guest->range = (VbBackedRange){{start, start + pages * guest->page_size, guest->page_size}, 0};
    return ok && vb_process_identify(vb_kernel_real(), guest->pid, &guest->process, NULL);
}

static void
guest_end(Guest *guest)
{
    if (guest->file >= 0)
        close(guest->file);
    if (guest->pid == 0)
        return;
    kill(guest->pid, SIGKILL);
    waitpid(guest->pid, NULL, 0);
    close(guest->in);
    g_free(guest->program);
    temp_dir_free(guest->folder);
}

static void
touch(const Guest *guest, guint first, guint count)
{
    for (guint i = first; i < first + count; i++)
        g_assert_cmpint(pwrite(guest->file, "x", 1, (off_t)(i * guest->page_size)), ==, 1);
}

static guint64
blocks(const Guest *guest)
{
    struct stat file;
    g_assert_cmpint(fstat(guest->file, &file), ==, 0);
    return (guint64)file.st_blocks;
}

static VbMover *
spawn(void)
{
    g_autoptr(GError) error = NULL;
    VbMover *mover = vb_mover_spawn(NULL, &error);
    g_assert_no_error(error);
    return mover;
}

/* May a process here take another's descriptor at all, and has the kernel nodes? */
static gboolean
skip_where_it_cannot_be(void)
{
    VbKernel *kernel = vb_kernel_real();
    void *page = NULL;
    int node;
    int pidfd = kernel->ops->open_process(kernel, getppid());
    int taken = pidfd < 0 ? pidfd : kernel->ops->take_file(kernel, pidfd, 0);
    if (pidfd >= 0)
        close(pidfd);
    if (taken >= 0)
        close(taken);
    if (kernel->ops->move_pages(kernel, getpid(), 1, &page, NULL, &node, 0) == -ENOSYS)
        g_test_skip("this kernel has no NUMA");
    else if (taken < 0 && taken != -EBADF)
        g_test_skip("no descriptor may be taken of another process here");
    else
        return FALSE;
    return TRUE;
}

static VbBackingSample
ask(VbMover *mover, const Guest *guest, guint max_pages)
{
    VbBackingSample sample;
    g_autoptr(GError) error = NULL;
    vb_mover_backing(mover, &guest->process, &guest->backing, &guest->range, 1, max_pages, 1,
                     &sample, &error);
    g_assert_no_error(error);
    return sample;
}

static void
what_a_helper_touched_is_told_from_holes(void)
{
    if (skip_where_it_cannot_be())
        return;
    Guest guest;
    g_assert_true(guest_begin(&guest, MFD_ALLOW_SEALING, PAGES, MAPPED));
    touch(&guest, 700, 100);
    /* A balloon's hole: in the guest's own part, and in the helper's. */
    g_assert_cmpint(fallocate(guest.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              (off_t)(50 * PAGE), (off_t)(10 * PAGE)), ==, 0);
    g_assert_cmpint(fallocate(guest.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                              (off_t)(790 * PAGE), (off_t)(10 * PAGE)), ==, 0);
    guint64 before = blocks(&guest);
    g_assert_cmpuint(before * 512, ==, (MAPPED - 10 + 90) * PAGE);
    g_autoptr(VbMover) mover = spawn();
    VbBackingSample sample = ask(mover, &guest, 5000);
    g_assert_true(sample.census);
    g_assert_false(sample.counted);
    g_assert_cmpuint(sample.pages_total, ==, PAGES);
    g_assert_cmpuint(sample.mapped, ==, MAPPED - 10);
    g_assert_cmpuint(sample.unmapped, ==, 90);
    g_assert_cmpuint(sample.unknown, ==, 0);
    sample = ask(mover, &guest, 100); /* 100 strata of 10 pages, the borders between two */
    g_assert_false(sample.census);
    g_assert_cmpuint(sample.pages_asked, ==, 100);
    g_assert_cmpuint(sample.mapped, ==, 59);
    g_assert_cmpuint(sample.unmapped, ==, 9);
    /* To ask has made no page, neither in the file nor in the guest. */
    g_assert_cmpuint(blocks(&guest), ==, before);
    sample = ask(mover, &guest, 5000);
    g_assert_cmpuint(sample.mapped, ==, MAPPED - 10);
    g_assert_cmpuint(sample.unmapped, ==, 90);
    guest_end(&guest);
}

/* A part of the mapping that begins in mid-file. */
static void
offsets_count_from_the_start_of_the_file(void)
{
    if (skip_where_it_cannot_be())
        return;
    Guest guest;
    g_assert_true(guest_begin(&guest, 0, PAGES, 0));
    touch(&guest, 900, 3);
    guest.range.range.start += 900 * PAGE;
    guest.range.offset = 900 * PAGE;
    g_autoptr(VbMover) mover = spawn();
    VbBackingSample sample = ask(mover, &guest, 5000);
    g_assert_cmpuint(sample.pages_total, ==, 100);
    g_assert_cmpuint(sample.unmapped, ==, 3);
    guest_end(&guest);
}

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

/* Root may have some more. Returns: how many there were; -1 if that is not to be known. */
static gint64
add_to_pool(gint64 more)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(POOL, &text, NULL, NULL))
        return -1;
    gint64 pages = g_ascii_strtoll(text, NULL, 10);
    g_autofree char *then = g_strdup_printf("%" G_GINT64_FORMAT "\n", pages + more);
    int pool = open(POOL, O_WRONLY | O_CLOEXEC);
    if (pool >= 0 && write(pool, then, strlen(then)) < 0)
        g_test_message("the pool of hugepages stays as it is: %s", g_strerror(errno));
    if (pool >= 0)
        close(pool);
    return pages;
}

static void
check_hugepages(void)
{
    Guest guest;
    if (!guest_begin(&guest, MFD_HUGETLB | SIZE_2MB, HUGE_PAGES, 1)) {
        g_test_skip("there are no four hugepages of 2 MiB, and none are to be had");
        guest_end(&guest);
        return;
    }
    void *ours = mmap(NULL, HUGE_PAGES * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, guest.file, 0);
    g_assert_true(ours != MAP_FAILED);
    ((char *)ours)[2 * HUGE_PAGE] = 1;
    g_autoptr(VbMover) mover = spawn();
    VbBackingSample sample = ask(mover, &guest, 100);
    g_assert_true(sample.census);
    g_assert_true(sample.counted);
    g_assert_cmpuint(sample.mapped, ==, 1);
    g_assert_cmpuint(sample.unmapped, ==, 0);
    g_assert_cmpuint(sample.file_bytes, ==, 2 * HUGE_PAGE);
    g_assert_cmpuint(blocks(&guest) * 512, ==, 2 * HUGE_PAGE);
    /* Of a part of it the blocks tell nothing. */
    g_autoptr(GError) error = NULL;
    guest.range.range.end -= HUGE_PAGE;
    g_assert_false(vb_mover_backing(mover, &guest.process, &guest.backing, &guest.range, 1, 100, 1,
                                    &sample, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED);
    munmap(ours, HUGE_PAGES * HUGE_PAGE);
    guest_end(&guest);
}

static void
hugepages_are_counted_for_the_whole_file(void)
{
    if (skip_where_it_cannot_be())
        return;
    gint64 before = add_to_pool(HUGE_PAGES);
    check_hugepages();
    if (before >= 0)
        add_to_pool(-HUGE_PAGES);
}

/* The inode of what the guest has as its standard input: a pipe. */
static VbSharedFile
pipe_of(const Guest *guest)
{
    struct stat file;
    g_assert_cmpint(fstat(guest->in, &file), ==, 0);
    return (VbSharedFile){(guint64)major(file.st_dev) << 32 | minor(file.st_dev), file.st_ino};
}

static void
another_file_is_refused(void)
{
    if (skip_where_it_cannot_be())
        return;
    Guest guest;
    g_assert_true(guest_begin(&guest, 0, PAGES, 1));
    const VbSharedFile pipe = pipe_of(&guest);
    const struct {
        VbSharedFile file;
        int code;
    } others[] = {
        {{guest.backing.device, G_MAXUINT64}, VB_ERROR_UNSUPPORTED},
        {{guest.backing.device + 1, guest.backing.inode}, VB_ERROR_CHANGED},
        {pipe, VB_ERROR_UNSUPPORTED},
    };
    g_autoptr(VbMover) mover = spawn();
    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autoptr(GError) error = NULL;
        VbBackingSample sample;
        g_assert_false(vb_mover_backing(mover, &guest.process, &others[i].file, &guest.range, 1, 9,
                                        1, &sample, &error));
        g_assert_error(error, VB_ERROR, others[i].code);
    }
    /* Nor of a process that is no guest. */
    g_autoptr(GError) error = NULL;
    VbBackingSample sample;
    VbProcess self;
    g_assert_true(vb_process_identify(vb_kernel_real(), getpid(), &self, NULL));
    g_assert_false(vb_mover_backing(mover, &self, &guest.backing, &guest.range, 1, 9, 1, &sample,
                                    &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    ask(mover, &guest, 9); /* and the mover is none the worse for it */
    guest_end(&guest);
}

/* From the memory map to the cell. */
static void
a_cell_tells_them_apart(void)
{
    if (skip_where_it_cannot_be())
        return;
    Guest guest;
    g_assert_true(guest_begin(&guest, 0, PAGES, MAPPED));
    touch(&guest, 700, 100);
    g_autoptr(VbMover) mover = spawn();
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    g_autofree char *text =
        vb_mover_read(mover, &guest.process, VB_MOVER_MAPS, &length, &error);
    g_autoptr(GPtrArray) maps = vb_maps_parse(text, length, &error);
    g_assert_no_error(error);
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(VbRange));
    g_array_append_val(ranges, guest.range.range);
    g_autoptr(GArray) shared = vb_shared_find(maps, ranges);
    g_assert_cmpuint(shared->len, ==, 1);
    g_autoptr(VbCell) cell = vb_cell_new();
    cell->size_bytes = PAGES * PAGE;
    cell->present_bytes = MAPPED * PAGE;
    cell->residency_known = TRUE;
    g_assert_true(vb_shared_is_worth_asking(shared, cell));
    g_assert_true(vb_shared_ask(mover, &guest.process, shared, 5000, 1, cell, &error));
    g_assert_true(cell->unmapped_known);
    g_assert_cmpuint(cell->unmapped_bytes, ==, 100 * PAGE);
    g_assert_cmpuint(cell->unmapped_error_bytes, ==, 0);
    g_assert_true(vb_cell_is_partly_unmapped(cell));
    /* Of a cell that is mapped whole there is nothing to ask. */
    cell->present_bytes = cell->size_bytes;
    g_assert_false(vb_shared_is_worth_asking(shared, cell));
    guest_end(&guest);
}

/* --- the page cache itself -------------------------------------------------------------------- */

static VbPageCache *
open_cache(int fd, GError **error)
{
    struct stat file;
    g_assert_cmpint(fstat(fd, &file), ==, 0);
    return vb_page_cache_open(fd, (guint64)major(file.st_dev) << 32 | minor(file.st_dev),
                              file.st_ino, error);
}

static void
holes_stay_holes(void)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    struct stat file;
    g_assert_cmpint(ftruncate(fd, (off_t)(10 * PAGE + 1)), ==, 0);
    g_assert_cmpint(pwrite(fd, "x", 1, (off_t)(3 * PAGE + 9)), ==, 1);
    g_autoptr(VbPageCache) cache = open_cache(fd, NULL);
    g_assert_nonnull(cache);
    g_assert_false(vb_page_cache_is_counted(cache));
    g_assert_cmpuint(vb_page_cache_length(cache), ==, 10 * PAGE + 1);
    for (guint i = 0; i < 20; i++)
        g_assert_cmpint(vb_page_cache_has(cache, i * PAGE), ==, i == 3);
    g_assert_cmpint(vb_page_cache_has(cache, G_MAXUINT64), ==, 0);
    g_assert_cmpint(pwrite(fd, "x", 1, (off_t)(10 * PAGE)), ==, 1);
    g_assert_cmpint(vb_page_cache_has(cache, 0), ==, 0); /* no neighbour: what was seen is forgotten */
    g_assert_cmpint(vb_page_cache_has(cache, 10 * PAGE), ==, 1);
    g_assert_cmpint(vb_page_cache_has(cache, 3 * PAGE), ==, 1);
    g_assert_cmpint(ftruncate(fd, 0), ==, 0); /* its owner may cut it short at any time */
    g_assert_cmpint(vb_page_cache_has(cache, 5 * PAGE), ==, 0);
    g_assert_cmpint(vb_page_cache_has(cache, 3 * PAGE), ==, 0);
    g_assert_cmpint(fstat(fd, &file), ==, 0);
    g_assert_cmpint(file.st_blocks, ==, 0);
    g_assert_cmpint(lseek(fd, 0, SEEK_CUR), ==, 0);
    close(fd);
}

/* Asked page by page, neighbours are looked up together: no answer may slip to another page. */
static void
each_answer_is_for_its_own_page(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    int fd = memfd_create("test", MFD_CLOEXEC);
    gboolean there[PAGES] = {FALSE};
    g_assert_cmpint(ftruncate(fd, (off_t)(PAGES * PAGE)), ==, 0);
    for (guint i = 0; i < PAGES; i++) {
        there[i] = g_rand_boolean(rand);
        if (there[i])
            g_assert_cmpint(pwrite(fd, "x", 1, (off_t)(i * PAGE)), ==, 1);
    }
    g_autoptr(VbPageCache) cache = open_cache(fd, NULL);
    for (guint i = 0; i < PAGES; i++)
        g_assert_cmpint(vb_page_cache_has(cache, i * PAGE), ==, there[i]);
    for (guint i = 0; i < 20 * PAGES; i++) {
        guint page = (guint)g_rand_int_range(rand, 0, PAGES);
        guint end = page + (guint)g_rand_int_range(rand, 1, 9);
        for (; page < MIN(end, PAGES); page++)
            g_assert_cmpint(vb_page_cache_has(cache, page * PAGE + 17), ==, there[page]);
    }
    close(fd);
}

/* A child without privileges: what becomes of a file that is another user's, by its mode. */
static void
a_file_of_another_user_is_not_lied_about(void)
{
    static const struct {
        mode_t mode;
        int code; /* 0 = it may be asked */
    } cases[] = {{0777, 0}, {0600, VB_ERROR_DENIED}, {0444, VB_ERROR_UNSUPPORTED}};
    if (geteuid() != 0) {
        g_test_skip("only root can be somebody else");
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        int fd = memfd_create("test", MFD_CLOEXEC);
        g_assert_cmpint(ftruncate(fd, (off_t)(10 * PAGE)), ==, 0);
        g_assert_cmpint(fchmod(fd, cases[i].mode), ==, 0);
        pid_t pid = fork();
        if (pid == 0) {
            g_autoptr(GError) error = NULL;
            if (setgid(4321) < 0 || setuid(4321) < 0)
                _exit(100);
            VbPageCache *cache = open_cache(fd, &error);
            _exit(cache == NULL ? error->code : vb_page_cache_has(cache, 0) == 0 ? 99 : 101);
        }
        int status = 0;
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(WEXITSTATUS(status), ==, cases[i].code == 0 ? 99 : cases[i].code);
        close(fd);
    }
}

static void
other_files_have_no_such_cache(void)
{
    g_autoptr(GError) error = NULL;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    g_assert_null(open_cache(fd, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    close(fd);
    fd = memfd_create("test", MFD_CLOEXEC);
    g_assert_null(vb_page_cache_open(fd, 1, 1, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_CHANGED);
    close(fd);
}

int
main(int argc, char **argv)
{
    int file;
    guint pages, touched;
    guint64 size;
    if (argc == 4 && sscanf(argv[3], "%d %" G_GUINT64_FORMAT " %u %u", &file, &size, &pages,
                            &touched) == 4)
        return be_guest(file, size, pages, touched);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mover/unmapped/what a helper touched is told from holes",
                    what_a_helper_touched_is_told_from_holes);
    g_test_add_func("/mover/unmapped/offsets count from the start of the file",
                    offsets_count_from_the_start_of_the_file);
    g_test_add_func("/mover/unmapped/hugepages are counted for the whole file",
                    hugepages_are_counted_for_the_whole_file);
    g_test_add_func("/mover/unmapped/another file is refused", another_file_is_refused);
    g_test_add_func("/mover/unmapped/a cell tells them apart", a_cell_tells_them_apart);
    g_test_add_func("/page cache/holes stay holes", holes_stay_holes);
    g_test_add_func("/page cache/each answer is for its own page", each_answer_is_for_its_own_page);
    g_test_add_func("/page cache/a file of another user is not lied about",
                    a_file_of_another_user_is_not_lied_about);
    g_test_add_func("/page cache/other files have no such cache", other_files_have_no_such_cache);
    return g_test_run();
}
