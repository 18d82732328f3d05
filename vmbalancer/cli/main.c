/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * A descriptor that the caller closed would be given to the next file or socket, and the answer
 * printed into it: it gets one that fails whichever way it is meant to be used.
 */
static void
fill_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            _exit(VB_EXIT_FAILED);
}

/* At the very end, so that it holds for --help, too, which GLib prints and exits by itself. */
static void
check_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    vb_command_say("standard output could not be written");
    _exit(VB_EXIT_FAILED);
}

static void
print_help(void)
{
    puts("Usage: vmbalancer COMMAND [OPTION...] [ARGUMENT...]\n\n"
         "Keeps QEMU/KVM guests close to their memory on NUMA hosts.\n\nCommands:");
    for (const VbCommand *const *c = vb_command_all(); *c != NULL; c++) {
        g_autofree char *head = g_strdup_printf("%s %s", (*c)->name, (*c)->arguments);
        printf("  %-34s %s\n", head, (*c)->summary);
    }
    puts("\nEvery command takes -c URI, -o table|json, --config FILE, --no-daemon and --help.\n"
         "Exit status: 0 done, 1 failed, 2 usage, 3 partly done, 4 no such guest,\n"
         "5 libvirt or the daemon unreachable. See vmbalancer(1).");
}

static const VbCommand *
find_command(const char *name)
{
    for (const VbCommand *const *c = vb_command_all(); *c != NULL; c++)
        if (g_str_equal((*c)->name, name))
            return *c;
    return NULL;
}

/* Options that every verb takes may stand before the verb, as with virsh: they move behind it. */
static int
find_verb(int argc, char **argv)
{
    static const char *const with_value[] = {"-c", "--connect", "-o", "--output", "--config"};
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            return i;
        for (guint v = 0; v < G_N_ELEMENTS(with_value); v++)
            if (g_str_equal(argv[i], with_value[v])) {
                i++;
                break;
            }
    }
    return 0;
}

/* One of the arguments before the command, or all where there is none, is @option or @letter. */
static gboolean
asks_for(int end, char **argv, const char *option, const char *letter)
{
    for (int i = 1; i < end; i++)
        if (g_str_equal(argv[i], option) || g_str_equal(argv[i], letter))
            return TRUE;
    return FALSE;
}

/* What is no command. Returns: the exit status. */
static int
run_none(int argc, char **argv, int verb)
{
    int end = verb > 0 ? verb : argc;
    if (asks_for(end, argv, "--version", "-V")) {
        puts("vmbalancer " VB_VERSION);
        return VB_EXIT_DONE;
    }
    if (asks_for(end, argv, "--help", "-h") || asks_for(end, argv, "-?", "-?") ||
        (verb > 0 && g_str_equal(argv[verb], "help"))) {
        print_help();
        return VB_EXIT_DONE;
    }
    if (verb > 0)
        vb_command_say("there is no command \"%s\"; see vmbalancer --help", argv[verb]);
    else
        vb_command_say("a command is missing; see vmbalancer --help");
    return VB_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    fill_descriptors();
    /* Characters alone are the user's: numbers and messages read the same everywhere. */
    setlocale(LC_CTYPE, "");
    atexit(check_output);
    int verb = find_verb(argc, argv);
    const VbCommand *command = verb > 0 ? find_command(argv[verb]) : NULL;
    if (command == NULL || asks_for(verb, argv, "--version", "-V"))
        return run_none(argc, argv, verb);
    g_autofree char **arranged = g_new0(char *, argc + 1);
    int count = 0;
    arranged[count++] = argv[verb];
    for (int i = 1; i < argc; i++)
        if (i != verb)
            arranged[count++] = argv[i];
    VbCli cli = {.style = vb_style_for(STDOUT_FILENO)};
    char **rest = arranged;
    int status = command->run(command, &cli, count, rest);
    g_free(cli.uri);
    g_free(cli.config);
    return status;
}
