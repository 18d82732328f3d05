/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>

G_BEGIN_DECLS

/* A folder of a test's own. */

static inline char *
temp_dir_new(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = g_dir_make_tmp("vmbalancer-test-XXXXXX", &error);
    g_assert_no_error(error);
    return dir;
}

/* Removes what the code under test leaves there: files, and one level of folders. */
static inline void
temp_dir_free(char *dir)
{
    if (dir == NULL)
        return;
    g_autoptr(GDir) listing = g_dir_open(dir, 0, NULL);
    const char *name;
    while (listing != NULL && (name = g_dir_read_name(listing)) != NULL) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
            temp_dir_free(g_steal_pointer(&path));
        else
            g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(dir), ==, 0);
    g_free(dir);
}

typedef char TempDir;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TempDir, temp_dir_free)

G_END_DECLS
