/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cmd_policy.h"
#include "cli/job.h"
#include "cli/render_policy.h"
#include "cli/service.h"
#include "core/json_write.h"
#include "engine/document.h"
#include <stdio.h>
#include <string.h>
#include <vmbalancer/error.h>

#define DEADLINE_MS 10000

/* What the work on a thread needs and leaves. */
typedef struct {
    const VbCli *cli;
    const char *guest;
    VbWish *wish; /* set: what to ask; unset: NULL */
    VbScope scope;
    VbConfig *config;
    VbGuestPolicy *policy; /* get */
} Work;

static void
work_clear(Work *job)
{
    vb_guest_policy_free(job->policy);
    vb_config_free(job->config);
    vb_wish_free(job->wish);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Work, work_clear)

static gboolean
get_here(Work *job, GError **error)
{
    job->config = vb_command_configure(job->cli, error);
    if (job->config == NULL)
        return FALSE;
    g_autoptr(VbHypervisor) hypervisor =
        vb_engine_connect(job->cli->uri, job->config, DEADLINE_MS, NULL, error);
    if (hypervisor == NULL)
        return FALSE;
    job->policy = vb_guest_policy_read(hypervisor, job->config, job->guest, DEADLINE_MS, error);
    return job->policy != NULL;
}

static gboolean
work_get(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbBusHost) host = NULL;
    g_autofree char *text = NULL;
    if (!vb_service_find(job->cli, cancellable, &host, error))
        return FALSE;
    if (host == NULL)
        return get_here(job, error);
    if (!vb_bus_host_call_get_policy_sync(host, job->guest, VB_SERVICE_FLAGS, VB_SERVICE_READ_MS,
                                          &text, cancellable, error))
        return vb_service_explain(error);
    job->policy = vb_document_policy_parse(text, -1, error);
    return job->policy != NULL || vb_service_garbled(error);
}

static GVariant *
scope_options(const VbScope *scope)
{
    g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
    if (scope->live)
        g_variant_dict_insert(&options, "live", "b", TRUE);
    if (scope->config)
        g_variant_dict_insert(&options, "config", "b", TRUE);
    return g_variant_dict_end(&options);
}

/* In the words of a host file. */
static GVariant *
wish_words(const VbWish *wish)
{
    GVariantBuilder words;
    g_variant_builder_init(&words, G_VARIANT_TYPE("a{ss}"));
    for (guint field = 0; field < VB_WISH_FIELDS; field++) {
        g_autofree char *text = vb_wish_text(wish, field);
        if (text != NULL)
            g_variant_builder_add(&words, "{ss}", vb_wish_words(field)->key, text);
    }
    g_autoptr(GList) names = vb_wish_parameter_names(wish);
    for (GList *name = names; name != NULL; name = name->next) {
        const gint64 *value = g_hash_table_lookup(wish->parameters, name->data);
        g_autofree char *key = g_strconcat("parameter.", name->data, NULL);
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, *value);
        g_variant_builder_add(&words, "{ss}", key, text);
    }
    return g_variant_builder_end(&words);
}

static gboolean
write_there(Work *job, VbBusHost *host, GCancellable *cancellable, GError **error)
{
    GVariant *options = scope_options(&job->scope);
    VbScope *scope = &job->scope;
    gboolean done =
        job->wish != NULL
            ? vb_bus_host_call_set_policy_sync(host, job->guest, wish_words(job->wish), options,
                                               VB_SERVICE_FLAGS, VB_SERVICE_WRITE_MS, &scope->live,
                                               &scope->config, cancellable, error)
            : vb_bus_host_call_unset_policy_sync(host, job->guest, options, VB_SERVICE_FLAGS,
                                                 VB_SERVICE_WRITE_MS, &scope->live, &scope->config,
                                                 cancellable, error);
    return done || vb_service_explain(error);
}

static gboolean
work_write(gpointer data, GCancellable *cancellable, GError **error)
{
    Work *job = data;
    g_autoptr(VbBusHost) host = NULL;
    if (!vb_service_find(job->cli, cancellable, &host, error))
        return FALSE;
    if (host != NULL)
        return write_there(job, host, cancellable, error);
    job->config = vb_command_configure(job->cli, error);
    if (job->config == NULL)
        return FALSE;
    g_autoptr(VbHypervisor) hypervisor =
        vb_engine_connect(job->cli->uri, job->config, DEADLINE_MS, NULL, error);
    return hypervisor != NULL && vb_guest_policy_write(hypervisor, job->guest, job->wish,
                                                       &job->scope, DEADLINE_MS, error);
}

