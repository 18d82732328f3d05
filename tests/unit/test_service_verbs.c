/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each verb asks the daemon, and that its answer is shown as this process's own would be. */
#include "cli/render.h"
#include "command_run.h"
#include "core/codec.h"
#include "core/predict.h"
#include "fake_service.h"
#include "temp_dir.h"
#include "world.h"
#include <string.h>

/* As the command has it in a pipe. */
static const VbStyle plain = {.utf8 = TRUE};

/* web1 runs on node 0 with its RAM on node 1; db1 is at home; odd's name steers terminals. */
static VbSnapshot *
make_host(void)
{
    VbSnapshot *host = world_host(2, 4, 8 * GIB);
    VbGuest *web = world_guest(host, "web1", "0,0");
    VbGuest *db = world_guest(host, "db1", "1");
    VbGuest *odd = world_guest(host, "\x1b[31modd", "0");
    world_fill(host, web, 0, 1, 2 * GIB);
    world_fill(host, db, 0, 1, GIB);
    world_fill(host, odd, 0, 0, GIB);
    odd->owner = VB_OWNER_HANDS_OFF;
    odd->owner_code = g_strdup("vcpupin");
    odd->reason = g_strdup("an operator pinned it");
    vb_snapshot_sort(host);
    return host;
}

static VbPlan *
make_plan(VbSnapshot *host)
{
    const VbGuest *web = g_ptr_array_index(host->guests, 0);
    VbPlan *plan = vb_plan_new("home-node");
    vb_plan_add_pin(plan, web, "vcpu0", &host->topology.node[0].cpus, 1, 0, "home")->gain_bp = 5000;
    vb_plan_add_move(plan, web, 0, 1, 0, 2 * GIB, "remote")->gain_bp = 5000;
    vb_plan_decline(plan, g_ptr_array_index(host->guests, 2), "vcpupin", "an operator pinned it");
    return plan;
}

static char *
text_of(JsonNode *document)
{
    g_autoptr(JsonNode) node = document;
    return vb_codec_text(node, TRUE);
}

static void
assert_answer(const char *words, const char *expected)
{
    g_auto(CommandEnd) end = command_run(words);
    g_assert_cmpstr(end.err, ==, "");
    g_assert_cmpint(end.status, ==, 0);
    g_assert_cmpstr(end.out, ==, expected);
}

static void
assert_asked(FakeService *service, const char *expected)
{
    g_autofree char *asked = fake_service_asked(service);
    g_assert_cmpstr(asked, ==, expected);
}

/* --- status, show, top ---------------------------------------------------------------------- */

static void
test_status_is_what_the_daemon_sees(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_autoptr(VbSnapshot) host = make_host();
    g_autofree char *document = text_of(vb_codec_snapshot(host));
    g_autofree char *json = text_of(vb_codec_status(host));
    g_autoptr(GString) table = g_string_new(NULL);
    vb_render_status(host, &plain, table);
    fake_service_answers(service)->snapshot = document;
    assert_answer("status", table->str);
    assert_answer("status|-o|json", json);
    assert_asked(service, "GetSnapshot({'fresh': <true>},)\nGetSnapshot({'fresh': <true>},)\n");
}

static void
test_show_is_one_guest_of_that(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_autoptr(VbSnapshot) host = make_host();
    g_autofree char *document = text_of(vb_codec_snapshot(host));
    g_autoptr(GString) table = g_string_new(NULL);
    vb_render_show(host, g_ptr_array_index(host->guests, 0), &plain, table);
    g_ptr_array_set_size(host->guests, 1);
    g_autofree char *json = text_of(vb_codec_status(host));
    fake_service_answers(service)->snapshot = document;
    assert_answer("show|web1", table->str);
    assert_answer("show|web1|-o|json", json);
    g_auto(CommandEnd) none = command_run("show|web2");
    g_assert_cmpint(none.status, ==, 4);
    command_assert_one_line(&none, "no running guest is called \"web2\"");
}

