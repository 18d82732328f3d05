/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What counts for a guest: its metadata, the administrator's limits on it, the host's files over it. */
#include "core/settle.h"
#include <string.h>
#include <vmbalancer/error.h>

#define UUID "0123ABCD-0000-4000-8000-000000000001"

static void
nothing(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
}

static const VbParameter parameters[] = {
    {"patience", 0, 10, 3, "", "a parameter of this test"},
    {"cooldown", 0, G_MAXINT64, 3, "ns", "another"},
    {NULL},
};
static const VbPolicy patient = {.name = "patient", .parameters = parameters, .decide = nothing};
static const VbPolicy plain = {.name = "plain", .decide = nothing};
static const VbPolicy *const policies[] = {&patient, &plain, NULL};

/* A wish by words: "policy=patient home=0-1 patience:=7". */
static VbWish *
wish_of(const char *words)
{
    VbWish *wish = vb_wish_new();
    g_auto(GStrv) parts = g_strsplit(words, " ", -1);
    for (guint i = 0; parts[i] != NULL && *parts[i] != '\0'; i++) {
        g_auto(GStrv) pair = g_strsplit(parts[i], "=", 2);
        gsize length = strlen(pair[0]);
        gboolean set = FALSE;
        if (pair[0][length - 1] == ':') {
            pair[0][length - 1] = '\0';
            set = vb_wish_set_parameter(wish, pair[0], pair[1]);
        }
        for (guint field = 0; !set && field < VB_WISH_FIELDS; field++)
            if (g_str_equal(vb_wish_words(field)->key, pair[0]))
                set = vb_wish_set(wish, field, pair[1]);
        g_assert_true(set);
    }
    return wish;
}

/* The other way round, fields in their order, then parameters by name. */
static char *
words_of(const VbWish *wish)
{
    GString *words = g_string_new(NULL);
    for (guint field = 0; field < VB_WISH_FIELDS; field++) {
        g_autofree char *text = vb_wish_text(wish, field);
        if (text != NULL)
            g_string_append_printf(words, "%s%s=%s", words->len > 0 ? " " : "",
                                   vb_wish_words(field)->key, text);
    }
    g_autoptr(GList) names = vb_wish_parameter_names(wish);
    for (GList *name = names; name != NULL; name = name->next)
        g_string_append_printf(words, " %s:=%" G_GINT64_FORMAT, (char *)name->data,
                               *(gint64 *)g_hash_table_lookup(wish->parameters, name->data));
    return g_string_free(words, FALSE);
}

static VbSettled *
settle(const char *file, const char *metadata, const char *metadata_error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) config = vb_config_parse(file, strlen(file), "test.conf", warnings, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(warnings->len, ==, 0);
    g_autoptr(VbDomain) domain = vb_domain_new();
    domain->name = g_strdup("web1");
    domain->uuid = g_ascii_strdown(UUID, -1);
    domain->wish = metadata != NULL ? wish_of(metadata) : NULL;
    domain->metadata_error = g_strdup(metadata_error);
    return vb_settle(config, policies, domain);
}

