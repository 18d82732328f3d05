/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain/answer.h"
#include <string.h>
#include <vmbalancer/error.h>

#define SMALL_PAGE 4096
/* What memory-backend-memfd,hugetlb=on without a size means on x86. */
#define HUGE_PAGE_DEFAULT (2 * 1024 * 1024)
#define STATUS_MAX 32
#define NO_UUID "00000000-0000-0000-0000-000000000000"

/* One conversation. */
typedef struct {
    const char *path;
    QmpTransport *transport;
    gint64 end_us;
} Talk;

static guint
remaining_ms(const Talk *talk)
{
    gint64 left = (talk->end_us - g_get_monotonic_time()) / 1000;
    return (guint)CLAMP(left, 1, QMP_TIMEOUT_MAX_MS);
}

gboolean
vb_plain_fail(const char *path, GError *why, GError **error)
{
    VbError code = VB_ERROR_INVALID;
    if (g_error_matches(why, QMP_ERROR, QMP_ERROR_CLOSED))
        code = VB_ERROR_UNREACHABLE;
    else if (g_error_matches(why, QMP_ERROR, QMP_ERROR_DENIED))
        code = VB_ERROR_DENIED;
    else if (g_error_matches(why, QMP_ERROR, QMP_ERROR_TIMEOUT) ||
             g_error_matches(why, QMP_ERROR, QMP_ERROR_BUSY))
        code = VB_ERROR_TIMEOUT;
    /* Of a reply libqmp tells what is wrong with it, not whose it was. */
    gboolean whose = strstr(why->message, path) != NULL;
    g_set_error(error, VB_ERROR, (int)code, "%s%s%s%s", whose ? "" : "monitor ",
                whose ? "" : path, whose ? "" : ": ", why->message);
    g_error_free(why);
    return FALSE;
}

static gboolean
mistaken(const Talk *talk, const char *what, GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "monitor %s: the answer to %s makes no sense",
                talk->path, what);
    return FALSE;
}

/* --- single questions ----------------------------------------------------------------------- */

/* Returns: (transfer full): NULL with an error */
static JsonNode *
ask(const Talk *talk, const char *command, JsonNode *arguments, GError **error)
{
    g_autoptr(GError) why = NULL;
    JsonNode *node = qmp_transport_execute(talk->transport, command, arguments, remaining_ms(talk),
                                           NULL, &why);
    if (node == NULL)
        vb_plain_fail(talk->path, g_steal_pointer(&why), error);
    return node;
}

static JsonNode *
path_arguments(const char *path, const char *property)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "path");
    json_builder_add_string_value(builder, path);
    if (property != NULL) {
        json_builder_set_member_name(builder, "property");
        json_builder_add_string_value(builder, property);
    }
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}

/* A property of a backend; NULL if there is none of that name, or it cannot be told. */
static JsonNode *
ask_property(const Talk *talk, const VbPlainBackend *backend, const char *property)
{
    g_autofree char *path = g_strdup_printf("/objects/%s", backend->id);
    g_autoptr(JsonNode) arguments = path_arguments(path, property);
    return ask(talk, "qom-get", arguments, NULL);
}