static void
test_top_shows_what_the_daemon_sees(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_autoptr(VbSnapshot) host = make_host();
    g_autoptr(VbPlan) plan = make_plan(host);
    g_autofree char *snapshot = text_of(vb_codec_snapshot(host));
    g_autofree char *document = text_of(vb_codec_plan(plan, NULL));
    fake_service_answers(service)->snapshot = snapshot;
    fake_service_answers(service)->plan = document;
    g_auto(CommandEnd) end = command_run("top|--lines|--count|2|--interval|0.5");
    g_assert_cmpint(end.status, ==, 0);
    g_assert_nonnull(strstr(end.out, "web1"));
    assert_asked(service, "Plan([], {})\nPlan([], {})\n");
}

/* --- plan ----------------------------------------------------------------------------------- */

static void
test_a_plan_is_the_daemons(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_autoptr(VbSnapshot) host = make_host();
    g_autoptr(VbPlan) plan = make_plan(host);
    g_autoptr(VbSnapshot) predicted = vb_predict(host, plan);
    g_autofree char *snapshot = text_of(vb_codec_snapshot(host));
    g_autofree char *json = text_of(vb_codec_plan(plan, predicted));
    g_autoptr(GString) table = g_string_new(NULL);
    vb_render_plan(plan, host, predicted, &plain, table);
    fake_service_answers(service)->snapshot = snapshot;
    fake_service_answers(service)->plan = json;
    assert_answer("plan", table->str);
    assert_answer("plan|-o|json", json);
    assert_asked(service, "Plan([], {})\nPlan([], {})\n");
    assert_answer("rebalance|web1|db1|--dry-run|--to|0-1|--policy|home-node|--force", table->str);
    g_autofree char *asked = fake_service_asked(service);
    g_assert_true(g_str_has_prefix(asked, "Plan(['web1', 'db1'], {"));
    g_assert_nonnull(strstr(asked, "'policy': <'home-node'>"));
    g_assert_nonnull(strstr(asked, "'to': <'0-1'>"));
    g_assert_nonnull(strstr(asked, "'force': <true>"));
}

/* --- release -------------------------------------------------------------------------------- */

static void
test_a_release_is_told_as_our_own(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_autoptr(TempDir) dir = temp_dir_new();
    FakeAnswers *answers = fake_service_answers(service);
    g_auto(CommandEnd) table = command_run_in(dir, "release|test|--no-daemon");
    g_auto(CommandEnd) json = command_run_in(dir, "release|test|--no-daemon|-o|json");
    assert_asked(service, "");
    answers->release = json.out;
    assert_answer("release|test", table.out);
    assert_answer("release|test|-o|json", json.out);
    answers->release = "{\"schema\":\"vmbalancer.release/1\",\"guest\":\"test\",\"restored\":4,"
                       "\"left\":1,\"absent\":0,\"recorded\":true}";
    assert_answer("release|test",
                  "test: 4 threads given back as they were; its RAM stays where it is\n"
                  "test: 1 threads left alone, as somebody else has pinned them since\n");
    assert_asked(service, "Release('test',)\nRelease('test',)\nRelease('test',)\n");
}

/* --- policy --------------------------------------------------------------------------------- */

static const char driver[] =
    "<node><domain type='test'><name>web1</name>"
    "<uuid>00000001-0000-4000-8000-000000000001</uuid><memory>65536</memory><vcpu>2</vcpu>"
    "<os><type>hvm</type></os><metadata><vmb:numa xmlns:vmb='urn:vmbalancer:domain:1.0' "
    "policy='home-node'><home nodes='0-1'/><locality min='0.90' target='0.98'/>"
    "<migrate vcpus='yes' rate='256MiB/s' cooldown='60s'/></vmb:numa></metadata></domain>"
    "</node>";

