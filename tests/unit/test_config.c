/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's configuration: what it sets, what it refuses and how it says so. */
#include "core/config.h"
#include "world.h"
#include <string.h>
#include <vmbalancer/error.h>

static VbConfig *
parse(const char *text, GPtrArray *warnings, GError **error)
{
    return vb_config_parse(text, strlen(text), "test.conf", warnings, error);
}

static VbConfig *
parse_sound(const char *text)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    VbConfig *config = parse(text, warnings, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(warnings->len, ==, 0);
    return config;
}

static void
test_an_empty_file_gives_the_defaults(void)
{
    g_autoptr(VbConfig) config = parse_sound("# nothing but words\n");
    g_assert_null(config->default_policy);
    g_assert_cmpuint(config->rate_bytes_per_s, ==, 0);
    g_assert_cmpuint(config->guest_rate_bytes_per_s, ==, 512 * MIB);
    g_assert_false(config->reserve_set);
    g_assert_cmphex(config->reserved_nodes, ==, 0);
}

static void
test_the_daemons_keys(void)
{
    g_autoptr(VbConfig) plain = parse_sound("");
    g_assert_cmpint(plain->interval_ns, ==, 10 * SECOND);
    g_assert_false(plain->keep_on_stop);
    static const struct {
        const char *text;
        gint64 seconds; /* 0: refused */
    } times[] = {{"1s", 1},   {"90", 90},  {"5min", 300}, {"1h", 3600}, {"0s", 0},
                 {"61min", 0}, {"-1s", 0}, {"", 0},       {"fast", 0},  {"99999999999999999999s", 0}};
    for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
        g_autofree char *text =
            g_strdup_printf("[vmbalancer]\ninterval=%s\non-stop=keep\n", times[i].text);
        g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        g_autoptr(VbConfig) config = parse(text, warnings, &error);
        if (times[i].seconds == 0) {
            g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
            continue;
        }
        g_assert_no_error(error);
        g_assert_cmpint(config->interval_ns, ==, times[i].seconds * SECOND);
        g_assert_true(config->keep_on_stop);
    }
}

static void
test_what_the_daemon_records(void)
{
    g_autoptr(VbConfig) plain = parse_sound("[record]\nfile=\n");
    g_assert_null(plain->record_file);
    g_autoptr(VbConfig) config = parse_sound("[record]\nfile=/var/tmp/a b\nlimit=16MiB\n");
    g_assert_cmpstr(config->record_file, ==, "/var/tmp/a b");
    g_assert_cmpuint(config->record_limit_bytes, ==, 16 * MIB);
    static const char *const bad[] = {"file=here", "limit=much"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strdup_printf("[record]\n%s\n", bad[i]);
        g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        g_assert_null(parse(text, warnings, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    }
}

static void
test_sockets_of_plain_qemu(void)
{
    g_autoptr(VbConfig) config =
        parse_sound("[qemu]\nsockets=/var/run/qemu-server/*.qmp; /run/vm/a b.sock;\n");
    g_assert_cmpuint(g_strv_length(config->qemu_sockets), ==, 2);
    g_assert_cmpstr(config->qemu_sockets[0], ==, "/var/run/qemu-server/*.qmp");
    g_assert_cmpstr(config->qemu_sockets[1], ==, "/run/vm/a b.sock");
    /* A later file takes it back. */
    static const char none[] = "[qemu]\nsockets=\n";
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_assert_true(vb_config_merge(config, none, strlen(none), "later.conf", warnings, NULL));
    g_assert_null(config->qemu_sockets);
    g_assert_cmpuint(warnings->len, ==, 0);
}

static void
test_a_whole_file(void)
{
    g_autoptr(VbConfig) config = parse_sound("[vmbalancer]\n"
                                             "default-policy=moron\n"
                                             "rate=2GiB/s\n"
                                             "guest-rate = max\n"
                                             "reserve=1.5GiB\n"
                                             "[node 1]\n"
                                             "reserve=0\n"
                                             "[node 63]\n"
                                             "reserved=yes\n"
                                             "[node 2]\n"
                                             "reserved=no\n"
                                             "[policy home-node]\n"
                                             "cooldown=-5\n");
    const gint64 *cooldown = g_hash_table_lookup(config->settings, "home-node.cooldown");
    g_assert_cmpstr(config->default_policy, ==, "moron");
    g_assert_cmpuint(config->rate_bytes_per_s, ==, 2 * GIB);
    g_assert_cmpuint(config->guest_rate_bytes_per_s, ==, 0);
    g_assert_true(config->reserve_set);
    g_assert_cmpuint(config->reserve_bytes, ==, 1536 * MIB);
    g_assert_cmphex(config->node_reserve_set, ==, VB_NODE_BIT(1));
    g_assert_cmphex(config->reserved_nodes, ==, VB_NODE_BIT(63));
    g_assert_cmpint(*cooldown, ==, -5);
}

/* A file that is refused, and what the message must name. */
static const struct {
    const char *text;
    const char *named;
} refused[] = {
    {"rate=1\n", "test.conf"},
    {"[vmbalancer\n", "test.conf"},
    {"[vmbalancer]\nrate=fast\n", "[vmbalancer] rate=fast"},
    {"[vmbalancer]\nrate=\n", "[vmbalancer] rate="},
    {"[vmbalancer]\nrate=0\n", "\"max\""},
    {"[vmbalancer]\nguest-rate=0MiB/s\n", "\"max\""},
    {"[vmbalancer]\nrate=-1\n", "rate=-1"},
    {"[vmbalancer]\nreserve=max\n", "reserve=max"},
    {"[vmbalancer]\nreserve=1GiB/s\n", "reserve=1GiB/s"},
    {"[vmbalancer]\ndefault-policy=\n", "the name of a policy"},
    {"[vmbalancer]\nrate=\\033[31m\n", "rate="},
    {"[qemu]\nsockets=*.qmp\n", "paths from the root on"},
    {"[node 0]\nreserved=maybe\n", "[node 0] reserved=maybe"},
    {"[node 0]\nreserved=\n", "\"yes\" or \"no\""},
    {"[node 0]\nreserve=much\n", "[node 0] reserve=much"},
    {"[policy home-node]\ncooldown=soon\n", "a whole number"},
    {"[policy home-node]\ncooldown=1.5\n", "a whole number"},
    {"[policy home-node]\ncooldown=9223372036854775808\n", "a whole number"},
    {"[vmbalancer]\ndefault-policy=\xff\xfe\n", "default-policy"},
};

static void
test_bad_values_are_refused(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        g_autoptr(VbConfig) config = parse(refused[i].text, warnings, &error);
        g_test_message("file %u", i);
        g_assert_null(config);
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, refused[i].named));
        g_assert_true(g_str_has_prefix(error->message, "test.conf"));
        g_assert_null(strchr(error->message, '\033'));
    }
}

