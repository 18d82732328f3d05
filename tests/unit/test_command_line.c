/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command's arguments and its output: what can be told without looking at any host. */
#include "command_run.h"
#include <string.h>
#include <sys/wait.h>

/* --- arguments ----------------------------------------------------------------------------- */

static void
test_wrong_use_is_status_2_and_one_line_with_the_mend(void)
{
    static const struct {
        const char *words;
        const char *says;
    } cases[] = {
        {"", "a command is missing; see vmbalancer --help"},
        {"-c|" COMMAND_URI, "a command is missing"},
        {"-c", "a command is missing"},
        {"frob", "there is no command \"frob\"; see vmbalancer --help"},
        {"-o|json|frob", "there is no command \"frob\""},
        {"status|--frob", "see vmbalancer status --help"},
        {"--frob|status", "see vmbalancer status --help"},
        {"status|-o", "see vmbalancer status --help"},
        {"status|-o|xml", "-o xml: the formats are \"table\" and \"json\""},
        {"-o|xml|status", "-o xml: the formats are"},
        {"--output=|status", "the formats are"},
        {"status|web1", "show GUEST does"},
        {"show", "show takes the name of one guest"},
        {"show|a|b", "show takes the name of one guest"},
        {"release", "release takes the name of one guest"},
        {"release|a|b", "release takes the name of one guest"},
        {"release|--all|a", "or --all without one"},
        {"doctor|web1", "doctor takes no arguments"},
        {"pause|web1", "pause takes no arguments"},
        {"resume|web1", "resume takes no arguments"},
        {"record", "record takes one file"},
        {"record|--for|soon|x", "--for soon: expected a time"},
        {"record|--for|0|x", "--for 0: expected a time"},
        {"record|--limit|1KiB|x", "--limit 1KiB: expected a size of 64KiB or more"},
        {"replay|a|b", "replay takes one file"},
        {"simulate", "simulate takes scenarios, or --generate"},
        {"simulate|-g|web|a", "simulate takes scenarios, or --generate"},
        {"simulate|--scenario|a|b", "--scenario and --hosts take one scenario"},
        {"simulate|-g|web|-p|none,", "there is no policy \"\"; there are: none"},
        {"simulate|-g|web|-p|moron,frob", "there is no policy \"frob\"; there are: none"},
        {"replay|--report|a|b", "--report shows policies"},
        {"simulate|--hosts|-1", "--hosts takes 1 to 1000000"},
        {"simulate|--hosts|1000001", "--hosts takes 1 to 1000000"},
        {"simulate|--hosts|2|-p|all", "--hosts takes one --policy"},
        {"simulate|--hosts|2|-p|frob", "there is no policy \"frob\""},
        {"simulate|-g|frob", "there is no kind of worlds \"frob\"; there are: web"},
        {"simulate|-g|web:1", "after the colon goes how many guests"},
        {"simulate|-g|web|-p|frob", "there is no policy \"frob\"; there are: none"},
        {"history|--limit|-1", "--limit takes"},
        {"history|--limit|x", "see vmbalancer history --help"},
        {"history|--since|soon", "--since: \"soon\" is no time: write"},
        {"policy", "see vmbalancer policy --help"},
        {"policy|show", "policy show takes the name of one policy"},
        {"policy|show|nonsense", "there is no policy \"nonsense\""},
        {"policy|frob", "see vmbalancer policy --help"},
        {"policy|set", "see vmbalancer policy --help"},
        {"top|web1", "top takes no guest"},
        {"top|-o|json", "status -o json does"},
        {"top|--interval|0", "--interval takes"},
        {"top|--interval|nan", "--interval takes"},
        {"top|--count|-1", "--count takes"},
        {"plan|--to|x", "--to: "},
        {"plan|--to|", "--to: name at least one node"},
        {"plan|--to|99", "--to: "},
        {"plan|--rate|1G", "see vmbalancer plan --help"},
        {"rebalance|--rate|0", "--rate: 0 would never move anything"},
        {"rebalance|--rate|fast", "--rate: \"fast\" is no rate"},
        {"rebalance|--rate|-1", "--rate: "},
        {"status|--config|/nonexistent/vmbalancer.conf", "/nonexistent/vmbalancer.conf"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(CommandEnd) end = command_run(cases[i].words);
        g_assert_cmpint(end.status, ==, 2);
        g_assert_cmpstr(end.out, ==, "");
        command_assert_one_line(&end, cases[i].says);
    }
}

static void
test_help_and_version_are_answers(void)
{
    static const struct {
        const char *words;
        const char *says;
    } cases[] = {
        {"--version", "vmbalancer "},
        {"-V", "vmbalancer "},
        {"-o|json|--version", "vmbalancer "},
        {"--help", "Exit status: 0 done"},
        {"-h", "rebalance [GUEST...]"},
        {"help", "rebalance [GUEST...]"},
        {"-c|" COMMAND_URI "|--help", "rebalance [GUEST...]"},
        {"status|--help", "vmbalancer status"},
        {"--help|status", "vmbalancer status"},
        {"show|--help", "vmbalancer show"},
        {"top|--help", "--interval"},
        {"plan|--help", "--to=NODES"},
        {"rebalance|--help", "--rate=R"},
        {"release|--help", "vmbalancer release"},
        {"policy|--help", "vmbalancer policy"},
        {"pause|--help", "--no-daemon"},
        {"resume|--help", "vmbalancer resume"},
        {"doctor|--help", "vmbalancer doctor"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(CommandEnd) end = command_run(cases[i].words);
        g_assert_cmpint(end.status, ==, 0);
        g_assert_cmpstr(end.err, ==, "");
        if (strstr(end.out, cases[i].says) == NULL)
            g_error("\"%s\" does not say \"%s\"", end.out, cases[i].says);
    }
}

static void
test_options_may_stand_before_and_after_the_command(void)
{
    static const char *const cases[] = {
        "policy|list|-o|json",
        "-o|json|policy|list",
        "policy|-o|json|list",
        "--output=json|policy|list",
        "-c|" COMMAND_URI "|-o|json|policy|list",
        "-o|table|policy|list|-o|json",
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(CommandEnd) end = command_run(cases[i]);
        g_assert_cmpint(end.status, ==, 0);
        g_assert_nonnull(strstr(end.out, "\"vmbalancer.policies/1\""));
    }
}

/* --- output -------------------------------------------------------------------------------- */

/* The exit status of a shell's line with the program as "$0". */
static int
shell(const char *line)
{
    const char *const argv[] = {"sh", "-c", line, g_getenv("VMBALANCER"), NULL};
    g_autoptr(GError) error = NULL;
    int status;
    g_spawn_sync(NULL, (char **)argv, NULL,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL,
                 NULL, NULL, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
test_output_that_is_lost_is_a_failure(void)
{
    static const char *const commands[] = {
        "--version", "--help", "policy list", "status -h", "policy list -o json", "policy --help"};
    static const char *const targets[] = {">/dev/full", ">&-"};
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        for (guint t = 0; t < G_N_ELEMENTS(targets); t++) {
            g_autofree char *line = g_strdup_printf("\"$0\" %s %s", commands[i], targets[t]);
            g_test_message("%s", line);
            g_assert_cmpint(shell(line), ==, 1);
        }
}

/* A socket or record that got the number of a closed descriptor would get the answer, too. */
static void
test_closed_descriptors_do_no_harm(void)
{
    g_assert_cmpint(shell("exec \"$0\" policy list <&- >/dev/null"), ==, 0);
    g_assert_cmpint(shell("exec \"$0\" policy list 2>&- >/dev/null"), ==, 0);
    g_assert_cmpint(shell("exec \"$0\" -c " COMMAND_URI " status <&- >&- 2>&-"), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/command-line/wrong-use",
                    test_wrong_use_is_status_2_and_one_line_with_the_mend);
    g_test_add_func("/command-line/help-and-version", test_help_and_version_are_answers);
    g_test_add_func("/command-line/options-before-and-after",
                    test_options_may_stand_before_and_after_the_command);
    g_test_add_func("/command-line/output-lost", test_output_that_is_lost_is_a_failure);
    g_test_add_func("/command-line/closed-descriptors", test_closed_descriptors_do_no_harm);
    return g_test_run();
}
