/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies from shared objects: which are taken, which are refused, and that they act. */
#include "core/decide.h"
#include "core/settle.h"
#include "engine/files.h"
#include "temp_dir.h"
#include "world.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbalancer/error.h>
#include <vmbalancer/module.h>
#include <vmbalancer/registry.h>

typedef struct {
    char *dir;
    VbModuleRules rules;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
    f->dir = temp_dir_new();
    f->rules = (VbModuleRules){.trust = {.owner = getuid(), .from = f->dir}};
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
    temp_dir_free(f->dir);
}

/* The module of that name as it was built, in the test's own folder. (transfer full): its path */
static char *
put_module(const Fixture *f, const char *name, const char *as)
{
    const char *example = g_getenv("VB_EXAMPLE_MODULE");
    g_autofree char *file = g_strconcat(name, ".so", NULL);
    g_autofree char *from = g_str_equal(name, "example")
                                ? g_strdup(example)
                                : g_build_filename(g_getenv("VB_MODULES"), file, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize length;
    g_file_get_contents(from, &text, &length, &error);
    g_assert_no_error(error);
    char *path = g_build_filename(f->dir, as, NULL);
    g_file_set_contents_full(path, text, (gssize)length, G_FILE_SET_CONTENTS_CONSISTENT, 0644,
                             &error);
    g_assert_no_error(error);
    g_assert_cmpint(chmod(path, 0644), ==, 0);
    return path;
}

/* Reads a configuration that names @paths, with @more behind. */
static VbConfig *
read_config(const Fixture *f, const char *paths, const char *more, GError **error)
{
    g_autofree char *file = g_build_filename(f->dir, "vmbalancer.conf", NULL);
    g_autofree char *text = g_strdup_printf("[vmbalancer]\npolicy-modules=%s\n%s", paths, more);
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    const VbConfigFiles files = {.vendor = "/nowhere",
                                 .main = file,
                                 .directory = "/nowhere",
                                 .guests = "/nowhere",
                                 .modules = &f->rules};
    VbConfig *config = vb_config_read(&files, NULL, warnings, error);
    g_assert_cmpuint(warnings->len, ==, 0);
    return config;
}

/* Nothing half-happens: what there was before is there after, and nothing else. */
static void
assert_refused(const Fixture *f, const char *paths, const char *says)
{
    const VbPolicy *const *before = vb_policy_all();
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) config = read_config(f, paths, "", &error);
    g_assert_null(config);
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_test_message("%s", error->message);
    if (strstr(error->message, says) == NULL || strchr(error->message, '\n') != NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, says);
    g_assert_true(vb_policy_all() == before);
}

/* --- what is refused ------------------------------------------------------------------------ */