static void
test_a_policy_is_told_as_our_own(void)
{
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *path = g_build_filename(dir, "node.xml", NULL);
    g_autofree char *uri = g_strconcat("test://", path, NULL);
    g_assert_true(g_file_set_contents(path, driver, -1, NULL));
    g_autoptr(FakeService) service = fake_service_new(uri);
    g_autofree char *get = g_strdup_printf("policy|get|web1|-c|%s", uri);
    g_autofree char *get_json = g_strconcat(get, "|-o|json", NULL);
    g_autofree char *get_here = g_strconcat(get, "|--no-daemon", NULL);
    g_autofree char *get_json_here = g_strconcat(get_json, "|--no-daemon", NULL);
    g_auto(CommandEnd) table = command_run(get_here);
    g_auto(CommandEnd) json = command_run(get_json_here);
    g_assert_cmpint(table.status, ==, 0);
    g_assert_nonnull(strstr(table.out, "256MiB/s"));
    assert_asked(service, "");
    fake_service_answers(service)->policy = json.out;
    assert_answer(get, table.out);
    assert_answer(get_json, json.out);
    assert_asked(service, "GetPolicy('web1',)\nGetPolicy('web1',)\n");
}

static void
test_a_wish_reaches_the_daemon_in_the_words_of_a_host_file(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    FakeAnswers *answers = fake_service_answers(service);
    answers->live = TRUE;
    g_auto(CommandEnd) here = command_run("policy|set|test|home-node|--no-daemon");
    assert_asked(service, "");
    assert_answer("policy|set|test|home-node", here.out);
    assert_asked(service, "SetPolicy('test', {'policy': 'home-node'}, {})\n");
    answers->config = TRUE;
    assert_answer("policy|set|test|home-node|--home|0-1|--locality-min|0.9|--parameter|margin=5|"
                  "--live|--config",
                  "test: policy home-node for the running guest and its configuration\n");
    g_autofree char *asked = fake_service_asked(service);
    g_assert_true(g_str_has_prefix(asked, "SetPolicy('test', {'policy': 'home-node', 'home': "
                                          "'0-1', 'locality-min': '0.9', 'parameter.margin': "
                                          "'5'}, {"));
    g_assert_nonnull(strstr(asked, "'live': <true>"));
    g_assert_nonnull(strstr(asked, "'config': <true>"));
    answers->live = FALSE;
    assert_answer("policy|unset|test|--config", "test: policy unset for its configuration\n");
    assert_asked(service, "UnsetPolicy('test', {'config': <true>})\n");
}

/* --- record --------------------------------------------------------------------------------- */

/* The daemon gets the opened file, and is told to end when the time is over. */
static void
test_the_daemon_records_what_it_does(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *path = g_build_filename(dir, "monday", NULL);
    g_autofree char *words = g_strdup_printf("record|%s|--for|1s|--limit|1MiB|-o|json", path);
    g_auto(CommandEnd) end = command_run(words);
    g_assert_cmpstr(end.err, ==, "");
    g_assert_nonnull(strstr(end.out, "\"bytes\" : 4,"));
    g_assert_nonnull(strstr(end.out, "\"reason\" : null"));
    assert_asked(service, "StartRecording(0, {'limit': <uint64 1048576>})\nStopRecording()\n");
    g_auto(CommandEnd) again = command_run(words);
    g_assert_cmpint(again.status, ==, 2);
    command_assert_one_line(&again, path);
    assert_asked(service, "");
    fake_service_answers(service)->recording_ends = TRUE;
    g_autofree char *forced = g_strdup_printf("record|%s|--force", path);
    g_auto(CommandEnd) ended = command_run(forced);
    g_assert_nonnull(strstr(ended.out, "the daemon ended it"));
    assert_asked(service, "StartRecording(0, {})\n");
}

