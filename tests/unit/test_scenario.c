/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenario files: what they may say, and what each mistake is answered with. */
#include "core/json_text.h"
#include "sim/generate.h"
#include <string.h>
#include <vmbalancer/error.h>

#define SECOND G_GINT64_CONSTANT(1000000000)
#define MIB (G_GUINT64_CONSTANT(1) << 20)

#define HEAD "{\"schema\":\"vmbalancer.scenario/1\",\"name\":\"x\",\"seconds\":60,"
#define NODES "\"nodes\":[{\"cpus\":4,\"memory_mib\":8192},{\"cpus\":4,\"memory_mib\":8192}],"
#define PHASES "\"phases\":[{\"seconds\":60,\"busy\":0.5}]"
#define GUEST(more) "{\"name\":\"g\",\"vcpus\":2,\"memory_mib\":1024," more PHASES "}"
#define WITH(more) HEAD NODES "\"guests\":[" GUEST(more) "]}"

static VbScenario *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    VbScenario *scenario = vb_scenario_parse(text, -1, &error);
    g_assert_no_error(error);
    return scenario;
}

static char *
text_of(const VbScenario *scenario)
{
    g_autoptr(JsonNode) document = vb_scenario_document(scenario);
    return vb_json_text_write(document, TRUE);
}

static const VbScenarioGuest *
guest_of(const VbScenario *scenario, guint i)
{
    return g_ptr_array_index(scenario->guests, i);
}

static void
test_what_is_not_said_has_its_default(void)
{
    g_autoptr(VbScenario) scenario = parse(WITH(""));
    const VbScenarioGuest *guest = guest_of(scenario, 0);
    const VbPhase *phase = &g_array_index(guest->phases, VbPhase, 0);
    g_assert_cmpuint(scenario->n_nodes, ==, 2);
    g_assert_cmpuint(scenario->distance[0][1], ==, 21);
    g_assert_cmpint(scenario->interval_ns, ==, 10 * SECOND);
    g_assert_cmpint(scenario->look_ns, ==, 0);
    g_assert_cmpint(scenario->pin_ns, ==, 0);
    g_assert_cmpuint(guest->memory_bytes, ==, 1024 * MIB);
    g_assert_cmpuint(guest->page_size, ==, 4096);
    g_assert_cmpuint(guest->touched_bp, ==, VB_BP);
    g_assert_cmpint(guest->leave_ns, ==, -1);
    g_assert_cmpuint(phase->busy_bp, ==, 5000);
    g_assert_cmpuint(phase->memory_bp, ==, 4000);
}

static void
test_one_that_starts_has_touched_nothing(void)
{
    g_autoptr(VbScenario) scenario = parse(WITH("\"arrives_by\":\"start\",\"arrive_s\":5,"));
    g_assert_cmpuint(guest_of(scenario, 0)->touched_bp, ==, 0);
    g_assert_cmpint(guest_of(scenario, 0)->arrive_ns, ==, 5 * SECOND);
}

static void
test_copies_come_one_after_the_other(void)
{
    g_autoptr(VbScenario) scenario =
        parse(WITH("\"count\":3,\"arrives_by\":\"start\",\"arrive_s\":5,\"leave_s\":20,\"apart_s\":7,"
                   "\"shift_apart_s\":2,\"ran_on\":\"0-1\",\"policy\":\"none\","));
    const VbScenarioGuest *last = guest_of(scenario, 2);
    g_assert_cmpuint(scenario->guests->len, ==, 3);
    g_assert_cmpstr(guest_of(scenario, 0)->name, ==, "g");
    g_assert_cmpstr(last->name, ==, "g3");
    g_assert_cmpstr(last->policy, ==, "none");
    g_assert_cmpint(last->arrive_ns, ==, 19 * SECOND);
    g_assert_cmpint(last->leave_ns, ==, 34 * SECOND);
    g_assert_cmpint(last->shift_ns, ==, 4 * SECOND);
    g_assert_cmpuint(guest_of(scenario, 1)->first, ==, 1);
    g_assert_cmpuint(last->first, ==, 0);
    g_assert_cmpuint(last->phases->len, ==, 1);
}

static void
test_looks_and_pins_take_as_long_as_is_said(void)
{
    g_autoptr(VbScenario) scenario = parse(HEAD "\"look_ms\":1500,\"pin_ms\":60000," NODES "\"guests\":[]}");
    g_autofree char *text = text_of(scenario);
    g_autoptr(VbScenario) again = parse(text);
    g_assert_cmpint(again->look_ns, ==, 3 * SECOND / 2);
    g_assert_cmpint(again->pin_ns, ==, 60 * SECOND);
}

