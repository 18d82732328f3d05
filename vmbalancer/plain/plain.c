/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain/plain.h"
#include "mover/pin.h"
#include "plain/guest.h"
#include <glob.h>
#include <string.h>
#include <vmbalancer/error.h>

/* What a guest's monitor may take: it answers within milliseconds, or somebody else has it. */
#define SOCKET_DEADLINE_MS 2000
/* More guests than any host runs; a pattern that fits more is a mistake. */
#define SOCKETS_MAX 4096

/* A socket that has answered. */
typedef struct {
    VbPlainAnswer *answer;
    VbProcess process;
    char *uuid;
    GPtrArray *threads; /* (element-type VbDomainThread): as last seen: what is pinned */
} Entry;

typedef struct {
    VbHypervisor hypervisor;
    VbKernel *kernel;
    char **patterns;
    VbPlainWarn warn;
    GMutex lock;         /* guards the tables */
    GHashTable *entries; /* path -> Entry */
    GHashTable *told;    /* path or UUID -> what was warned of last */
    GMutex mover_lock;
    VbMover *mover;      /* NULL: not needed yet */
} Plain;

static void
entry_clear(gpointer data)
{
    Entry *entry = data;
    vb_plain_answer_unref(entry->answer);
    g_ptr_array_unref(entry->threads);
    g_free(entry->uuid);
}

static void
entry_unref(gpointer entry)
{
    g_atomic_rc_box_release_full(entry, entry_clear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Entry, entry_unref)

/* --- sockets -------------------------------------------------------------------------------- */

/* Paths that fit the patterns, each once. */
static GPtrArray *
find_sockets(const Plain *self)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; self->patterns[i] != NULL; i++) {
        glob_t found = {0};
        int result = glob(self->patterns[i], 0, NULL, &found);
        if (result != 0)
            g_debug("no QMP socket fits %s", self->patterns[i]);
        for (gsize k = 0; result == 0 && k < found.gl_pathc && paths->len < SOCKETS_MAX; k++)
            if (!g_ptr_array_find_with_equal_func(paths, found.gl_pathv[k], g_str_equal, NULL))
                g_ptr_array_add(paths, g_strdup(found.gl_pathv[k]));
        globfree(&found);
    }
    return paths;
}

/* What is wrong with a socket is told once, until it changes. */
static void
tell(Plain *self, const char *path, const char *text)
{
    g_mutex_lock(&self->lock);
    gboolean news = g_strcmp0(g_hash_table_lookup(self->told, path), text) != 0;
    if (news && text != NULL)
        g_hash_table_replace(self->told, g_strdup(path), g_strdup(text));
    else if (news)
        g_hash_table_remove(self->told, path);
    g_mutex_unlock(&self->lock);
    if (news && text != NULL && self->warn != NULL)
        self->warn(text);
}

static Entry *
find_entry(Plain *self, const char *path)
{
    g_mutex_lock(&self->lock);
    Entry *entry = g_hash_table_lookup(self->entries, path);
    if (entry != NULL)
        g_atomic_rc_box_acquire(entry);
    g_mutex_unlock(&self->lock);
    return entry;
}

/* @entry: (nullable) (transfer full): NULL forgets the socket */
static void
put_entry(Plain *self, const char *path, Entry *entry)
{
    g_mutex_lock(&self->lock);
    if (entry != NULL)
        g_hash_table_replace(self->entries, g_strdup(path), entry);
    else
        g_hash_table_remove(self->entries, path);
    g_mutex_unlock(&self->lock);
}

static char *
find_path(Plain *self, const char *uuid)
{
    GHashTableIter iter;
    gpointer path, entry;
    char *found = NULL;
    g_mutex_lock(&self->lock);
    g_hash_table_iter_init(&iter, self->entries);
    while (found == NULL && g_hash_table_iter_next(&iter, &path, &entry))
        if (g_ascii_strcasecmp(((const Entry *)entry)->uuid, uuid) == 0)
            found = g_strdup(path);
    g_mutex_unlock(&self->lock);
    return found;
}

