/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest's policy and a release, read back from the documents that the daemon answers with. */
#include "engine/document.h"
#include <string.h>
#include <vmbalancer/error.h>

/* Each piece of it can be bent. */
static const char good[] =
    "{\"schema\":\"vmbalancer.policy/1\",\"guest\":\"web1\",\"uuid\":\"u1\",\"running\":true,"
    "\"persistent\":true,\"policy\":\"home-node\",\"known\":true,\"asked\":{"
    "\"policy\":{\"value\":\"home-node\",\"source\":\"metadata\"},"
    "\"home\":{\"value\":\"0-1\",\"source\":\"host\"},"
    "\"locality-min\":{\"value\":\"0.9\",\"source\":\"metadata\"},"
    "\"locality-target\":{\"value\":null,\"source\":\"default\"},"
    "\"migrate-vcpus\":{\"value\":\"yes\",\"source\":\"metadata\"},"
    "\"migrate-memory\":{\"value\":null,\"source\":\"default\"},"
    "\"rate\":{\"value\":\"256MiB/s\",\"source\":\"metadata\"},"
    "\"cooldown\":{\"value\":\"1min\",\"source\":\"metadata\"}},"
    "\"parameters\":{\"margin\":5},\"file\":\"/etc/vmbalancer.conf\","
    "\"live\":\"<numa xmlns='urn:vmbalancer:domain:1.0'/>\",\"config\":null,"
    "\"notes\":[\"a \\\"note\\\"\"]}";

static void
test_a_policy_comes_back_as_it_was(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbGuestPolicy) policy = vb_document_policy_parse(good, -1, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(policy->metadata->name, ==, "web1");
    g_assert_cmpstr(policy->policy, ==, "home-node");
    g_assert_cmpint(policy->settled->source[VB_WISH_HOME], ==, VB_SOURCE_HOST);
    g_autoptr(JsonNode) document = vb_document_policy(policy);
    g_autofree char *text = vb_codec_text(document, FALSE);
    g_assert_true(g_str_has_suffix(text, "}\n"));
    text[strlen(text) - 1] = '\0';
    g_assert_cmpstr(text, ==, good);
}

static void
test_a_policy_that_makes_no_sense_is_refused(void)
{
    static const struct {
        const char *piece;
        const char *bent;
        const char *error;
    } cases[] = {
        {"policy/1", "policy/2", "schema: expected one of"},
        {"\"guest\":\"web1\"", "\"guest\":null", "guest: missing"},
        {"\"uuid\":\"u1\"", "\"uuid\":7", "uuid: expected a string"},
        {"\"running\":true", "\"running\":1", "running: expected true or false"},
        {"\"policy\":\"home-node\"", "\"policy\":null", "policy: missing"},
        {"\"asked\":{", "\"asked\":[],\"x\":{", "asked: expected an object"},
        {"\"home\":{", "\"house\":{", "asked.home: missing"},
        {"\"home\":{", "\"home\":1,\"x\":{", "asked.home: expected an object"},
        {"\"source\":\"host\"", "\"source\":\"me\"", "asked.home.source: expected one of"},
        {"\"0.9\"", "\"9\"", "asked.locality-min.value: expected"},
        {"\"0.9\"", "0.9", "asked.locality-min.value: expected a string"},
        {"{\"margin\":5}", "{\"margin\":\"5\"}", "parameters.margin: expected an int"},
        {"\"notes\":[", "\"notes\":3,\"x\":[", "notes: expected an array"},
        {"\"notes\":[", "\"notes\":[7,", "notes: expected strings"},
        {"\"notes\":[", "\"notes\":[{},", "notes: expected strings"},
        {"]}", "]", "the document ends early"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        const char *at = strstr(good, cases[i].piece);
        g_assert_nonnull(at);
        g_autofree char *text = g_strdup_printf("%.*s%s%s", (int)(at - good), good, cases[i].bent,
                                                at + strlen(cases[i].piece));
        g_assert_null(vb_document_policy_parse(text, -1, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        if (strstr(error->message, cases[i].error) == NULL)
            g_error("\"%s\" does not say \"%s\"", error->message, cases[i].error);
    }
}

static void
test_a_release_comes_back_as_it_was(void)
{
    const VbRelease release = {.restored = 3, .left = 2, .absent = G_MAXUINT, .recorded = TRUE};
    VbRelease again = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) document = vb_document_release("web1", &release);
    g_autofree char *text = vb_codec_text(document, FALSE);
    g_assert_true(vb_document_release_parse(text, -1, &again, &error));
    g_assert_no_error(error);
    g_assert_cmpmem(&release, sizeof release, &again, sizeof again);
}

static void
test_a_release_that_makes_no_sense_is_refused(void)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{\"schema\":\"vmbalancer.release/1\"}",
        "{\"schema\":\"vmbalancer.release/1\",\"restored\":-1,\"left\":0,\"absent\":0,"
        "\"recorded\":true}",
        "{\"schema\":\"vmbalancer.release/1\",\"restored\":4294967296,\"left\":0,\"absent\":0,"
        "\"recorded\":true}",
        "{\"schema\":\"vmbalancer.release/2\",\"restored\":0,\"left\":0,\"absent\":0,"
        "\"recorded\":true}",
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        VbRelease release = {.restored = 77};
        g_assert_false(vb_document_release_parse(cases[i], -1, &release, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        g_assert_cmpuint(release.restored, ==, 77);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/document/policy", test_a_policy_comes_back_as_it_was);
    g_test_add_func("/document/policy-bent", test_a_policy_that_makes_no_sense_is_refused);
    g_test_add_func("/document/release", test_a_release_comes_back_as_it_was);
    g_test_add_func("/document/release-bent", test_a_release_that_makes_no_sense_is_refused);
    return g_test_run();
}