static void
test_mistakes_are_named(void)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "vmbalancer.scenario/1"},
        {"[]", "vmbalancer.scenario/1"},
        {"{}", "schema: expected one of: vmbalancer.scenario/1"},
        {"{\"schema\":\"vmbalancer.scenario/2\"}", "schema: expected one of"},
        {HEAD NODES "\"guests\":[],\"frob\":1}", "frob: there is no such member; there are: schema"},
        {HEAD "\"nodes\":[],\"guests\":[]}", "nodes: the host has 0 CPUs"},
        {HEAD "\"nodes\":[{\"cpus\":0,\"memory_mib\":1}],\"guests\":[]}", "the host has 0 CPUs"},
        {HEAD "\"nodes\":[{\"cpus\":4}],\"guests\":[]}", "nodes[0].memory_mib: missing"},
        {HEAD "\"nodes\":[{\"cpus\":4,\"memory_mib\":9,\"used_mib\":10}],\"guests\":[]}",
         "nodes[0].used_mib: 10 is outside of 0..9"},
        {HEAD "\"nodes\":[{\"cpus\":4,\"memory_mib\":2000,\"huge_2m\":600,\"huge_1g\":1}],"
              "\"guests\":[]}",
         "nodes[0].huge_1g: 1 is outside of 0..0"},
        {HEAD NODES "\"guests\":[],\"look_ms\":-1}", "look_ms: -1 is outside of 0..60000"},
        {HEAD NODES "\"guests\":[],\"pin_ms\":60001}", "pin_ms: 60001 is outside of 0..60000"},
        {HEAD NODES "\"guests\":[],\"distances\":[[10,20]]}", "distances: expected 2 rows"},
        {HEAD NODES "\"guests\":[],\"distances\":[[10],[10]]}", "distances[0]: "},
        {HEAD NODES "\"guests\":[],\"distances\":[[10,20],[20,11]]}", "distances[1]: a node is 10"},
        {HEAD NODES "\"guests\":[],\"distances\":[[10,255],[20,10]]}", "distances[0]: a node is 10"},
        {HEAD NODES "\"guests\":[],\"distances\":7}", "distances: expected 2 rows"},
        {HEAD NODES "\"guests\":[{}]}", "guests[0].name: missing"},
        {WITH("\"vcpu\":3,"), "guests[0].vcpu: there is no such member"},
        {WITH("\"cells\":3,"), "guests[0].cells: 3, more than vcpus"},
        {WITH("\"page\":\"1KiB\","), "guests[0].page: expected one of: 4KiB, 2MiB, 1GiB"},
        {WITH("\"page\":\"1GiB\",\"cells\":2,"), "guests[0].memory_mib: each cell needs"},
        {WITH("\"ran_on\":\"0-2\","), "guests[0].ran_on: the host's nodes are 0 to 1"},
        {WITH("\"memory_on\":\"x\","), "guests[0].memory_on: "},
        {WITH("\"touched\":1.5,"), "guests[0].touched: out of range"},
        {WITH("\"arrive_s\":5,"), "guests[0].arrive_s: who is there from the beginning"},
        {WITH("\"apart_s\":5,"), "guests[0].apart_s: guests that are there"},
        {WITH("\"leave_s\":0,"), "guests[0].leave_s: must be after arrive_s"},
        {WITH("\"leave_s\":-5,"), "guests[0].leave_s: -5 is outside"},
        {WITH("\"count\":1025,"), "guests[0].count: 1025 is outside of 1..1024"},
        {WITH("\"count\":1024,\"arrives_by\":\"start\",\"apart_s\":604800,"),
         "guests[0].count: the last of so many"},
        {HEAD NODES "\"guests\":[" GUEST("\"count\":1000,") "," GUEST("\"count\":25,") "]}",
         "guests[1].count: more than 1024 guests"},
        {HEAD NODES "\"guests\":[{\"name\":\"g\",\"vcpus\":512,\"memory_mib\":1024,\"count\":17," PHASES "}]}",
         "more than 8192 vCPUs in all"},
        {HEAD NODES "\"guests\":[{\"name\":\"g\",\"vcpus\":1,\"memory_mib\":1024,\"phases\":[]}]}",
         "guests[0].phases: at least one is needed"},
        {HEAD NODES "\"guests\":[{\"name\":\"g\",\"vcpus\":1,\"memory_mib\":1,"
                    "\"phases\":[{\"seconds\":0,\"busy\":1}]}]}",
         "guests[0].phases[0].seconds: 0 is outside"},
        {HEAD NODES "\"guests\":[{\"name\":\"g\",\"vcpus\":1,\"memory_mib\":1,"
                    "\"phases\":[{\"seconds\":1,\"busy\":1,\"idle\":0}]}]}",
         "guests[0].phases[0].idle: there is no such member"},
        {HEAD NODES "\"guests\":[],\"settings\":{\"home-node.confirm\":\"x\"}}",
         "settings.home-node.confirm: expected an integer"},
        {HEAD NODES "\"guests\":[],\"settings\":{\"confirm\":1}}", "settings: a name is POLICY.PARAMETER"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VbScenario) scenario = vb_scenario_parse(cases[i].text, -1, &error);
        g_assert_null(scenario);
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        if (strstr(error->message, cases[i].says) == NULL)
            g_test_message("case %u: %s", i, error->message);
        g_assert_nonnull(strstr(error->message, cases[i].says));
        g_assert_null(strchr(error->message, '\n'));
    }
}