/* Sockets that are gone. */
static void
forget_others(Plain *self, const GPtrArray *paths)
{
    GHashTableIter iter;
    gpointer path;
    GHashTable *const tables[] = {self->entries, self->told};
    g_mutex_lock(&self->lock);
    for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
        g_hash_table_iter_init(&iter, tables[i]);
        while (g_hash_table_iter_next(&iter, &path, NULL))
            if (*(const char *)path == '/' &&
                !g_ptr_array_find_with_equal_func((GPtrArray *)paths, path, g_str_equal, NULL))
                g_hash_table_iter_remove(&iter);
    }
    g_mutex_unlock(&self->lock);
}

/* --- looking -------------------------------------------------------------------------------- */

static VbDomainLook *
keep(Plain *self, const char *path, VbPlainAnswer *answer, const VbProcess *process, gboolean silent)
{
    VbDomainLook *look = vb_plain_look(self->kernel, answer, process, path, silent);
    Entry *entry = g_atomic_rc_box_new0(Entry);
    entry->answer = vb_plain_answer_ref(answer);
    entry->process = *process;
    entry->uuid = g_strdup(look->live->uuid);
    entry->threads = g_ptr_array_ref(look->live->threads);
    put_entry(self, path, entry);
    return look;
}

/* It answered before; its monitor may be held by another client, while the guest runs on. */
static VbDomainLook *
look_at_silent(Plain *self, const char *path, const GError *why)
{
    g_autoptr(Entry) entry = find_entry(self, path);
    if (entry != NULL && vb_process_alive(self->kernel, &entry->process)) {
        g_debug("%s; the guest counts as busy", why->message);
        return keep(self, path, entry->answer, &entry->process, TRUE);
    }
    put_entry(self, path, NULL);
    if (g_error_matches(why, VB_ERROR, VB_ERROR_UNREACHABLE))
        g_debug("%s; nobody listens any more", why->message);
    else
        tell(self, path, why->message);
    return NULL;
}

/* Returns: NULL if there is no guest behind the socket. */
static VbDomainLook *
look_at(Plain *self, const char *path, guint deadline_ms)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbPlainAnswer) answer =
        vb_plain_ask(path, CLAMP(deadline_ms, 1, SOCKET_DEADLINE_MS), &error);
    VbProcess process;
    if (answer == NULL)
        return look_at_silent(self, path, error);
    if (vb_plain_identify(self->kernel, answer, &process, &error)) {
        tell(self, path, NULL);
        return keep(self, path, answer, &process, FALSE);
    }
    put_entry(self, path, NULL);
    if (!g_error_matches(error, VB_ERROR, VB_ERROR_NO_GUEST)) {
        g_autofree char *text = g_strdup_printf("monitor %s: %s", path, error->message);
        tell(self, path, text);
    }
    return NULL;
}

static guint
remaining_ms(gint64 end_us)
{
    return (guint)CLAMP((end_us - g_get_monotonic_time()) / 1000, 0, G_MAXINT);
}

/* Two guests of one UUID cannot be told apart in what is asked for them, nor in the undo record. */
static void
drop_doubles(Plain *self, GPtrArray *looks)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) twice = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < looks->len; i++) {
        const VbDomainLook *look = g_ptr_array_index(looks, i);
        if (!g_hash_table_add(seen, look->live->uuid))
            g_hash_table_add(twice, g_strdup(look->live->uuid));
    }
    g_hash_table_remove_all(seen);
    for (guint i = looks->len; i-- > 0;) {
        const VbDomainLook *look = g_ptr_array_index(looks, i);
        if (!g_hash_table_contains(twice, look->live->uuid))
            continue;
        g_autofree char *text =
            g_strdup_printf("guest %s is left alone: another one has its UUID %s, too: start it with "
                            "a -uuid of its own",
                            look->live->name, look->live->uuid);
        tell(self, look->live->uuid, text);
        g_ptr_array_remove_index(looks, i);
    }
}

static GPtrArray *
plain_list(VbHypervisor *hypervisor, guint deadline_ms, GError **error)
{
    Plain *self = (Plain *)hypervisor;
    gint64 end_us = g_get_monotonic_time() + (gint64)deadline_ms * 1000;
    GPtrArray *looks = g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_look_free);
    g_autoptr(GPtrArray) paths = find_sockets(self);
    for (guint i = 0; i < paths->len; i++) {
        VbDomainLook *look =
            look_at(self, g_ptr_array_index(paths, i), remaining_ms(end_us));
        if (look != NULL)
            g_ptr_array_add(looks, look);
    }
    forget_others(self, paths);
    drop_doubles(self, looks);
    return looks;
}