/* Given a configuration and metadata, what counts; and what the one note says, if there is one. */
static const struct {
    const char *file;
    const char *metadata;
    const char *counts;
    const char *note;
} table[] = {
    {"", NULL, "", NULL},
    {"", "policy=patient home=0-1 rate=1MiB/s patience:=7",
     "policy=patient home=0-1 rate=1MiB/s patience:=7", NULL},
    {"", "policy=patient patience:=11", "", "parameter \"patience\"=11: policy patient takes 0 to 10"},
    {"", "policy=patient haste:=1", "", "\"haste\"=1: policy patient has only \"patience\", \"cooldown\""},
    {"", "policy=plain patience:=1", "", "policy plain has no parameters"},
    {"", "policy=unheard patience:=99", "policy=unheard patience:=99", NULL},
    {"", "rate=1GiB/s", "rate=512MiB/s", "the administrator allows 512 MiB/s (guest-rate=)"},
    {"[limits]\nmax-rate=2GiB/s\n", "rate=1GiB/s", "rate=1GiB/s", NULL},
    {"[limits]\nmax-rate=10MiB/s\n", "rate=1GiB/s", "rate=10MiB/s", "(max-rate=)"},
    {"[limits]\nmax-rate=max\n", "rate=999GiB/s", "rate=999GiB/s", NULL},
    {"[vmbalancer]\nguest-rate=max\n", "rate=999GiB/s", "rate=999GiB/s", NULL},
    {"[limits]\nmin-cooldown=5min\n", "cooldown=60s", "cooldown=5min", "300 s (min-cooldown=)"},
    {"[limits]\nmin-cooldown=5min\n", "cooldown=1h", "cooldown=1h", NULL},
    {"[limits]\nmin-cooldown=1s\n", "policy=patient cooldown:=5",
     "policy=patient cooldown:=1000000000", "min-cooldown="},
    {"[limits]\nallowed-policies=plain\n", "policy=patient patience:=1 home=1", "home=1",
     "asks for policy patient, the administrator allows none, plain"},
    {"[limits]\nallowed-policies=plain, patient\n", "policy=patient", "policy=patient", NULL},
    {"[limits]\nallowed-policies=\n", "policy=none", "policy=none", NULL},
    {"[limits]\nallowed-nodes=0-1\n", "home=1-3", "home=1", "its home is within 1"},
    {"[limits]\nallowed-nodes=0-1\n", "home=2-3", "", "the home is ignored"},
    {"[limits]\nallowed-nodes=0-1\n", "home=0", "home=0", NULL},
    /* The host's files win, and no limit binds them. */
    {"[domain web1]\nhome=3\n[limits]\nallowed-nodes=0\n", "home=0 policy=plain",
     "policy=plain home=3", NULL},
    {"[domain web1]\npolicy=plain\nrate=9GiB/s\n", "policy=patient patience:=2 cooldown=1s",
     "policy=plain rate=9GiB/s cooldown=1s", NULL},
    {"[domain web1]\npolicy=patient\nparameter.patience=9\n",
     "policy=patient patience:=2 cooldown:=4", "policy=patient cooldown:=4 patience:=9", NULL},
    {"[domain web1]\nmigrate-memory=yes\n", "migrate-memory=no migrate-vcpus=no",
     "migrate-vcpus=no migrate-memory=yes", NULL},
    {"[domain web2]\npolicy=plain\n", NULL, "", NULL},
    {"[domain " UUID "]\nhome=2\n[domain web1]\nhome=1\npolicy=plain\n", NULL,
     "policy=plain home=2", NULL},
};

static void
test_what_counts(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(VbSettled) settled = settle(table[i].file, table[i].metadata, NULL);
        g_autofree char *counts = words_of(settled->wish);
        const char *note = settled->notes->len > 0 ? g_ptr_array_index(settled->notes, 0) : "";
        g_test_message("%u: %s / %s: %s", i, table[i].file, table[i].metadata, note);
        g_assert_cmpstr(counts, ==, table[i].counts);
        g_assert_cmpuint(settled->notes->len, ==, table[i].note != NULL);
        g_assert_true(table[i].note == NULL || strstr(note, table[i].note) != NULL);
    }
}

static void
test_bad_metadata_counts_as_none(void)
{
    g_autoptr(VbSettled) settled = settle("[domain web1]\nhome=1\n", NULL, "<hoem> in <numa>");
    g_autofree char *counts = words_of(settled->wish);
    g_assert_cmpstr(counts, ==, "home=1");
    g_assert_cmpuint(settled->notes->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(settled->notes, 0), ==,
                    "its metadata is ignored: <hoem> in <numa>");
}

static void
test_sources_are_told(void)
{
    g_autoptr(VbSettled) settled =
        settle("[domain web1]\nhome=1\n[limits]\nallowed-policies=none\n",
               "policy=plain home=0 rate=1MiB/s", NULL);
    g_assert_cmpint(settled->source[VB_WISH_POLICY], ==, VB_SOURCE_NONE);
    g_assert_cmpint(settled->source[VB_WISH_HOME], ==, VB_SOURCE_HOST);
    g_assert_cmpint(settled->source[VB_WISH_RATE], ==, VB_SOURCE_METADATA);
    g_assert_cmpint(settled->source[VB_WISH_COOLDOWN], ==, VB_SOURCE_NONE);
    g_assert_cmpstr(settled->origin, ==, "test.conf");
}