static const char *
text_of(JsonNode *node, gsize size)
{
    if (node == NULL || !JSON_NODE_HOLDS_VALUE(node) ||
        json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    const char *text = json_node_get_string(node);
    return strlen(text) <= size ? text : NULL;
}

/* The text in member @name; NULL if it is absent, no text, or longer than @size bytes. */
static const char *
member_text(JsonNode *node, const char *name, gsize size)
{
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return NULL;
    return text_of(json_object_get_member(json_node_get_object(node), name), size);
}

static gboolean
ask_names(const Talk *talk, VbPlainAnswer *answer, GError **error)
{
    g_autoptr(JsonNode) name = ask(talk, "query-name", NULL, error);
    g_autoptr(JsonNode) uuid = name != NULL ? ask(talk, "query-uuid", NULL, error) : NULL;
    if (uuid == NULL)
        return FALSE;
    const char *text = member_text(uuid, "UUID", VB_PLAIN_NAME_MAX);
    if (text == NULL || !g_uuid_string_is_valid(text))
        return mistaken(talk, "query-uuid", error);
    answer->uuid = g_str_equal(text, NO_UUID) ? NULL : g_ascii_strdown(text, -1);
    answer->name = g_strdup(member_text(name, "name", VB_PLAIN_NAME_MAX));
    return TRUE;
}

static gboolean
is_moving(const char *status)
{
    static const char *const words[] = {"setup",        "active",        "postcopy-active",
                                        "postcopy-paused", "pre-switchover", "device",
                                        "cancelling",   "wait-unplug",   NULL};
    return status != NULL && g_strv_contains(words, status);
}

static gboolean
ask_status(const Talk *talk, VbPlainAnswer *answer, GError **error)
{
    g_autoptr(JsonNode) status = ask(talk, "query-status", NULL, error);
    g_autoptr(JsonNode) migration =
        status != NULL ? ask(talk, "query-migrate", NULL, error) : NULL;
    if (migration == NULL)
        return FALSE;
    answer->status = g_strdup(member_text(status, "status", STATUS_MAX));
    if (answer->status == NULL)
        return mistaken(talk, "query-status", error);
    answer->migrating = is_moving(member_text(migration, "status", STATUS_MAX));
    return TRUE;
}

static gboolean
ask_threads(const Talk *talk, VbPlainAnswer *answer, GError **error)
{
    g_autoptr(GError) why = NULL;
    answer->cpus = qmp_query_cpus(talk->transport, remaining_ms(talk), NULL, &why);
    if (answer->cpus != NULL)
        answer->iothreads = qmp_query_iothreads(talk->transport, remaining_ms(talk), NULL, &why);
    if (answer->iothreads == NULL)
        return vb_plain_fail(talk->path, g_steal_pointer(&why), error);
    return answer->cpus->len > 0 || mistaken(talk, "query-cpus-fast", error);
}

/* What VFIO holds has all of the guest's RAM pinned. Whoever does not know the question has none. */
static guint
count_hostdevs(const Talk *talk, const char *path)
{
    g_autoptr(JsonNode) arguments = path_arguments(path, NULL);
    g_autoptr(JsonNode) node = ask(talk, "qom-list", arguments, NULL);
    guint count = 0;
    if (node == NULL || !JSON_NODE_HOLDS_ARRAY(node))
        return 0;
    JsonArray *devices = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(devices); i++) {
        const char *type =
            member_text(json_array_get_element(devices, i), "type", VB_PLAIN_NAME_MAX);
        count += type != NULL && g_str_has_prefix(type, "child<vfio-");
    }
    return count;
}

/* --- memory --------------------------------------------------------------------------------- */

static void
backend_free(gpointer data)
{
    VbPlainBackend *backend = data;
    g_free(backend->id);
    g_free(backend->mem_path);
    g_free(backend);
}

/* On hugepages or not; which kind of huge page a file lies on its file system tells. */
static void
ask_memfd(const Talk *talk, VbPlainBackend *backend)
{
    g_autoptr(JsonNode) huge = ask_property(talk, backend, "hugetlb");
    g_autoptr(JsonNode) size = ask_property(talk, backend, "hugetlbsize");
    backend->backing = VB_BACKING_MEMFD;
    if (huge == NULL || !JSON_NODE_HOLDS_VALUE(huge) || !json_node_get_boolean(huge))
        return;
    gint64 bytes = size != NULL && JSON_NODE_HOLDS_VALUE(size) ? json_node_get_int(size) : 0;
    gboolean sound = bytes > SMALL_PAGE && (bytes & (bytes - 1)) == 0;
    backend->backing = VB_BACKING_HUGEPAGES;
    backend->page_size = sound ? (guint64)bytes : HUGE_PAGE_DEFAULT;
}

static void
ask_backing(const Talk *talk, VbPlainBackend *backend)
{
    g_autoptr(JsonNode) type = ask_property(talk, backend, "type");
    const char *word = text_of(type, VB_PLAIN_NAME_MAX);
    if (g_strcmp0(word, "memory-backend-memfd") == 0) {
        ask_memfd(talk, backend);
    } else if (g_strcmp0(word, "memory-backend-file") == 0) {
        g_autoptr(JsonNode) path = ask_property(talk, backend, "mem-path");
        backend->mem_path = g_strdup(text_of(path, PATH_MAX));
        backend->backing = VB_BACKING_FILE;
    }
}

/* The device that has the backend, NULL if none does. */
static const QmpMemoryDevice *
find_device(const GPtrArray *devices, const char *id)
{
    for (guint i = 0; i < devices->len; i++) {
        const QmpMemoryDevice *device = g_ptr_array_index(devices, i);
        const char *slash = device->memdev != NULL ? strrchr(device->memdev, '/') : NULL;
        if (device->memdev != NULL && g_str_equal(slash != NULL ? slash + 1 : device->memdev, id))
            return device;
    }
    return NULL;
}