int
vb_policy_get(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_auto(Work) job = {.cli = cli};
    g_autoptr(GError) error = NULL;
    if (!vb_command_parse(command, cli, NULL, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 3)
        return vb_command_misuse(command, "policy get takes the name of one guest");
    job.guest = argv[2];
    if (!vb_job_run(work_get, &job, 0, NULL, &error))
        return vb_command_fail(error);
    if (cli->json) {
        g_autoptr(JsonNode) node = vb_document_policy(job.policy);
        vb_command_print_json(node);
        return VB_EXIT_DONE;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    vb_render_policy(job.policy, &cli->style, text);
    fputs(text->str, stdout);
    return VB_EXIT_DONE;
}

/* --- set, unset ----------------------------------------------------------------------------- */

static int
report_written(const Work *job, const char *what)
{
    const VbScope *scope = &job->scope;
    if (job->cli->json) {
        g_autoptr(JsonNode) node = vb_json_document("vmbalancer.policy-written/1");
        JsonObject *object = json_node_get_object(node);
        vb_json_put_text(object, "guest", job->guest);
        json_object_set_boolean_member(object, "live", scope->live);
        json_object_set_boolean_member(object, "config", scope->config);
        vb_command_print_json(node);
        return VB_EXIT_DONE;
    }
    g_autofree char *name = vb_text_shown(job->guest, job->cli->style.utf8);
    printf("%s: policy %s for %s%s%s%s\n", name, what, scope->live ? "the running guest" : "",
           scope->live && scope->config ? " and " : "", scope->config ? "its configuration" : "",
           scope->live && !scope->config ? "; with --config too it outlives the guest's next start"
                                         : "");
    return VB_EXIT_DONE;
}

static gboolean
read_parameter(const char *text, VbWish *wish, GError **error)
{
    g_auto(GStrv) pair = g_strsplit(text, "=", 2);
    const char *expected = "NAME=VALUE";
    if (pair[0] != NULL && pair[1] != NULL) {
        expected = VB_WISH_NAME_EXPECTED;
        if (vb_wish_is_parameter_name(pair[0])) {
            expected = VB_WISH_VALUE_EXPECTED;
            if (vb_wish_set_parameter(wish, pair[0], pair[1]))
                return TRUE;
        }
    }
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "--parameter %s: expected %s", text, expected);
    return FALSE;
}

/* One that vmbalancer itself lacks may be a module's. */
static gboolean
check_policy(const VbCli *cli, const char *name, GError **error)
{
    g_autoptr(VbConfig) none = vb_config_new();
    if (vb_policy_find(vb_engine_policy(name, none)) != NULL)
        return TRUE;
    g_autoptr(VbConfig) config = vb_command_configure(cli, error);
    if (config == NULL || vb_policy_find(name) != NULL)
        return config != NULL;
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                "there is no policy \"%s\": see vmbalancer policy list", name);
    return FALSE;
}

/* The command line as a wish. @values: by field, NULL where an option is not given */
static VbWish *
read_wish(const VbCli *cli, char *const *values, char *const *parameters, GError **error)
{
    g_autoptr(VbWish) wish = vb_wish_new();
    for (guint field = 0; field < VB_WISH_FIELDS; field++) {
        const VbWishWords *words = vb_wish_words(field);
        if (values[field] == NULL || vb_wish_set(wish, field, values[field]))
            continue;
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "%s%s %s: expected %s",
                    field == VB_WISH_POLICY ? "" : "--", words->key, values[field],
                    words->expected);
        return NULL;
    }
    if (!check_policy(cli, wish->policy, error))
        return NULL;
    for (guint i = 0; parameters != NULL && parameters[i] != NULL; i++)
        if (!read_parameter(parameters[i], wish, error))
            return NULL;
    return g_steal_pointer(&wish);
}

#define SCOPE_ENTRIES(job)                                                                         \
    {"live", 0, 0, G_OPTION_ARG_NONE, &(job).scope.live, "of the running guest", NULL},            \
    {                                                                                              \
        "config", 0, 0, G_OPTION_ARG_NONE, &(job).scope.config,                                    \
            "of its configuration, from its next start on (default: of the running guest, else "   \
            "of the configuration)",                                                               \
            NULL                                                                                   \
    }

int
vb_policy_set(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_auto(Work) job = {.cli = cli};
    char *values[VB_WISH_FIELDS] = {NULL};
    g_auto(GStrv) parameters = NULL;
    g_autoptr(GError) error = NULL;
    GOptionEntry entries[VB_WISH_FIELDS + 4] = {
        SCOPE_ENTRIES(job),
        {"parameter", 0, 0, G_OPTION_ARG_STRING_ARRAY, &parameters,
         "a parameter of the policy; may be given several times", "NAME=VALUE"},
    };
    for (guint field = VB_WISH_HOME, n = 3; field < VB_WISH_FIELDS; field++, n++)
        entries[n] = (GOptionEntry){
            vb_wish_words(field)->key,      0,      0, G_OPTION_ARG_STRING, &values[field],
            vb_wish_words(field)->expected, "VALUE"};
    int status = VB_EXIT_USAGE;
    if (vb_command_parse(command, cli, entries, &argc, &argv)) {
        values[VB_WISH_POLICY] = argc == 4 ? g_strdup(argv[3]) : NULL;
        job.guest = argc == 4 ? argv[2] : NULL;
        job.wish = argc == 4 ? read_wish(cli, values, parameters, &error) : NULL;
        if (argc != 4)
            status = vb_command_misuse(command, "policy set takes a guest and a policy");
        else if (job.wish == NULL || !vb_job_run(work_write, &job, 0, NULL, &error))
            status = vb_command_fail(error);
        else
            status = report_written(&job, job.wish->policy);
    }
    for (guint field = 0; field < VB_WISH_FIELDS; field++)
        g_free(values[field]);
    return status;
}

int
vb_policy_unset(const VbCommand *command, VbCli *cli, int argc, char **argv)
{
    g_auto(Work) job = {.cli = cli};
    g_autoptr(GError) error = NULL;
    const GOptionEntry entries[] = {SCOPE_ENTRIES(job), {NULL}};
    if (!vb_command_parse(command, cli, entries, &argc, &argv))
        return VB_EXIT_USAGE;
    if (argc != 3)
        return vb_command_misuse(command, "policy unset takes the name of one guest");
    job.guest = argv[2];
    if (!vb_job_run(work_write, &job, 0, NULL, &error))
        return vb_command_fail(error);
    return report_written(&job, "unset");
}
