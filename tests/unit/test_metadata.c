/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The vmb:numa element: what it may say, that reader and published grammar agree, and the way back. */
#include "libvirt/metadata_element.h"
#include <glib/gstdio.h>
#include <string.h>
#include <vmbalancer/error.h>

#define NS "xmlns='urn:vmbalancer:domain:1.0'"
#define VMB "xmlns:vmb='urn:vmbalancer:domain:1.0'"

/* Who accepts an element. */
typedef enum {
    NEITHER,
    GRAMMAR, /* the grammar cannot tell that it is wrong */
    BOTH,
} Verdict;

static const struct {
    Verdict verdict;
    const char *element;
} table[] = {
    {BOTH, "<numa/>"},
    {BOTH, "<numa policy='balance'/>"},
    {BOTH, "<numa " NS " policy='none'><home nodes='0'/></numa>"},
    {BOTH, "<vmb:numa " VMB " policy='none'><vmb:home nodes='0-1'/></vmb:numa>"},
    {BOTH, "<numa><!-- free --> <home nodes='0-1,3,007,63'> </home>\n<?free yes?></numa>"},
    {BOTH, "<numa><locality/><migrate/></numa>"},
    {BOTH, "<numa><locality min='0.90' target='0.98'/></numa>"},
    {BOTH, "<numa><locality min='0' target='1'/></numa>"},
    {BOTH, "<numa><locality target='1.0000'/><home nodes='1'/></numa>"},
    {BOTH, "<numa><migrate vcpus='yes' memory='no' rate='512MiB/s' cooldown='60s'/></numa>"},
    {BOTH, "<numa><migrate rate='999999GiB/s' cooldown='0s'/></numa>"},
    {BOTH, "<numa><migrate rate='1KiB/s' cooldown='999999h'/></numa>"},
    {BOTH, "<numa policy='p'><parameter name='a' value='-1'/><home nodes='1'/>"
           "<parameter name='b-2' value='999999999999999999'/></numa>"},
    {BOTH, "<vmb:numa " VMB " policy='p'><vmb:parameter name='a' value='0'/></vmb:numa>"},
    {GRAMMAR, "<numa><home nodes='3-1'/></numa>"},
    {GRAMMAR, "<numa><locality min='0.9' target='0.8999'/></numa>"},
    {GRAMMAR, "<numa policy='p'><parameter name='a' value='1'/><parameter name='a' value='1'/></numa>"},
    {NEITHER, "<nuna/>"},
    {NEITHER, "<numa xmlns='urn:vmbalancer:domain:2.0'/>"},
    {NEITHER, "<numa policy=''/>"},
    {NEITHER, "<numa policy=' none'/>"},
    {NEITHER, "<numa policy='None'/>"},
    {NEITHER, "<numa policy='a.b'/>"},
    {NEITHER, "<numa policy='&#10;none'/>"},
    {NEITHER, "<numa colour='red'/>"},
    {NEITHER, "<vmb:numa " VMB " vmb:policy='none'/>"},
    {NEITHER, "<numa>please</numa>"},
    {NEITHER, "<numa><hoem nodes='0'/></numa>"},
    {NEITHER, "<numa><numa/></numa>"},
    {NEITHER, "<vmb:numa " VMB "><home nodes='0'/></vmb:numa>"},
    {NEITHER, "<numa><vmb:home " VMB " nodes='0'/></numa>"},
    {NEITHER, "<numa><home/></numa>"},
    {NEITHER, "<numa><home nodes=''/></numa>"},
    {NEITHER, "<numa><home nodes='64'/></numa>"},
    {NEITHER, "<numa><home nodes='0,'/></numa>"},
    {NEITHER, "<numa><home nodes='0, 1'/></numa>"},
    {NEITHER, "<numa><home nodes=' 0'/></numa>"},
    {NEITHER, "<numa><home nodes='^0'/></numa>"},
    {NEITHER, "<numa><home nodes='0'/><home nodes='1'/></numa>"},
    {NEITHER, "<numa><home nodes='0' strict='yes'/></numa>"},
    {NEITHER, "<numa><home nodes='0'>1</home></numa>"},
    {NEITHER, "<numa><home nodes='0'><home nodes='0'/></home></numa>"},
    {NEITHER, "<numa><locality min='90%'/></numa>"},
    {NEITHER, "<numa><locality min='1.1'/></numa>"},
    {NEITHER, "<numa><locality min='.9'/></numa>"},
    {NEITHER, "<numa><locality min='0.'/></numa>"},
    {NEITHER, "<numa><locality min='0.90001'/></numa>"},
    {NEITHER, "<numa><locality min='-0.5'/></numa>"},
    {NEITHER, "<numa><locality maximum='1'/></numa>"},
    {NEITHER, "<numa><locality/><locality/></numa>"},
    {NEITHER, "<numa><migrate vcpus='maybe'/></numa>"},
    {NEITHER, "<numa><migrate vcpus='yes '/></numa>"},
    {NEITHER, "<numa><migrate memory='1'/></numa>"},
    {NEITHER, "<numa><migrate rate='512MB/s'/></numa>"},
    {NEITHER, "<numa><migrate rate='512MiB'/></numa>"},
    {NEITHER, "<numa><migrate rate='0MiB/s'/></numa>"},
    {NEITHER, "<numa><migrate rate='max'/></numa>"},
    {NEITHER, "<numa><migrate cooldown='60'/></numa>"},
    {NEITHER, "<numa><migrate cooldown='1d'/></numa>"},
    {NEITHER, "<numa><migrate cooldown='1000000h'/></numa>"},
    {NEITHER, "<numa><parameter name='a' value='1'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter name='a'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter value='1'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter name='' value='1'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter name='A' value='1'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter name='a' value='1.5'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter name='a' value='01'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter name='a' value='+1'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter name='a' value='-0'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter name='a' value='1000000000000000000'/></numa>"},
    {NEITHER, "<numa policy='p'><parameter name='a' value='1' unit='s'/></numa>"},
};