/* Other kinds of devices are files of their own, or an enclave's: no RAM to move. */
static gboolean
is_ram(const QmpMemoryDevice *device)
{
    return device->kind == QMP_MEMORY_DEVICE_DIMM || device->kind == QMP_MEMORY_DEVICE_VIRTIO_MEM;
}

/* @device: (nullable) */
static void
add_backend(const Talk *talk, const QmpMemdev *memdev, const QmpMemoryDevice *device,
            VbPlainAnswer *answer)
{
    if (device != NULL && !is_ram(device))
        return;
    VbPlainBackend *backend = g_new0(VbPlainBackend, 1);
    backend->id = g_strdup(memdev->id);
    backend->size_bytes = (guint64)memdev->size_bytes;
    backend->page_size = SMALL_PAGE;
    backend->shared = memdev->share == 1;
    backend->cell = device != NULL ? (int)device->node : -1;
    backend->given_bytes = device != NULL ? (guint64)device->size_bytes : 0;
    ask_backing(talk, backend);
    g_ptr_array_add(device != NULL ? answer->devices : answer->backends, backend);
}

static gboolean
ask_memory(const Talk *talk, VbPlainAnswer *answer, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GPtrArray) memdevs =
        qmp_query_memdevs(talk->transport, remaining_ms(talk), NULL, &why);
    g_autoptr(GPtrArray) devices =
        memdevs != NULL
            ? qmp_query_memory_devices(talk->transport, remaining_ms(talk), NULL, &why)
            : NULL;
    if (devices == NULL)
        return vb_plain_fail(talk->path, g_steal_pointer(&why), error);
    for (guint i = 0; i < memdevs->len; i++) {
        const QmpMemdev *memdev = g_ptr_array_index(memdevs, i);
        if (memdev->id == NULL || strlen(memdev->id) > VB_PLAIN_NAME_MAX || memdev->size_bytes <= 0)
            return mistaken(talk, "query-memdev", error);
        add_backend(talk, memdev, find_device(devices, memdev->id), answer);
        if (answer->backends->len + answer->devices->len > VB_PLAIN_BACKENDS_MAX)
            return mistaken(talk, "query-memdev", error);
    }
    return TRUE;
}

/* --- all of it ------------------------------------------------------------------------------ */

VbPlainAnswer *
vb_plain_ask(const char *path, guint deadline_ms, GError **error)
{
    Talk talk = {.path = path,
                 .end_us = g_get_monotonic_time() + (gint64)deadline_ms * 1000};
    g_autoptr(GError) why = NULL;
    g_autoptr(QmpClient) client = qmp_client_open(path, NULL, remaining_ms(&talk), NULL, &why);
    if (client == NULL) {
        vb_plain_fail(path, g_steal_pointer(&why), error);
        return NULL;
    }
    talk.transport = qmp_client_transport(client);
    g_autoptr(VbPlainAnswer) answer = g_atomic_rc_box_new0(VbPlainAnswer);
    answer->pid = qmp_client_peer_pid(client);
    answer->backends = g_ptr_array_new_with_free_func(backend_free);
    answer->devices = g_ptr_array_new_with_free_func(backend_free);
    if (!ask_names(&talk, answer, error) || !ask_status(&talk, answer, error) ||
        !ask_threads(&talk, answer, error) || !ask_memory(&talk, answer, error))
        return NULL;
    answer->n_hostdevs = count_hostdevs(&talk, "/machine/peripheral") +
                         count_hostdevs(&talk, "/machine/peripheral-anon");
    return g_steal_pointer(&answer);
}

VbPlainAnswer *
vb_plain_answer_ref(VbPlainAnswer *answer)
{
    return g_atomic_rc_box_acquire(answer);
}

static void
answer_clear(gpointer data)
{
    VbPlainAnswer *answer = data;
    g_free(answer->name);
    g_free(answer->uuid);
    g_free(answer->status);
    g_clear_pointer(&answer->cpus, g_ptr_array_unref);
    g_clear_pointer(&answer->iothreads, g_ptr_array_unref);
    g_ptr_array_unref(answer->backends);
    g_ptr_array_unref(answer->devices);
}

void
vb_plain_answer_unref(VbPlainAnswer *answer)
{
    if (answer != NULL)
        g_atomic_rc_box_release_full(answer, answer_clear);
}
