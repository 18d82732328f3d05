/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest's policy through libvirt's test driver: set, read back, judged, removed. */
#include "engine/guest_policy.h"
#include "engine/engine.h"
#include "engine/files.h"
#include <glib/gstdio.h>
#include <string.h>
#include <vmbalancer/error.h>

#define GUEST "test"
#define DEADLINE_MS 10000

typedef struct {
    VbHypervisor *hypervisor;
    VbConfig *config;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    fixture->hypervisor = vb_hypervisor_connect("test:///default", DEADLINE_MS, &error);
    g_assert_no_error(error);
    fixture->config = vb_config_new();
}

static void
tear_down(Fixture *fixture, gconstpointer unused)
{
    vb_hypervisor_free(fixture->hypervisor);
    vb_config_free(fixture->config);
}

static VbGuestPolicy *
read_policy(const Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    VbGuestPolicy *policy = vb_guest_policy_read(fixture->hypervisor, fixture->config, GUEST,
                                                 DEADLINE_MS, &error);
    g_assert_no_error(error);
    return policy;
}

static gboolean
write_wish(const Fixture *fixture, const VbWish *wish, VbScope scope, GError **error)
{
    return vb_guest_policy_write(fixture->hypervisor, GUEST, wish, &scope, DEADLINE_MS, error);
}

static VbWish *
wish_for(const char *policy)
{
    VbWish *wish = vb_wish_new();
    g_assert_true(vb_wish_set(wish, VB_WISH_POLICY, policy));
    return wish;
}

static void
write_raw(const Fixture *fixture, const char *xml)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbGuestPolicy) policy = read_policy(fixture);
    fixture->hypervisor->ops->write_metadata(fixture->hypervisor, policy->metadata->uuid, xml, TRUE,
                                             FALSE, DEADLINE_MS, &error);
    g_assert_no_error(error);
}

/* libvirt's own look at the domain sees what was written, in our namespace. */
static void
assert_seen(const Fixture *fixture, const char *policy, const char *home)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbGuestPolicy) read = read_policy(fixture);
    g_autoptr(VbDomainLook) look = fixture->hypervisor->ops->look(
        fixture->hypervisor, read->metadata->uuid, DEADLINE_MS, &error);
    g_assert_no_error(error);
    g_assert_null(look->live->metadata_error);
    g_assert_cmpstr(look->live->policy, ==, policy);
    g_assert_cmpstr(look->live->home_nodes, ==, home);
}

static void
test_set_and_unset(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbWish) wish = wish_for("home-node");
    vb_wish_set(wish, VB_WISH_HOME, "0-1");
    vb_wish_set_parameter(wish, "tolerance", "200");
    g_assert_true(write_wish(fixture, wish, (VbScope){.live = TRUE, .config = TRUE}, &error));
    assert_seen(fixture, "home-node", "0-1");
    g_autoptr(VbGuestPolicy) set = read_policy(fixture);
    g_assert_cmpstr(set->policy, ==, "home-node");
    g_assert_cmpint(set->settled->source[VB_WISH_HOME], ==, VB_SOURCE_METADATA);
    g_assert_nonnull(set->metadata->config);
    g_assert_true(write_wish(fixture, NULL, (VbScope){.live = TRUE}, &error));
    assert_seen(fixture, NULL, NULL);
    g_autoptr(VbGuestPolicy) unset = read_policy(fixture);
    g_assert_null(unset->metadata->live);
    g_assert_nonnull(unset->metadata->config);
}

static void
test_current_is_the_running_guest(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbWish) wish = wish_for("none");
    VbScope scope = {0};
    g_assert_true(vb_guest_policy_write(fixture->hypervisor, GUEST, wish, &scope, DEADLINE_MS,
                                        &error));
    g_assert_true(scope.live);
    g_assert_false(scope.config);
    g_autoptr(VbGuestPolicy) policy = read_policy(fixture);
    g_assert_nonnull(policy->metadata->live);
    g_assert_null(policy->metadata->config);
}

static void
test_what_is_not_named_stays(Fixture *fixture, gconstpointer unused)
{
    write_raw(fixture, "<numa policy='home-node'><home nodes='1'/><migrate memory='no'/>"
                       "<parameter name='confirm' value='3'/></numa>");
    g_autoptr(GError) error = NULL;
    g_autoptr(VbWish) same = wish_for("home-node");
    g_assert_true(write_wish(fixture, same, (VbScope){0}, &error));
    g_autoptr(VbGuestPolicy) kept = read_policy(fixture);
    g_assert_cmpint(kept->settled->wish->terms.moves, ==, VB_ANSWER_NO);
    g_assert_cmpuint(g_hash_table_size(kept->settled->wish->parameters), ==, 1);
    g_autoptr(VbWish) other = wish_for("moron");
    g_assert_true(write_wish(fixture, other, (VbScope){0}, &error));
    assert_seen(fixture, "moron", "1");
    g_autoptr(VbGuestPolicy) changed = read_policy(fixture);
    g_assert_cmpuint(g_hash_table_size(changed->settled->wish->parameters), ==, 0);
}