static gboolean
not_running(const char *guest, GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "guest %s is not running", guest);
    return FALSE;
}

/* The path of its socket, from what is known or a new list. */
static char *
must_find_path(Plain *self, const char *uuid, guint deadline_ms, GError **error)
{
    char *path = find_path(self, uuid);
    if (path == NULL) {
        g_ptr_array_unref(plain_list(&self->hypervisor, deadline_ms, NULL));
        path = find_path(self, uuid);
    }
    if (path == NULL)
        not_running(uuid, error);
    return path;
}

static VbDomainLook *
plain_look(VbHypervisor *hypervisor, const char *uuid, guint deadline_ms, GError **error)
{
    Plain *self = (Plain *)hypervisor;
    gint64 end_us = g_get_monotonic_time() + (gint64)deadline_ms * 1000;
    g_autofree char *path = must_find_path(self, uuid, deadline_ms, error);
    if (path == NULL)
        return NULL;
    g_autoptr(VbDomainLook) look = look_at(self, path, remaining_ms(end_us));
    if (look != NULL && g_ascii_strcasecmp(look->live->uuid, uuid) == 0)
        return g_steal_pointer(&look);
    not_running(uuid, error);
    return NULL;
}

/* --- acting --------------------------------------------------------------------------------- */

/* The lock is held. */
static gboolean
open_mover(Plain *self, GError **error)
{
    if (self->mover != NULL && vb_mover_is_sound(self->mover))
        return TRUE;
    g_autoptr(GError) why = NULL;
    g_clear_pointer(&self->mover, vb_mover_close);
    self->mover = vb_mover_open(&why);
    if (self->mover == NULL)
        g_set_error_literal(error, VB_ERROR, VB_ERROR_FAILED, why->message);
    return self->mover != NULL;
}

static gboolean
pin_thread(Plain *self, const Entry *entry, int tid, const VbCpuSet *cpus, GError **error)
{
    g_mutex_lock(&self->mover_lock);
    gboolean done =
        open_mover(self, error) && vb_mover_pin(self->mover, &entry->process, tid, cpus, error);
    g_mutex_unlock(&self->mover_lock);
    return done;
}

/* QEMU's workers come and go: of them only the main thread must be there. */
static gboolean
pin_emulator(Plain *self, const Entry *entry, const VbCpuSet *cpus, GError **error)
{
    g_autoptr(GArray) tids = vb_plain_emulator(self->kernel, entry->process.pid, entry->threads);
    for (guint i = 0; i < tids->len; i++) {
        g_autoptr(GError) why = NULL;
        if (pin_thread(self, entry, g_array_index(tids, int, i), cpus, &why) ||
            (i > 0 && g_error_matches(why, VB_ERROR, VB_ERROR_FAILED)))
            continue;
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    return TRUE;
}

static gboolean
plain_pin(VbHypervisor *hypervisor, const char *uuid, const char *thread, const VbCpuSet *cpus,
          guint deadline_ms, GError **error)
{
    Plain *self = (Plain *)hypervisor;
    g_autofree char *path = must_find_path(self, uuid, deadline_ms, error);
    g_autoptr(Entry) entry = path != NULL ? find_entry(self, path) : NULL;
    if (entry == NULL)
        return path != NULL && not_running(uuid, error);
    if (g_str_equal(thread, "emulator"))
        return pin_emulator(self, entry, cpus, error);
    int tid = vb_domain_tid_in(entry->threads, thread);
    if (tid > 0)
        return pin_thread(self, entry, tid, cpus, error);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "guest %s has no thread \"%s\"", uuid, thread);
    return FALSE;
}

/* Its pins are nowhere but in the kernel: they go where the process goes, and so does the record. */
static gboolean
plain_mark(VbHypervisor *hypervisor, const char *uuid, const GPtrArray *marks, guint deadline_ms,
           GError **error)
{
    g_autofree char *path = must_find_path((Plain *)hypervisor, uuid, deadline_ms, error);
    return path != NULL;
}