/* What could not begin leaves no file. */
static void
test_a_refused_recording_leaves_nothing(void)
{
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    g_autoptr(TempDir) dir = temp_dir_new();
    g_autofree char *path = g_build_filename(dir, "monday", NULL);
    g_autofree char *words = g_strdup_printf("record|%s", path);
    fake_service_answers(service)->manner = FAKE_FAILS;
    fake_service_answers(service)->error_name = "org.vmbalancer1.Error.Failed";
    fake_service_answers(service)->error_message = "there is a recording already";
    g_auto(CommandEnd) end = command_run(words);
    g_assert_cmpint(end.status, ==, 1);
    command_assert_one_line(&end, "there is a recording already");
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    /* And takes none that was there before. */
    g_autofree char *kept = NULL, *forced = g_strdup_printf("record|%s|--force", path);
    g_assert_true(g_file_set_contents(path, "before", -1, NULL));
    g_auto(CommandEnd) again = command_run(forced);
    g_assert_cmpint(again.status, ==, 1);
    g_assert_true(g_file_get_contents(path, &kept, NULL, NULL));
    g_assert_cmpstr(kept, ==, "before");
}

/* --- who does it ---------------------------------------------------------------------------- */

static void
test_what_only_this_process_can_do_it_does(void)
{
    static const char *const words[] = {
        "status|--no-daemon",
        "status|--config|/dev/null",
        "status|--qmp-passthrough",
        "status|--exact",
        "show|test|--exact",
        "plan|--no-daemon",
        "--no-daemon|plan",
        "rebalance|--no-daemon",
        "rebalance|--dry-run|--config|/dev/null",
        "policy|get|test|--no-daemon",
        "policy|unset|test|--no-daemon",
        "top|--lines|--count|1|--no-daemon",
        "status|-c|test:////nowhere/at-all",
    };
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        g_auto(CommandEnd) end = command_run(words[i]);
        g_assert_cmpint(end.status, ==, strstr(words[i], "nowhere") != NULL ? 5 : 0);
        assert_asked(service, "");
    }
}

/* Each verb that reads an answer, with answers that are none. */
static void
test_answers_that_make_no_sense_are_told_as_such(void)
{
    static const char *const words[] = {
        "status",
        "show|test|-o|json",
        "plan",
        "rebalance|--dry-run",
        "release|test",
        "policy|get|test",
        "policy|get|test|-o|json",
        "rebalance|--wait",
        "top|--lines|--count|1",
    };
    static const char *const answers[] = {
        "", "{", "[]", "{}", "null", "{\"schema\":\"vmbalancer.snapshot/2\"}",
    };
    static const char *const states[] = {"running", "done", NULL};
    g_autoptr(FakeService) service = fake_service_new(COMMAND_URI);
    FakeAnswers *give = fake_service_answers(service);
    give->job_states = states;
    for (guint a = 0; a < G_N_ELEMENTS(answers); a++)
        for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
            give->snapshot = give->plan = give->policy = give->release = answers[a];
            give->job_result = *answers[a] == '\0' ? "}" : answers[a];
            g_auto(CommandEnd) end = command_run(words[i]);
            g_assert_cmpint(end.status, ==, 1);
            g_assert_cmpstr(end.out, ==, "");
            command_assert_one_line(&end, "the answer of vmbalancerd makes no sense");
        }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    g_unsetenv("COLUMNS");
    g_test_add_func("/service-verbs/status", test_status_is_what_the_daemon_sees);
    g_test_add_func("/service-verbs/show", test_show_is_one_guest_of_that);
    g_test_add_func("/service-verbs/top", test_top_shows_what_the_daemon_sees);
    g_test_add_func("/service-verbs/plan", test_a_plan_is_the_daemons);
    g_test_add_func("/service-verbs/release", test_a_release_is_told_as_our_own);
    g_test_add_func("/service-verbs/policy-get", test_a_policy_is_told_as_our_own);
    g_test_add_func("/service-verbs/policy-set",
                    test_a_wish_reaches_the_daemon_in_the_words_of_a_host_file);
    g_test_add_func("/service-verbs/record", test_the_daemon_records_what_it_does);
    g_test_add_func("/service-verbs/record-refused", test_a_refused_recording_leaves_nothing);
    g_test_add_func("/service-verbs/in-process", test_what_only_this_process_can_do_it_does);
    g_test_add_func("/service-verbs/garbled", test_answers_that_make_no_sense_are_told_as_such);
    return g_test_run();
}