static void
test_what_modules_say_is_checked(Fixture *f, gconstpointer unused)
{
    static const struct {
        const char *name;
        const char *says;
    } cases[] = {
        /* It stays loaded for good: what comes after it must not be taken for it. */
        {"stuck", "it is built for policy ABI 999"},
        {"abi", "it is built for policy ABI 999, this vmbalancer has " G_STRINGIFY(VB_POLICY_ABI)},
        {"size", "structures of other sizes"},
        {"guest_size", "structures of other sizes"},
        {"symbol", "no symbol \"vb_policy_module\""},
        {"empty", "it has no policies"},
        {"collision", "there is a policy \"home-node\" already"},
        {"word", "there is a policy \"all\" already"},
        {"name", "a policy's name is not of"},
        {"parameter", "policy other: parameter 1: its default is not within its range"},
        {"twice", "there is a policy \"other\" already"},
        {"unresolved", "it cannot be loaded: undefined symbol: nobody_has_this"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = put_module(f, cases[i].name, "module.so");
        assert_refused(f, path, cases[i].says);
        g_autofree char *named = g_strdup_printf("policy module %s: ", path);
        assert_refused(f, path, named);
    }
}

static void
test_what_is_no_module_is_refused(Fixture *f, gconstpointer unused)
{
    g_autofree char *path = g_build_filename(f->dir, "text.so", NULL);
    g_assert_true(g_file_set_contents(path, "no shared object\n", -1, NULL));
    g_assert_cmpint(chmod(path, 0644), ==, 0);
    assert_refused(f, path, "it cannot be loaded: ");
    g_assert_true(g_file_set_contents(path, "\177ELF", -1, NULL));
    g_assert_cmpint(chmod(path, 0644), ==, 0);
    assert_refused(f, path, "it cannot be loaded: ");
    g_autofree char *missing = g_build_filename(f->dir, "missing.so", NULL);
    assert_refused(f, missing, "missing.so cannot be opened: No such file");
    g_autofree char *fifo = g_build_filename(f->dir, "fifo.so", NULL);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    assert_refused(f, fifo, "fifo.so is not a regular file");
    g_autofree char *folder = g_build_filename(f->dir, "folder.so", NULL);
    g_assert_cmpint(g_mkdir(folder, 0755), ==, 0);
    assert_refused(f, folder, "folder.so is not a regular file");
    g_autofree char *below = g_build_filename(path, "deeper.so", NULL);
    assert_refused(f, below, "text.so is not a folder");
}

static void
test_files_of_others_are_refused(Fixture *f, gconstpointer unused)
{
    static const mode_t writable[] = {0664, 0646, 0666, 0777};
    g_autofree char *path = put_module(f, "example", "example.so");
    for (guint i = 0; i < G_N_ELEMENTS(writable); i++) {
        g_assert_cmpint(chmod(path, writable[i]), ==, 0);
        assert_refused(f, path, "example.so can be written by others than its owner: chmod go-w");
    }
    g_assert_cmpint(chmod(path, 0644), ==, 0);
    /* Root can give the file away; who is not root is another than the one that is trusted. */
    if (getuid() == 0)
        g_assert_cmpint(chown(path, 65534, (gid_t)-1), ==, 0);
    else
        f->rules.trust.owner++;
    assert_refused(f, path, "does not belong to root: chown root it");
}

static void
test_the_way_is_looked_at(Fixture *f, gconstpointer unused)
{
    g_autofree char *open = g_build_filename(f->dir, "open", NULL);
    g_autofree char *link = g_build_filename(f->dir, "link", NULL);
    g_autofree char *file_link = g_build_filename(f->dir, "link.so", NULL);
    g_assert_cmpint(g_mkdir(open, 0755), ==, 0);
    g_autofree char *path = put_module(f, "example", "open/example.so");
    g_autofree char *over_link = g_build_filename(link, "example.so", NULL);
    g_autofree char *dots = g_build_filename(f->dir, "open", "..", "open", "example.so", NULL);
    g_autofree char *doubled = g_strdup_printf("%s//open/example.so", f->dir);
    g_assert_cmpint(symlink(open, link), ==, 0);
    g_assert_cmpint(symlink(path, file_link), ==, 0);
    assert_refused(f, over_link, "/link is a symbolic link: name what it leads to");
    assert_refused(f, file_link, "/link.so is a symbolic link: name what it leads to");
    assert_refused(f, dots, "is not plain");
    assert_refused(f, doubled, "is not plain");
    assert_refused(f, "/nowhere/example.so", "is not where it may be");
    assert_refused(f, "open/example.so", "expected paths from the root on");
    g_assert_cmpint(chmod(open, 0775), ==, 0);
    assert_refused(f, path, "/open can be written by others than its owner: keep the file in");
    g_assert_cmpint(chmod(open, 01777), ==, 0);
    assert_refused(f, path, "/open can be written by others than its owner: keep the file in");
    g_assert_cmpint(chmod(open, 0755), ==, 0);
    g_assert_cmpint(chmod(f->dir, 0770), ==, 0);
    assert_refused(f, path, "can be written by others than its owner: keep the file in");
    g_assert_cmpint(chmod(f->dir, 0700), ==, 0);
}

/* A program that was given more rights than who started it takes no module at all. */
static void
test_raised_rights_take_none(Fixture *f, gconstpointer unused)
{
    g_autofree char *path = put_module(f, "example", "example.so");
    f->rules.raised = TRUE;
    assert_refused(f, path, "none is loaded by a program that runs with raised rights");
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) config = read_config(f, "", "", &error);
    g_assert_nonnull(config);
}

/* Out of the box it is root's files and every folder down from the root. */
static void
test_the_rules_of_the_house(Fixture *f, gconstpointer unused)
{
    VbModuleRules rules = vb_module_rules();
    g_assert_cmpuint(rules.trust.owner, ==, 0);
    g_assert_cmpstr(rules.trust.from, ==, "/");
    g_assert_false(rules.raised);
}