/* --- asking QEMU ---------------------------------------------------------------------------- */

/* {"execute": NAME, "arguments": {...}}: passes it on. Returns: (transfer full): {"return": ...} */
static char *
converse(const char *path, JsonObject *command, guint deadline_ms, GError **error)
{
    g_autoptr(GError) why = NULL;
    const char *name = json_object_get_string_member_with_default(command, "execute", "");
    g_autoptr(QmpClient) client = qmp_client_open(path, NULL, deadline_ms, NULL, &why);
    g_autoptr(JsonNode) value =
        client != NULL ? qmp_transport_execute(qmp_client_transport(client), name,
                                               json_object_get_member(command, "arguments"),
                                               deadline_ms, NULL, &why)
                       : NULL;
    if (value == NULL) {
        vb_plain_fail(path, g_steal_pointer(&why), error);
        return NULL;
    }
    g_autoptr(JsonNode) reply = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(reply, json_object_new());
    json_object_set_member(json_node_get_object(reply), "return", g_steal_pointer(&value));
    return json_to_string(reply, FALSE);
}

static char *
plain_monitor(VbHypervisor *hypervisor, const char *uuid, const char *command, guint deadline_ms,
              GError **error)
{
    Plain *self = (Plain *)hypervisor;
    g_autofree char *path = must_find_path(self, uuid, deadline_ms, error);
    if (path == NULL)
        return NULL;
    g_autoptr(JsonNode) node = json_from_string(command, NULL);
    if (node != NULL && JSON_NODE_HOLDS_OBJECT(node))
        return converse(path, json_node_get_object(node),
                        CLAMP(deadline_ms, 1, SOCKET_DEADLINE_MS), error);
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "\"%s\" is no QMP command", command);
    return NULL;
}

/* --- metadata ------------------------------------------------------------------------------- */

static VbMetadata *
plain_read_metadata(VbHypervisor *hypervisor, const char *guest, guint deadline_ms, GError **error)
{
    g_autoptr(GPtrArray) looks = plain_list(hypervisor, deadline_ms, error);
    for (guint i = 0; looks != NULL && i < looks->len; i++) {
        const VbDomain *live = ((const VbDomainLook *)g_ptr_array_index(looks, i))->live;
        if (g_ascii_strcasecmp(live->uuid, guest) != 0 && !g_str_equal(live->name, guest))
            continue;
        VbMetadata *metadata = g_new0(VbMetadata, 1);
        metadata->name = g_strdup(live->name);
        metadata->uuid = g_strdup(live->uuid);
        metadata->running = TRUE;
        return metadata;
    }
    not_running(guest, error);
    return NULL;
}

static gboolean
plain_write_metadata(VbHypervisor *hypervisor, const char *uuid, const char *xml, gboolean live,
                     gboolean config, guint deadline_ms, GError **error)
{
    g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                "guest %s is no libvirt guest and has no metadata: say it in a file in "
                "/etc/vmbalancer/domains.d, see vmbalancer.conf(5)",
                uuid);
    return FALSE;
}

static void
plain_free(VbHypervisor *hypervisor)
{
    Plain *self = (Plain *)hypervisor;
    g_hash_table_unref(self->entries);
    g_hash_table_unref(self->told);
    vb_mover_close(self->mover);
    g_mutex_clear(&self->lock);
    g_mutex_clear(&self->mover_lock);
    g_strfreev(self->patterns);
    g_free(self);
}

static const VbHypervisorOps plain_ops = {
    .list = plain_list,
    .look = plain_look,
    .pin = plain_pin,
    .monitor = plain_monitor,
    .read_metadata = plain_read_metadata,
    .write_metadata = plain_write_metadata,
    .mark = plain_mark,
    .free = plain_free,
};

VbHypervisor *
vb_plain_new(VbKernel *kernel, const char *const *patterns, VbPlainWarn warn)
{
    Plain *self = g_new0(Plain, 1);
    self->hypervisor.ops = &plain_ops;
    self->kernel = kernel;
    self->patterns = g_strdupv((char **)patterns);
    self->warn = warn;
    self->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_unref);
    self->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_mutex_init(&self->lock);
    g_mutex_init(&self->mover_lock);
    return &self->hypervisor;
}