/* Every prefix of a good file is a mistake, none does harm. */
static void
test_a_file_cut_off_is_a_mistake(void)
{
    const char *whole = WITH("\"count\":2,");
    for (gsize length = 0; length < strlen(whole); length++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VbScenario) scenario = vb_scenario_parse(whole, (gssize)length, &error);
        g_assert_null(scenario);
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
}

static void
assert_reads_back(const VbScenario *scenario)
{
    g_autofree char *once = text_of(scenario);
    g_autoptr(VbScenario) again = parse(once);
    g_autofree char *twice = text_of(again);
    g_assert_cmpstr(once, ==, twice);
    g_assert_cmpuint(again->guests->len, ==, scenario->guests->len);
}

static void
test_what_is_written_reads_back(void)
{
    g_autoptr(VbScenario) rich = parse(
        WITH("\"count\":2,\"policy\":\"none\",\"page\":\"2MiB\",\"own\":0.25,\"arrives_by\":\"migration\","
             "\"arrive_s\":3,\"leave_s\":9,\"leaves_by\":\"migration\",\"ran_on\":\"1\",\"memory_on\":\"0-1\","));
    assert_reads_back(rich);
}

static void
test_generated_worlds_read_back(void)
{
    for (const VbKind *kind = vb_generate_kinds(); kind->name != NULL; kind++)
        for (guint guests = 2; guests < 20; guests += 5) {
            g_autoptr(GError) error = NULL;
            g_autofree char *words = g_strdup_printf("%s:%u", kind->name, guests);
            g_autoptr(VbScenario) scenario = vb_generate(words, guests, &error);
            g_assert_no_error(error);
            g_assert_cmpuint(scenario->guests->len, ==, guests);
            assert_reads_back(scenario);
        }
}

static void
test_shipped_scenarios_are_good(void)
{
    const char *folder = g_getenv("VB_SCENARIOS"), *name;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    guint count = 0;
    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
        if (!g_str_has_suffix(name, ".json"))
            continue;
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        g_autoptr(VbScenario) scenario = parse(text);
        g_autofree char *expected = g_strconcat(scenario->name, ".json", NULL);
        g_assert_cmpstr(name, ==, expected);
        assert_reads_back(scenario);
        count++;
    }
    g_assert_cmpuint(count, >=, 10);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scenario/what-is-not-said-has-its-default", test_what_is_not_said_has_its_default);
    g_test_add_func("/scenario/one-that-starts-has-touched-nothing",
                    test_one_that_starts_has_touched_nothing);
    g_test_add_func("/scenario/copies-come-one-after-the-other", test_copies_come_one_after_the_other);
    g_test_add_func("/scenario/looks-and-pins-take-as-long-as-is-said",
                    test_looks_and_pins_take_as_long_as_is_said);
    g_test_add_func("/scenario/mistakes-are-named", test_mistakes_are_named);
    g_test_add_func("/scenario/a-file-cut-off-is-a-mistake", test_a_file_cut_off_is_a_mistake);
    g_test_add_func("/scenario/what-is-written-reads-back", test_what_is_written_reads_back);
    g_test_add_func("/scenario/generated-worlds-read-back", test_generated_worlds_read_back);
    g_test_add_func("/scenario/shipped-scenarios-are-good", test_shipped_scenarios_are_good);
    return g_test_run();
}