/* One that is refused takes the others along, and a value that is out of range takes all. */
static void
test_nothing_half_happens(Fixture *f, gconstpointer unused)
{
    g_autofree char *good = put_module(f, "other", "good.so");
    g_autofree char *bad = put_module(f, "abi", "bad.so");
    g_autofree char *both = g_strdup_printf("%s;%s", good, bad);
    assert_refused(f, both, "bad.so: it is built for policy ABI 999");
    g_autoptr(GError) error = NULL;
    g_assert_null(read_config(f, good, "[policy other]\npatience=11\n", &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_cmpstr(error->message, ==, "[policy other] patience=11: expected 0 to 10");
    g_assert_null(vb_policy_find("other"));
}

/* --- what is taken -------------------------------------------------------------------------- */

/* A guest that runs on node 0, all of whose RAM is on node 1. */
static VbGuest *
add_guest(VbSnapshot *host)
{
    VbGuest *guest = world_guest(host, "web", "0,0");
    world_fill(host, guest, 0, 0, GIB);
    world_fill(host, guest, 0, 1, 3 * GIB);
    return guest;
}

static char *
plan_for(const VbConfig *config, const char *policy)
{
    g_autoptr(VbSnapshot) host = world_host(2, 2, 8 * GIB);
    const VbGuest *guest = add_guest(host);
    g_autoptr(GError) error = NULL;
    const VbPlanRequest request = {.policy = policy};
    g_autoptr(VbDecision) decision = vb_engine_decide(host, config, &request, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(decision->plan->policy, ==, policy);
    const VbDecline *decline = vb_plan_declined(decision->plan, guest->uuid);
    g_autofree char *actions = world_describe(decision->plan, guest);
    /* Deciding again on what it leads to gives nothing more. */
    g_autoptr(VbDecision) again = vb_engine_decide(decision->predicted, config, &request, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(again->plan->actions->len, ==, 0);
    return decline != NULL ? g_strdup(decline->code) : g_steal_pointer(&actions);
}

/* What modules before left in the dynamic linker is not taken for this one. */
static void
test_a_module_acts(Fixture *f, gconstpointer unused)
{
    g_autofree char *refused = put_module(f, "empty", "refused.so");
    assert_refused(f, refused, "it has no policies");
    g_autofree char *path = put_module(f, "example", "example.so");
    g_autofree char *twice = g_strdup_printf(" %s ; %s;", path, path);
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) config = read_config(f, twice, "", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(vb_policy_find("example")->question, ==, "does one node hold most of its RAM?");
    g_autofree char *acts = plan_for(config, "example");
    g_assert_cmpstr(acts, ==, "pin vcpu0 >1; pin vcpu1 >1");
    /* Once in use it stays, whatever becomes of its file; the configuration sets its parameters. */
    g_assert_cmpint(chmod(path, 0666), ==, 0);
    g_autoptr(VbConfig) strict = read_config(f, path, "[policy example]\nshare=9000\n", &error);
    g_assert_no_error(error);
    g_autofree char *spread = plan_for(strict, "example");
    g_assert_cmpstr(spread, ==, "spread");
    g_assert_cmpint(unlink(path), ==, 0);
    g_autoptr(VbConfig) without = read_config(f, "", "", &error);
    g_assert_nonnull(without);
    g_assert_nonnull(vb_policy_find("example"));
    g_autoptr(VbConfig) bad = read_config(f, path, "[policy example]\nshare=0\n", &error);
    g_assert_null(bad);
    g_assert_cmpstr(error->message, ==,
                    "[policy example] share=0: expected 1 bp (0.01 %) to 10000 bp (100 %)");
}

/* Metadata names it and its parameters like any other. */
static void
test_metadata_may_name_it(Fixture *f, gconstpointer unused)
{
    g_autoptr(VbWish) wish = vb_wish_new();
    g_autoptr(GError) error = NULL;
    g_assert_true(vb_wish_set(wish, VB_WISH_POLICY, "example"));
    g_assert_true(vb_wish_set_parameter(wish, "share", "6000"));
    g_assert_true(vb_wish_check(wish, vb_policy_all(), &error));
    g_assert_true(vb_wish_set_parameter(wish, "share", "10001"));
    g_assert_false(vb_wish_check(wish, vb_policy_all(), &error));
    g_assert_nonnull(strstr(error->message, "\"share\"=10001: policy example takes 1 bp"));
    g_clear_error(&error);
    g_assert_true(vb_wish_set_parameter(wish, "share", "6000"));
    g_assert_true(vb_wish_set_parameter(wish, "haste", "1"));
    g_assert_false(vb_wish_check(wish, vb_policy_all(), &error));
    g_assert_nonnull(strstr(error->message, "policy example has only \"share\", \"cooldown\""));
}

static void
test_another_joins(Fixture *f, gconstpointer unused)
{
    const VbPolicy *const *before = vb_policy_all();
    guint count = 0;
    g_autofree char *path = put_module(f, "other", "other.so");
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) config = read_config(f, path, "[policy other]\npatience=10\n", &error);
    g_assert_no_error(error);
    g_assert_nonnull(config);
    g_assert_nonnull(vb_policy_find("example"));
    g_assert_cmpstr(vb_policy_find("other")->question, ==, "what else?");
    /* Whoever asked before walks along what there was before. */
    while (before[count] != NULL)
        count++;
    g_assert_true(vb_policy_all()[count] == vb_policy_find("other"));
    /* The same object by another name is no other module. */
    g_autofree char *second = g_build_filename(f->dir, "second.so", NULL);
    g_assert_cmpint(link(path, second), ==, 0);
    assert_refused(f, second, "there is a policy \"other\" already");
    g_autofree char *copy = put_module(f, "other", "copy.so");
    assert_refused(f, copy, "there is a policy \"other\" already");
    const VbPolicy *const again[] = {vb_policy_find("other"), NULL};
    g_assert_cmpstr(vb_registry_add(again), ==, "other");
}

#define ADD(path, test) g_test_add(path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* In this order: what is taken stays. */
    ADD("/modules/what-they-say", test_what_modules_say_is_checked);
    ADD("/modules/no-modules", test_what_is_no_module_is_refused);
    ADD("/modules/files-of-others", test_files_of_others_are_refused);
    ADD("/modules/the-way", test_the_way_is_looked_at);
    ADD("/modules/raised-rights", test_raised_rights_take_none);
    ADD("/modules/the-rules", test_the_rules_of_the_house);
    ADD("/modules/nothing-half-happens", test_nothing_half_happens);
    ADD("/modules/a-module-acts", test_a_module_acts);
    ADD("/modules/metadata", test_metadata_may_name_it);
    ADD("/modules/another-joins", test_another_joins);
    return g_test_run();
}