static void
test_a_bad_element(Fixture *fixture, gconstpointer unused)
{
    write_raw(fixture, "<numa policy='home-node'><hoem nodes='1'/></numa>");
    g_autoptr(VbGuestPolicy) bad = read_policy(fixture);
    g_assert_cmpint(bad->settled->source[VB_WISH_POLICY], ==, VB_SOURCE_NONE);
    g_assert_cmpuint(bad->settled->notes->len, ==, 1);
    g_assert_nonnull(strstr(g_ptr_array_index(bad->settled->notes, 0), "<hoem> in <numa>"));
    g_autoptr(GError) error = NULL;
    g_autoptr(VbWish) wish = wish_for("none");
    g_assert_true(write_wish(fixture, wish, (VbScope){0}, &error));
    assert_seen(fixture, "none", NULL);
}

static void
test_bad_wishes_write_nothing(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(VbWish) wish = wish_for("home-node");
    vb_wish_set_parameter(wish, "tolerance", "99999");
    g_autoptr(GError) error = NULL;
    g_assert_false(write_wish(fixture, wish, (VbScope){0}, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "\"tolerance\"=99999: policy home-node takes 0 to"));
    g_autoptr(VbGuestPolicy) policy = read_policy(fixture);
    g_assert_null(policy->metadata->live);
    g_clear_error(&error);
    VbScope scope = {0};
    g_assert_false(vb_guest_policy_write(fixture->hypervisor, "nobody", wish, &scope, DEADLINE_MS,
                                         &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
}

static void
test_host_files_come_first(Fixture *fixture, gconstpointer unused)
{
    static const char text[] = "[domain test]\npolicy=moron\n[limits]\nallowed-nodes=0\n";
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_assert_true(vb_config_merge(fixture->config, text, strlen(text), "here.conf", warnings, NULL));
    write_raw(fixture, "<numa policy='none'><home nodes='0-1'/></numa>");
    g_autoptr(VbGuestPolicy) policy = read_policy(fixture);
    g_assert_cmpstr(policy->policy, ==, "moron");
    g_assert_cmpint(policy->settled->source[VB_WISH_POLICY], ==, VB_SOURCE_HOST);
    g_assert_cmpstr(policy->settled->wish->home, ==, "0");
    g_assert_cmpuint(policy->settled->notes->len, ==, 1);
}

/* --- the host's files ----------------------------------------------------------------------- */

static void
put(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *parent = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
remove_all(const char *folder)
{
    const char *const argv[] = {"rm", "-r", folder, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
}

static void
test_the_order_of_files(void)
{
    g_autofree char *folder = g_dir_make_tmp("vmbalancer-XXXXXX", NULL);
    g_autofree char *vendor = g_build_filename(folder, "vendor.conf", NULL);
    g_autofree char *main_file = g_build_filename(folder, "main.conf", NULL);
    g_autofree char *directory = g_build_filename(folder, "conf.d", NULL);
    g_autofree char *guests = g_build_filename(folder, "domains.d", NULL);
    const VbConfigFiles files = {vendor, main_file, directory, guests};
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(VbConfig) empty = vb_config_read(&files, NULL, warnings, &error);
    g_assert_no_error(error);
    g_assert_null(empty->default_policy);
    put(folder, "vendor.conf", "[vmbalancer]\ndefault-policy=none\nreserve=1GiB\nrate=1MiB/s\n");
    put(folder, "main.conf", "[vmbalancer]\nrate=2MiB/s\nguest-rate=2MiB/s\n");
    put(folder, "conf.d/20.conf", "[vmbalancer]\nguest-rate=20MiB/s\n");
    put(folder, "conf.d/10.conf", "[vmbalancer]\nguest-rate=10MiB/s\ndefault-policy=moron\n");
    put(folder, "conf.d/99.conf.bak", "[vmbalancer]\nrate=fast\n");
    put(folder, "domains.d/web.conf", "[domain web1]\npolicy=none\n");
    g_autoptr(VbConfig) config = vb_config_read(&files, NULL, warnings, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(config->default_policy, ==, "moron");
    g_assert_cmpuint(config->reserve_bytes, ==, 1 << 30);
    g_assert_cmpuint(config->rate_bytes_per_s, ==, 2 << 20);
    g_assert_cmpuint(config->guest_rate_bytes_per_s, ==, 20 << 20);
    g_assert_cmpuint(g_hash_table_size(config->guests), ==, 1);
    g_assert_cmpuint(warnings->len, ==, 0);
    g_autoptr(VbConfig) only = vb_config_read(&files, main_file, warnings, &error);
    g_assert_no_error(error);
    g_assert_null(only->default_policy);
    g_assert_cmpuint(g_hash_table_size(only->guests), ==, 0);
    put(folder, "domains.d/bad.conf", "[domain web2]\nhome=moon\n");
    g_assert_null(vb_config_read(&files, NULL, warnings, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "domains.d/bad.conf: [domain web2] home=moon"));
    g_clear_error(&error);
    g_assert_null(vb_config_read(&files, "/nowhere/at-all.conf", warnings, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    remove_all(folder);
}

#define ADD(path, test) g_test_add(path, Fixture, NULL, set_up, test, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/guest-policy/set-and-unset", test_set_and_unset);
    ADD("/guest-policy/current-is-the-running-guest", test_current_is_the_running_guest);
    ADD("/guest-policy/what-is-not-named-stays", test_what_is_not_named_stays);
    ADD("/guest-policy/a-bad-element-is-told-and-replaced", test_a_bad_element);
    ADD("/guest-policy/bad-wishes-write-nothing", test_bad_wishes_write_nothing);
    ADD("/guest-policy/host-files-come-first", test_host_files_come_first);
    g_test_add_func("/guest-policy/files-in-their-order", test_the_order_of_files);
    return g_test_run();
}
