/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command_run.h"
#include <string.h>
#include <sys/wait.h>

void
command_end_clear(CommandEnd *end)
{
    g_free(end->out);
    g_free(end->err);
}
GStrv
command_arguments(const char *words)
{
    g_auto(GStrv) list = g_strsplit(words, "|", -1);
    GStrvBuilder *builder = g_strv_builder_new();
    g_strv_builder_add(builder, g_getenv("VMBALANCER"));
    for (guint i = 0; *words != '\0' && list[i] != NULL; i++)
        g_strv_builder_add(builder, list[i]);
    GStrv argv = g_strv_builder_end(builder);
    g_strv_builder_unref(builder);
    return argv;
}

CommandEnd
command_run_in(const char *state_dir, const char *words)
{
    g_auto(GStrv) argv = command_arguments(words);
    g_auto(GStrv) environment = g_get_environ();
    g_autoptr(GError) error = NULL;
    CommandEnd end = {0};
    int status;
    /* What libvirt's own libraries keep of threads is not ours to free. */
    g_autofree char *leaks = g_strdup_printf("suppressions=%s/data/lsan-libvirt.supp:"
                                             "print_suppressions=0",
                                             g_getenv("VB_TEST_DATA"));
    environment = g_environ_setenv(environment, "LSAN_OPTIONS", leaks, TRUE);
    environment = g_environ_setenv(environment, "VMBALANCER_STATE_DIR", state_dir, TRUE);
    environment = g_environ_setenv(environment, "LIBVIRT_DEFAULT_URI", COMMAND_URI, TRUE);
    g_spawn_sync(NULL, argv, environment, G_SPAWN_DEFAULT, NULL, NULL, &end.out, &end.err, &status,
                 &error);
    g_assert_no_error(error);
    end.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    g_test_message("%s: %d, %s", words, end.status, end.err);
    return end;
}

CommandEnd
command_run(const char *words)
{
    return command_run_in("/dev/null/state", words);
}

void
command_assert_one_line(const CommandEnd *end, const char *says)
{
    g_assert_true(g_str_has_prefix(end->err, "vmbalancer: "));
    g_assert_true(strchr(end->err, '\n') == end->err + strlen(end->err) - 1);
    if (strstr(end->err, says) == NULL)
        g_error("\"%s\" does not say \"%s\"", end->err, says);
}