static void
test_unknown_words_are_warned_of(void)
{
    static const char *const texts[] = {
        "[vmbalancer]\nspeed=3\n", "[node 0]\ncolour=red\n", "[node 64]\nreserved=yes\n",
        "[node x]\nreserved=yes\n", "[guests]\nall=yes\n",   "[policy ]\nname=1\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
        g_autoptr(GError) error = NULL;
        g_autoptr(VbConfig) config = parse(texts[i], warnings, &error);
        g_test_message("file %u", i);
        g_assert_no_error(error);
        g_assert_cmpuint(warnings->len, ==, 1);
        g_assert_nonnull(strstr(g_ptr_array_index(warnings, 0), "ignored"));
        g_assert_cmpuint(g_hash_table_size(config->settings), ==, 0);
        g_assert_cmphex(config->reserved_nodes, ==, 0);
    }
}

/* A node's own reserve wins over the general one; nodes that do not exist are left alone. */
static void
test_reserves_reach_the_host(void)
{
    g_autoptr(VbConfig) config = parse_sound("[vmbalancer]\nreserve=1GiB\n"
                                             "[node 1]\nreserve=0\n[node 5]\nreserve=7GiB\n");
    g_autofree VbTopology *host = world_topology(3, 1, GIB);
    g_autoptr(VbObservation) look = world_look(VB_LOOK_FULL, 0, host);
    for (guint i = 0; i < VB_NODES_MAX; i++)
        look->reserve_bytes[i] = 42;
    vb_config_apply_host(config, look);
    g_assert_cmpuint(look->reserve_bytes[0], ==, GIB);
    g_assert_cmpuint(look->reserve_bytes[1], ==, 0);
    g_assert_cmpuint(look->reserve_bytes[2], ==, GIB);
    g_assert_cmpuint(look->reserve_bytes[5], ==, 42);
}

static void
test_no_reserve_keeps_the_default_one(void)
{
    g_autoptr(VbConfig) config = vb_config_new();
    g_autofree VbTopology *host = world_topology(1, 1, GIB);
    g_autoptr(VbObservation) look = world_look(VB_LOOK_FULL, 0, host);
    look->reserve_bytes[0] = 42;
    vb_config_apply_host(config, look);
    g_assert_cmpuint(look->reserve_bytes[0], ==, 42);
}

static void
nothing(const VbPolicy *policy, const VbSnapshot *snapshot, VbPlan *plan)
{
}

static const VbParameter parameters[] = {
    {"patience", 0, 10, 3, "", "a parameter of this test"},
    {NULL},
};

static const VbPolicy patient = {
    .name = "patient", .question = "?", .parameters = parameters, .decide = nothing};

/* Parameters of that policy only, without the policy's name; reserved nodes leave every boundary. */
static void
test_a_snapshot_gets_its_settings(void)
{
    g_autoptr(VbConfig) config = parse_sound("[policy patient]\npatience=7\nunheard=1\n"
                                             "[policy hasty]\npatience=1\n"
                                             "[node 1]\nreserved=yes\n");
    g_autoptr(VbSnapshot) host = world_host(2, 1, GIB);
    VbGuest *guest = world_guest(host, "web", "0");
    vb_config_apply(config, &patient, host);
    vb_config_apply(config, &patient, host);
    g_assert_cmpuint(g_hash_table_size(host->settings), ==, 1);
    g_assert_cmpint(*(gint64 *)g_hash_table_lookup(host->settings, "patience"), ==, 7);
    g_assert_cmphex(guest->boundary, ==, VB_NODE_BIT(0));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/an-empty-file", test_an_empty_file_gives_the_defaults);
    g_test_add_func("/config/the-daemons-keys", test_the_daemons_keys);
    g_test_add_func("/config/what-the-daemon-records", test_what_the_daemon_records);
    g_test_add_func("/config/a-whole-file", test_a_whole_file);
    g_test_add_func("/config/sockets", test_sockets_of_plain_qemu);
    g_test_add_func("/config/bad-values-are-refused", test_bad_values_are_refused);
    g_test_add_func("/config/unknown-words-are-warned-of", test_unknown_words_are_warned_of);
    g_test_add_func("/config/reserves-reach-the-host", test_reserves_reach_the_host);
    g_test_add_func("/config/no-reserve-keeps-the-default", test_no_reserve_keeps_the_default_one);
    g_test_add_func("/config/a-snapshot-gets-its-settings", test_a_snapshot_gets_its_settings);
    return g_test_run();
}