/* Files whose text is refused when read, or when the policies are asked. */
static const struct {
    const char *text;
    const char *named;
} refused[] = {
    {"[domain web1]\npolicy=Plain\n", "test.conf: [domain web1] policy=Plain: expected a policy's name"},
    {"[domain web1]\nhome=x\n", "[domain web1] home=x: expected host nodes"},
    {"[domain web1]\nrate=fast\n", "rate=fast: expected a rate"},
    {"[domain web1]\nmigrate-memory=1\n", "expected \"yes\" or \"no\""},
    {"[domain web1]\npolicy=patient\nparameter.patience=x\n", "expected a whole number"},
    {"[domain web1]\npolicy=patient\nparameter.P=1\n", "expected \"parameter.\" and"},
    {"[domain web1]\npolicy=patient\nparameter.patience=99\n",
     "test.conf: [domain web1]: parameter \"patience\"=99: policy patient takes 0 to 10"},
    {"[domain web1]\npolicy=patient\nparameter.haste=1\n", "has only \"patience\""},
    {"[domain web1]\nparameter.haste=1\n", "without a policy"},
    {"[domain web1]\nlocality-min=0.9\nlocality-target=0.8\n", "min 0.9 is above its target 0.8"},
    {"[policy patient]\npatience=11\n", "[policy patient] patience=11: expected 0 to 10"},
    {"[limits]\nmax-rate=0\n", "[limits] max-rate=0"},
    {"[limits]\nmin-cooldown=60\n", "min-cooldown=60: expected a time"},
    {"[limits]\nhugepages-borrow=lots\n", "hugepages-borrow=lots: expected a size"},
    {"[limits]\nallowed-nodes=\n", "allowed-nodes=: expected host nodes"},
    {"[limits]\nallowed-policies=A\n", "allowed-policies=A: expected names"},
};

static void
test_bad_files_are_refused(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        const char *text = refused[i].text;
        g_autoptr(VbConfig) config =
            vb_config_parse(text, strlen(text), "test.conf", warnings, &error);
        if (config != NULL)
            g_assert_false(vb_config_check(config, policies, warnings, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        g_test_message("%s: %s", text, error->message);
        g_assert_nonnull(strstr(error->message, refused[i].named));
    }
}

static void
test_unknown_words_are_warned_of(void)
{
    static const struct {
        const char *text;
        const char *named;
    } texts[] = {
        {"[limits]\nmin-rate=1\n", "min-rate"},
        {"[domain web1]\ncolour=red\n", "colour"},
        {"[domain ]\npolicy=plain\n", "[domain ]"},
        {"[policy patient]\nhaste=1\n",
         "[policy patient] haste=1 is ignored: that policy has only \"patience\""},
        {"[policy plain]\nhaste=1\n", "that policy has no parameters"},
        {"[policy unheard]\nx=1\n", "that policy does not exist here"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        g_autoptr(VbConfig) config =
            vb_config_parse(texts[i].text, strlen(texts[i].text), "test.conf", warnings, &error);
        g_assert_no_error(error);
        g_assert_true(vb_config_check(config, policies, warnings, &error));
        g_assert_cmpuint(warnings->len, ==, 1);
        g_assert_nonnull(strstr(g_ptr_array_index(warnings, 0), "ignored"));
        g_assert_nonnull(strstr(g_ptr_array_index(warnings, 0), texts[i].named));
    }
}

/* A later file says what counts and leaves the rest. */
static void
test_files_are_laid_over_each_other(void)
{
    static const char *const texts[] = {
        "[vmbalancer]\nrate=1GiB/s\nguest-rate=3MiB/s\n[node 1]\nreserved=yes\n"
        "[domain web1]\npolicy=patient\nparameter.patience=2\nhome=0\n[limits]\nmax-rate=1MiB/s\n",
        "[vmbalancer]\nrate=max\n[node 1]\nreserved=no\n[domain web1]\nhome=1\n"
        "[limits]\nmin-cooldown=1h\n",
        "[domain web1]\nparameter.patience=3\n",
    };
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) config = vb_config_new();
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_true(vb_config_merge(config, texts[i], strlen(texts[i]), texts[i], warnings, &error));
    g_autofree char *origin = NULL;
    g_autoptr(VbWish) wish = vb_config_guest(config, "web1", UUID, &origin);
    g_autofree char *words = words_of(wish);
    g_assert_cmpstr(words, ==, "policy=patient home=1 patience:=3");
    g_assert_cmpstr(origin, ==, texts[2]);
    g_assert_cmpuint(config->rate_bytes_per_s, ==, 0);
    g_assert_cmpuint(config->guest_rate_bytes_per_s, ==, 3 << 20);
    g_assert_cmphex(config->reserved_nodes, ==, 0);
    g_assert_true(config->limits.max_rate_known);
    g_assert_cmpint(config->limits.min_cooldown_ns, ==, G_GINT64_CONSTANT(3600000000000));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settle/limits-and-host-files-have-their-say", test_what_counts);
    g_test_add_func("/settle/bad-metadata-counts-as-none", test_bad_metadata_counts_as_none);
    g_test_add_func("/settle/sources-are-told", test_sources_are_told);
    g_test_add_func("/settle/bad-files-are-refused", test_bad_files_are_refused);
    g_test_add_func("/settle/unknown-words-are-warned-of", test_unknown_words_are_warned_of);
    g_test_add_func("/settle/files-are-laid-over-each-other", test_files_are_laid_over_each_other);
    return g_test_run();
}
