/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The undo record and the lock of a guest: what outlives the program. */
#include "act/lock.h"
#include "act/state.h"
#include "act/undo.h"
#include "temp_dir.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vmbalancer/error.h>

#define UUID "00000000-0000-4000-8000-000000000001"
/* A user who is not root. */
#define SERVICE 65534u
#define OTHER "00000000-0000-4000-8000-000000000002"

static char *
record_path(const char *dir, const char *uuid)
{
    return g_strdup_printf("%s/guests/%s.json", dir, uuid);
}

static void
write_record(const char *dir, const char *text)
{
    g_autofree char *path = record_path(dir, UUID);
    g_autofree char *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static VbUndo *
small_record(void)
{
    VbUndo *undo = vb_undo_new(UUID, "web\x1b[31m1");
    vb_undo_note(undo, "vcpu0", NULL, "0-3", NULL);
    vb_undo_note(undo, "vcpu1", "0,2", "0-3", "4-7");
    return undo;
}

static void
test_a_record_reads_back_as_written(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(VbUndo) undo = small_record();
    g_autoptr(GError) error = NULL;
    g_assert_true(vb_undo_save(dir, undo, &error));
    g_autoptr(VbUndo) read = vb_undo_load(dir, UUID, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(read->uuid, ==, UUID);
    g_assert_cmpstr(read->name, ==, "web\x1b[31m1");
    g_assert_cmpuint(read->pins->len, ==, 2);
    g_assert_null(vb_undo_find(read, "vcpu0")->before);
    g_assert_cmpstr(vb_undo_find(read, "vcpu0")->ours, ==, "0-3");
    g_assert_null(vb_undo_find(read, "vcpu0")->meant);
    g_assert_cmpstr(vb_undo_find(read, "vcpu1")->before, ==, "0,2");
    g_assert_cmpstr(vb_undo_find(read, "vcpu1")->meant, ==, "4-7");
}

static void
test_a_record_is_for_its_owner_alone(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(VbUndo) undo = small_record();
    g_autofree char *path = record_path(dir, UUID);
    struct stat status;
    g_assert_true(vb_undo_save(dir, undo, NULL));
    g_assert_cmpint(stat(path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);
}

/* The service's folder belongs to its own user, and root's command works there, too. */
static void
test_what_root_leaves_belongs_to_the_folders_owner(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(VbUndo) undo = small_record();
    g_autofree char *path = record_path(dir, UUID);
    g_autofree char *lock_path = g_build_filename(dir, "lock", NULL);
    g_autoptr(GError) error = NULL;
    struct stat status;
    if (geteuid() != 0) {
        g_test_skip("only root can give a folder away");
        return;
    }
    g_assert_cmpint(chown(dir, SERVICE, SERVICE), ==, 0);
    g_autoptr(VbLock) lock = vb_lock_take(dir, UUID, "web1", &error);
    g_assert_no_error(error);
    g_assert_true(vb_undo_save(dir, undo, &error));
    g_assert_no_error(error);
    g_assert_cmpint(stat(path, &status), ==, 0);
    g_assert_cmpuint(status.st_uid, ==, SERVICE);
    g_assert_cmpuint(status.st_gid, ==, SERVICE);
    g_assert_cmpint(stat(lock_path, &status), ==, 0);
    g_assert_cmpuint(status.st_uid, ==, SERVICE);
    /* And root is itself again. */
    g_autofree char *own = g_build_filename(dir, "own", NULL);
    g_assert_true(g_file_set_contents(own, "", 0, NULL));
    g_assert_cmpint(stat(own, &status), ==, 0);
    g_assert_cmpuint(status.st_uid, ==, 0);
}

/* A folder's owner cannot have root write through a link into what the owner may not touch. */
static void
test_a_link_in_the_folder_has_no_power(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(TempDir) private = temp_dir_new();
    g_autoptr(VbUndo) undo = small_record();
    g_autofree char *guests = g_build_filename(dir, "guests", NULL);
    g_autofree char *there = g_build_filename(private, UUID ".json", NULL);
    g_autoptr(GError) error = NULL;
    if (geteuid() != 0) {
        g_test_skip("only root can give a folder away");
        return;
    }
    g_assert_cmpint(chown(dir, SERVICE, SERVICE), ==, 0);
    g_assert_cmpint(symlink(private, guests), ==, 0);
    g_assert_false(vb_undo_save(dir, undo, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    g_assert_false(g_file_test(there, G_FILE_TEST_EXISTS));
}

static void
test_no_record_is_no_error(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(GError) error = NULL;
    g_assert_null(vb_undo_load(dir, UUID, &error));
    g_assert_no_error(error);
    g_assert_true(vb_undo_remove(dir, UUID, &error));
    g_assert_no_error(error);
}

static void
test_only_uuids_name_files(void)
{
    static const char *const names[] = {"", "web1", "../../etc/passwd",
                                        "00000000-0000-4000-8000-00000000000/"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(TempDir) dir = temp_dir_new();
        g_autoptr(GError) load = NULL, save = NULL, take = NULL;
        g_autoptr(VbUndo) undo = vb_undo_new(names[i], "x");
        g_assert_null(vb_undo_load(dir, names[i], &load));
        g_assert_error(load, VB_ERROR, VB_ERROR_INVALID);
        g_assert_false(vb_undo_save(dir, undo, &save));
        g_assert_error(save, VB_ERROR, VB_ERROR_INVALID);
        g_assert_null(vb_lock_take(dir, names[i], "x", &take));
        g_assert_error(take, VB_ERROR, VB_ERROR_INVALID);
    }
}

#define HEAD "{\"schema\":\"vmbalancer.undo/1\",\"uuid\":\"" UUID "\",\"name\":\"a\",\"pins\":"

static void
test_a_damaged_record_is_named_with_the_mend(void)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"schema\":\"vmbalancer.undo/2\",\"uuid\":\"" UUID "\",\"pins\":[]}",
        "{\"schema\":\"vmbalancer.undo/1\",\"uuid\":\"" OTHER "\",\"pins\":[]}",
        HEAD "null}",
        HEAD "{}}",
        HEAD "[1]}",
        HEAD "[{}]}",
        HEAD "[{\"thread\":\"vcpu0\"}]}",
        HEAD "[{\"ours\":\"0\"}]}",
        HEAD "[{\"thread\":\"vcpu0\",\"ours\":0}]}",
        HEAD "[{\"thread\":\"vcpu0\",\"ours\":\"0-\"}]}",
        HEAD "[{\"thread\":\"vcpu0\",\"ours\":\"\"}]}",
        HEAD "[{\"thread\":\"vcpu0\",\"ours\":\"0\",\"before\":7}]}",
        HEAD "[{\"thread\":\"vcpu0\",\"ours\":\"0\",\"before\":\"all\"}]}",
        HEAD "[{\"thread\":\"vcpu0\",\"ours\":\"0\",\"meant\":[]}]}",
        HEAD "[]} {}",
    };
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(TempDir) dir = temp_dir_new();
        g_autoptr(GError) error = NULL;
        g_autofree char *path = record_path(dir, UUID);
        g_test_message("%s", texts[i]);
        write_record(dir, texts[i]);
        g_assert_null(vb_undo_load(dir, UUID, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
        g_assert_nonnull(strstr(error->message, path));
        g_assert_nonnull(strstr(error->message, "virsh vcpupin"));
    }
}

/* json-glib alone would follow these until the stack ends. */
static void
test_a_record_of_brackets_alone_is_survived(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *brackets = g_strnfill(200000, '[');
    write_record(dir, brackets);
    g_assert_null(vb_undo_load(dir, UUID, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
}

static void
test_a_record_of_an_older_release_has_nothing_meant(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    write_record(dir, HEAD "[{\"thread\":\"vcpu0\",\"before\":null,\"ours\":\"0-3\"}]}");
    g_autoptr(VbUndo) undo = vb_undo_load(dir, UUID, NULL);
    g_assert_nonnull(undo);
    g_assert_null(vb_undo_find(undo, "vcpu0")->meant);
}

static void
test_a_thread_noted_again_has_the_new_values(void)
{
    g_autoptr(VbUndo) undo = small_record();
    vb_undo_note(undo, "vcpu1", "7", "8", NULL);
    g_assert_cmpuint(undo->pins->len, ==, 2);
    g_assert_cmpstr(vb_undo_find(undo, "vcpu1")->before, ==, "7");
    g_assert_cmpstr(vb_undo_find(undo, "vcpu1")->ours, ==, "8");
    g_assert_null(vb_undo_find(undo, "vcpu1")->meant);
    vb_undo_forget(undo, "vcpu0");
    vb_undo_forget(undo, "vcpu9");
    g_assert_cmpuint(undo->pins->len, ==, 1);
    g_assert_null(vb_undo_find(undo, "vcpu0"));
}

/* Killed in between, either may be what libvirt has. */
static void
test_both_the_old_and_the_new_pin_are_ours_until_settled(void)
{
    g_autoptr(VbUndo) undo = small_record();
    g_autoptr(GHashTable) between = vb_undo_pins(undo);
    g_assert_cmpstr(g_hash_table_lookup(between, "vcpu0"), ==, "0-3");
    g_assert_cmpstr(g_hash_table_lookup(between, "vcpu1"), ==, "0-3;4-7");
    vb_undo_settle(undo);
    g_autoptr(GHashTable) after = vb_undo_pins(undo);
    g_assert_cmpstr(g_hash_table_lookup(after, "vcpu0"), ==, "0-3");
    g_assert_cmpstr(g_hash_table_lookup(after, "vcpu1"), ==, "4-7");
    g_assert_cmpstr(vb_undo_find(undo, "vcpu1")->before, ==, "0,2");
}

/* A file where the folder should be: fails for root, too. */
static void
test_a_folder_that_cannot_be_made_is_named(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *file = g_build_filename(dir, "file", NULL);
    g_autoptr(VbUndo) undo = small_record();
    g_autoptr(GError) save = NULL, take = NULL;
    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    g_assert_false(vb_undo_save(file, undo, &save));
    g_assert_error(save, VB_ERROR, VB_ERROR_FAILED);
    g_assert_nonnull(strstr(save->message, file));
    g_assert_null(vb_lock_take(file, UUID, "web1", &take));
    g_assert_error(take, VB_ERROR, VB_ERROR_FAILED);
    g_assert_nonnull(strstr(take->message, file));
}

static void
test_errors_tell_the_mend(void)
{
    static const struct {
        int code;
        VbError error;
        const char *mend;
    } cases[] = {
        {EACCES, VB_ERROR_DENIED, "run as root"},
        {EPERM, VB_ERROR_DENIED, "run as root"},
        {EROFS, VB_ERROR_FAILED, "VMBALANCER_STATE_DIR"},
        {ENOSPC, VB_ERROR_FAILED, "VMBALANCER_STATE_DIR"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        vb_state_set_error(&error, cases[i].code, "/there", "it failed");
        g_assert_error(error, VB_ERROR, (int)cases[i].error);
        g_assert_true(g_str_has_prefix(error->message, "/there: it failed: "));
        g_assert_nonnull(strstr(error->message, cases[i].mend));
    }
}

static void
test_one_at_a_time_holds_the_lock_of_a_guest(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(VbLock) first = vb_lock_take(dir, UUID, "web1", &error);
    g_assert_no_error(error);
    g_assert_null(vb_lock_take(dir, UUID, "web1", &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    g_assert_cmpstr(error->message, ==,
                    "another vmbalancer command is at work on guest web1: wait until it is done, "
                    "or end it");
    g_clear_error(&error);
    g_autoptr(VbLock) other = vb_lock_take(dir, OTHER, "web2", &error);
    g_assert_no_error(error);
    g_clear_pointer(&first, vb_lock_free);
    g_autoptr(VbLock) again = vb_lock_take(dir, UUID, "web1", &error);
    g_assert_no_error(error);
}

static void
test_a_lock_ends_with_its_killed_holder(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(GError) error = NULL;
    int ready[2];
    g_assert_cmpint(pipe(ready), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        VbLock *lock = vb_lock_take(dir, UUID, "web1", NULL);
        if (write(ready[1], lock != NULL ? "y" : "n", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    char answer = 0;
    g_assert_cmpint(read(ready[0], &answer, 1), ==, 1);
    g_assert_cmpint(answer, ==, 'y');
    g_assert_null(vb_lock_take(dir, UUID, "web1", &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_FAILED);
    g_clear_error(&error);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    g_autoptr(VbLock) lock = vb_lock_take(dir, UUID, "web1", &error);
    g_assert_no_error(error);
    close(ready[0]);
    close(ready[1]);
}

/* What the mover and other children inherit would hold it for as long as they live. */
static void
test_children_do_not_inherit_the_lock(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autoptr(GError) error = NULL;
    VbLock *lock = vb_lock_take(dir, UUID, "web1", &error);
    const char *const argv[] = {"sleep", "60", NULL};
    GPid child;
    g_assert_true(g_spawn_async(NULL, (char **)argv, NULL,
                                G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                    G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                                NULL, NULL, &child, &error));
    vb_lock_free(lock);
    g_autoptr(VbLock) again = vb_lock_take(dir, UUID, "web1", &error);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    g_assert_no_error(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/undo/reads-back-as-written", test_a_record_reads_back_as_written);
    g_test_add_func("/undo/is-for-its-owner-alone", test_a_record_is_for_its_owner_alone);
    g_test_add_func("/undo/belongs-to-the-folders-owner",
                    test_what_root_leaves_belongs_to_the_folders_owner);
    g_test_add_func("/undo/a-link-has-no-power", test_a_link_in_the_folder_has_no_power);
    g_test_add_func("/undo/none-is-no-error", test_no_record_is_no_error);
    g_test_add_func("/undo/only-uuids-name-files", test_only_uuids_name_files);
    g_test_add_func("/undo/damaged-is-named-with-the-mend",
                    test_a_damaged_record_is_named_with_the_mend);
    g_test_add_func("/undo/brackets-alone-are-survived",
                    test_a_record_of_brackets_alone_is_survived);
    g_test_add_func("/undo/older-release-has-nothing-meant",
                    test_a_record_of_an_older_release_has_nothing_meant);
    g_test_add_func("/undo/noted-again-has-new-values",
                    test_a_thread_noted_again_has_the_new_values);
    g_test_add_func("/undo/old-and-new-are-ours-until-settled",
                    test_both_the_old_and_the_new_pin_are_ours_until_settled);
    g_test_add_func("/undo/impossible-folder-is-named", test_a_folder_that_cannot_be_made_is_named);
    g_test_add_func("/undo/errors-tell-the-mend", test_errors_tell_the_mend);
    g_test_add_func("/lock/one-at-a-time", test_one_at_a_time_holds_the_lock_of_a_guest);
    g_test_add_func("/lock/ends-with-its-killed-holder", test_a_lock_ends_with_its_killed_holder);
    g_test_add_func("/lock/children-do-not-inherit-it", test_children_do_not_inherit_the_lock);
    return g_test_run();
}
