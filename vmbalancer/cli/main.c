/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
print_help(void)
{
    puts("Usage: vmbalancer COMMAND [OPTION...] [ARGUMENT...]\n\n"
         "Keeps QEMU/KVM guests close to their memory on NUMA hosts.\n\nCommands:");
    for (const VbCommand *const *c = vb_command_all(); *c != NULL; c++) {
        g_autofree char *head = g_strdup_printf("%s %s", (*c)->name, (*c)->arguments);
        printf("  %-34s %s\n", head, (*c)->summary);
    }
    puts("\nEvery command takes -c URI, -o table|json, --config FILE and --help.\n"
         "Exit status: 0 done, 1 failed, 2 usage, 3 partly done, 4 no such guest,\n"
         "5 libvirt unreachable. See vmbalancer(1).");
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

static gboolean
asks_for(int argc, char **argv, const char *option, const char *letter)
{
    return argc > 1 && (g_str_equal(argv[1], option) || g_str_equal(argv[1], letter));
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    if (asks_for(argc, argv, "--version", "-V")) {
        puts("vmbalancer " VB_VERSION);
        return VB_EXIT_DONE;
    }
    if (asks_for(argc, argv, "--help", "-h") || asks_for(argc, argv, "help", "-?")) {
        print_help();
        return VB_EXIT_DONE;
    }
    int verb = find_verb(argc, argv);
    const VbCommand *command = verb > 0 ? find_command(argv[verb]) : NULL;
    if (command == NULL) {
        g_printerr("vmbalancer: %s%s%s; see vmbalancer --help\n",
                   verb > 0 ? "there is no command \"" : "a command is missing",
                   verb > 0 ? argv[verb] : "", verb > 0 ? "\"" : "");
        return VB_EXIT_USAGE;
    }
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
    if (fflush(stdout) != 0 || ferror(stdout)) {
        g_printerr("vmbalancer: standard output could not be written\n");
        return VB_EXIT_FAILED;
    }
    return status;
}