static void
test_the_reader(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(VbWish) wish = vb_metadata_parse(table[i].element, &error);
        g_test_message("%s: %s", table[i].element, error != NULL ? error->message : "good");
        g_assert_cmpint(wish != NULL, ==, table[i].verdict == BOTH);
        if (wish == NULL)
            g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
}

static gboolean
passes_grammar(const char *xmllint, const char *element)
{
    g_autofree char *schema = g_build_filename(g_getenv("VB_TEST_DATA"), "..", "..", "vmbalancer",
                                               "data", "vmbalancer-domain-1.0.rng", NULL);
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    int file = g_file_open_tmp("vmbalancer-XXXXXX.xml", &path, &error);
    g_assert_no_error(error);
    g_assert_true(g_close(file, NULL));
    g_assert_true(g_file_set_contents(path, element, -1, NULL));
    const char *const argv[] = {xmllint, "--nonet", "--noout", "--relaxng", schema, path, NULL};
    int status = 0;
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                 &status, &error);
    g_assert_no_error(error);
    g_remove(path);
    /* 3: the document does not fit; anything else would be a schema that does not compile. */
    g_assert_true(status == 0 || g_spawn_check_wait_status(status, &error) || error->code == 3);
    return status == 0;
}

static void
test_the_published_grammar(void)
{
    g_autofree char *xmllint = g_find_program_in_path("xmllint");
    if (xmllint == NULL) {
        g_test_skip("needs xmllint (Debian: libxml2-utils)");
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_test_message("%s", table[i].element);
        g_assert_cmpint(passes_grammar(xmllint, table[i].element), ==,
                        table[i].verdict != NEITHER);
    }
}

static void
test_the_values(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbWish) wish = vb_metadata_parse(
        "<numa policy='home-node'><home nodes='0-1'/><locality min='0.9' target='0.9875'/>"
        "<migrate vcpus='yes' memory='no' rate='512MiB/s' cooldown='2min'/>"
        "<parameter name='tolerance' value='-200'/></numa>",
        &error);
    g_assert_no_error(error);
    g_assert_cmpstr(wish->policy, ==, "home-node");
    g_assert_cmpstr(wish->home, ==, "0-1");
    g_assert_cmpuint(wish->terms.locality_min_bp, ==, 9000);
    g_assert_cmpuint(wish->terms.locality_target_bp, ==, 9875);
    g_assert_cmpint(wish->terms.pins, ==, VB_ANSWER_YES);
    g_assert_cmpint(wish->terms.moves, ==, VB_ANSWER_NO);
    g_assert_cmpuint(wish->terms.rate_bytes_per_s, ==, 512 * 1024 * 1024);
    g_assert_cmpint(wish->terms.cooldown_ns, ==, G_GINT64_CONSTANT(120000000000));
    g_assert_cmpint(*(gint64 *)g_hash_table_lookup(wish->parameters, "tolerance"), ==, -200);
}

/* What is written is read back the same, and passes the grammar as virsh metadata would print it. */
static void
test_there_and_back(void)
{
    g_autofree char *xmllint = g_find_program_in_path("xmllint");
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].verdict != BOTH)
            continue;
        g_autoptr(VbWish) wish = vb_metadata_parse(table[i].element, NULL);
        g_autofree char *text = vb_metadata_format(wish);
        g_autoptr(GError) error = NULL;
        g_autoptr(VbWish) again = vb_metadata_parse(text, &error);
        g_assert_no_error(error);
        g_autofree char *text_again = vb_metadata_format(again);
        g_test_message("%s", text);
        g_assert_cmpstr(text, ==, text_again);
        g_assert_cmpmem(&wish->terms, sizeof wish->terms, &again->terms, sizeof again->terms);
        g_assert_true(xmllint == NULL || passes_grammar(xmllint, text));
    }
}

static void
test_hostile_text(void)
{
    static const char *const texts[] = {
        "", "<numa", "<!DOCTYPE numa [<!ENTITY a 'b'>]><numa policy='&a;'/>",
        "<numa policy='none'/><numa/>", "\xff<numa/>",
    };
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(vb_metadata_parse(texts[i], &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metadata/the-reader-judges-each-element", test_the_reader);
    g_test_add_func("/metadata/the-published-grammar-agrees", test_the_published_grammar);
    g_test_add_func("/metadata/each-value-is-understood", test_the_values);
    g_test_add_func("/metadata/what-is-written-is-read-back", test_there_and_back);
    g_test_add_func("/metadata/hostile-text-is-refused", test_hostile_text);
    return g_test_run();
}
