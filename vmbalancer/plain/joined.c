/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plain/joined.h"
#include "observe/process.h"
#include <vmbalancer/error.h>

/* Long enough to cost nothing, short beside what a person waits for. */
#define RETRY_US (10 * G_USEC_PER_SEC)

typedef struct {
    VbHypervisor hypervisor;
    VbKernel *kernel;
    VbJoinedConnect connect;
    char *uri;
    guint deadline_ms;
    VbHypervisor *plain;
    GMutex lock;          /* guards what follows */
    VbHypervisor *libvirt;/* NULL: never reached so far; then stays */
    GError *why;          /* of the last attempt */
    gint64 retry_us;
    GHashTable *libvirts; /* UUIDs of guests that libvirt told of */
} Joined;

/* --- libvirt, as far as there is one -------------------------------------------------------- */

/* The lock is held. */
static void
try_libvirt(Joined *self)
{
    gint64 now_us = g_get_monotonic_time();
    if (self->libvirt != NULL || (self->why != NULL && now_us < self->retry_us))
        return;
    g_clear_error(&self->why);
    self->libvirt = self->connect(self->uri, self->deadline_ms, &self->why);
    self->retry_us = g_get_monotonic_time() + RETRY_US;
    if (self->libvirt == NULL)
        g_debug("no guests of libvirt's: %s", self->why->message);
}

static VbHypervisor *
libvirt_of(Joined *self)
{
    g_mutex_lock(&self->lock);
    VbHypervisor *libvirt = self->libvirt;
    g_mutex_unlock(&self->lock);
    return libvirt;
}

/*
 * @ret: NULL on a host without. Returns: FALSE with an error if there is one, but it does not let us in
 * or hangs, or the URI is wrong.
 */
static gboolean
reach_libvirt(Joined *self, VbHypervisor **ret, GError **error)
{
    g_mutex_lock(&self->lock);
    try_libvirt(self);
    *ret = self->libvirt;
    gboolean missing = self->libvirt == NULL &&
                       !g_error_matches(self->why, VB_ERROR, VB_ERROR_UNREACHABLE);
    if (missing && error != NULL)
        *error = g_error_copy(self->why);
    g_mutex_unlock(&self->lock);
    return !missing;
}

static void
note_guest(Joined *self, const char *uuid)
{
    g_mutex_lock(&self->lock);
    g_hash_table_add(self->libvirts, g_ascii_strdown(uuid, -1));
    g_mutex_unlock(&self->lock);
}

static gboolean
is_libvirts(Joined *self, const char *uuid)
{
    g_autofree char *key = g_ascii_strdown(uuid, -1);
    g_mutex_lock(&self->lock);
    gboolean is = g_hash_table_contains(self->libvirts, key);
    g_mutex_unlock(&self->lock);
    return is;
}

/* Whose guest it is: libvirt's own word counts first. Returns: NULL with an error if that failed. */
static VbHypervisor *
owner_of(Joined *self, const char *uuid, guint deadline_ms, GError **error)
{
    VbHypervisor *libvirt = libvirt_of(self);
    if (libvirt == NULL)
        return self->plain;
    if (is_libvirts(self, uuid))
        return libvirt;
    g_autoptr(GError) why = NULL;
    g_autoptr(VbDomainLook) look = libvirt->ops->look(libvirt, uuid, deadline_ms, &why);
    if (look != NULL) {
        note_guest(self, uuid);
        return libvirt;
    }
    if (g_error_matches(why, VB_ERROR, VB_ERROR_NO_GUEST))
        return self->plain;
    g_propagate_error(error, g_steal_pointer(&why));
    return NULL;
}

/* --- looking -------------------------------------------------------------------------------- */

/* Libvirt's guests, all that they were before are forgotten. */
static void
note_guests(Joined *self, const GPtrArray *looks)
{
    g_mutex_lock(&self->lock);
    g_hash_table_remove_all(self->libvirts);
    for (guint i = 0; i < looks->len; i++) {
        const VbDomain *live = ((const VbDomainLook *)g_ptr_array_index(looks, i))->live;
        if (live != NULL && live->uuid != NULL)
            g_hash_table_add(self->libvirts, g_ascii_strdown(live->uuid, -1));
    }
    g_mutex_unlock(&self->lock);
}

static GPtrArray *
joined_list(VbHypervisor *hypervisor, guint deadline_ms, GError **error)
{
    Joined *self = (Joined *)hypervisor;
    VbHypervisor *libvirt = NULL;
    if (!reach_libvirt(self, &libvirt, error))
        return NULL;
    g_autoptr(GPtrArray) looks =
        libvirt != NULL ? libvirt->ops->list(libvirt, deadline_ms, error)
                        : g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_look_free);
    if (looks == NULL)
        return NULL;
    note_guests(self, looks);
    g_autoptr(GPtrArray) plain = self->plain->ops->list(self->plain, deadline_ms, error);
    if (plain == NULL)
        return NULL;
    while (plain->len > 0) {
        VbDomainLook *look = g_ptr_array_steal_index(plain, 0);
        if (is_libvirts(self, look->live->uuid)) {
            g_debug("guest %s is libvirt's", look->live->name);
            vb_domain_look_free(look);
        } else {
            g_ptr_array_add(looks, look);
        }
    }
    return g_steal_pointer(&looks);
}

/* Without libvirt a guest of its own looks like none at all, but for its process. */
static void
doubt(Joined *self, const char *uuid, GError **error)
{
    VbProcess process;
    g_mutex_lock(&self->lock);
    gboolean reached = self->libvirt != NULL;
    g_autofree char *why = g_strdup(self->why != NULL ? self->why->message : "not tried yet");
    g_mutex_unlock(&self->lock);
    if (reached || !g_error_matches(*error, VB_ERROR, VB_ERROR_NO_GUEST) ||
        !vb_guest_process_find(self->kernel, uuid, uuid, &process, NULL))
        return;
    g_clear_error(error);
    g_set_error(error, VB_ERROR, VB_ERROR_UNREACHABLE,
                "guest %s runs as process %d, but neither behind one of the [qemu] sockets nor known to "
                "libvirt: %s",
                uuid, process.pid, why);
}

static VbDomainLook *
joined_look(VbHypervisor *hypervisor, const char *uuid, guint deadline_ms, GError **error)
{
    Joined *self = (Joined *)hypervisor;
    VbHypervisor *libvirt = libvirt_of(self);
    g_autoptr(GError) why = NULL;
    if (libvirt != NULL) {
        g_autoptr(VbDomainLook) look = libvirt->ops->look(libvirt, uuid, deadline_ms, &why);
        if (look != NULL) {
            note_guest(self, uuid);
            return g_steal_pointer(&look);
        }
        if (!g_error_matches(why, VB_ERROR, VB_ERROR_NO_GUEST)) {
            g_propagate_error(error, g_steal_pointer(&why));
            return NULL;
        }
        g_clear_error(&why);
    }
    VbDomainLook *look = self->plain->ops->look(self->plain, uuid, deadline_ms, &why);
    if (look == NULL) {
        doubt(self, uuid, &why);
        g_propagate_error(error, g_steal_pointer(&why));
    }
    return look;
}

/* --- passed on ------------------------------------------------------------------------------ */

static gboolean
joined_pin(VbHypervisor *hypervisor, const char *uuid, const char *thread, const VbCpuSet *cpus,
           guint deadline_ms, GError **error)
{
    VbHypervisor *owner = owner_of((Joined *)hypervisor, uuid, deadline_ms, error);
    return owner != NULL && owner->ops->pin(owner, uuid, thread, cpus, deadline_ms, error);
}

static gboolean
joined_mark(VbHypervisor *hypervisor, const char *uuid, const GPtrArray *marks, guint deadline_ms,
            GError **error)
{
    VbHypervisor *owner = owner_of((Joined *)hypervisor, uuid, deadline_ms, error);
    return owner != NULL && owner->ops->mark(owner, uuid, marks, deadline_ms, error);
}

static char *
joined_monitor(VbHypervisor *hypervisor, const char *uuid, const char *command, guint deadline_ms,
               GError **error)
{
    VbHypervisor *owner = owner_of((Joined *)hypervisor, uuid, deadline_ms, error);
    return owner != NULL ? owner->ops->monitor(owner, uuid, command, deadline_ms, error) : NULL;
}

static gboolean
joined_write_metadata(VbHypervisor *hypervisor, const char *uuid, const char *xml, gboolean live,
                      gboolean config, guint deadline_ms, GError **error)
{
    Joined *self = (Joined *)hypervisor;
    VbHypervisor *libvirt = libvirt_of(self);
    g_autoptr(VbDomainLook) plain = self->plain->ops->look(self->plain, uuid, deadline_ms, NULL);
    /* A guest that does not run is libvirt's, if anybody's. */
    VbHypervisor *owner =
        libvirt == NULL || (plain != NULL && !is_libvirts(self, uuid)) ? self->plain : libvirt;
    return owner->ops->write_metadata(owner, uuid, xml, live, config, deadline_ms, error);
}

static VbMetadata *
joined_read_metadata(VbHypervisor *hypervisor, const char *guest, guint deadline_ms, GError **error)
{
    Joined *self = (Joined *)hypervisor;
    VbHypervisor *libvirt = NULL;
    g_autoptr(GError) why = NULL;
    if (!reach_libvirt(self, &libvirt, error))
        return NULL;
    if (libvirt != NULL) {
        VbMetadata *metadata = libvirt->ops->read_metadata(libvirt, guest, deadline_ms, &why);
        if (metadata != NULL)
            note_guest(self, metadata->uuid);
        if (metadata != NULL)
            return metadata;
        if (!g_error_matches(why, VB_ERROR, VB_ERROR_NO_GUEST)) {
            g_propagate_error(error, g_steal_pointer(&why));
            return NULL;
        }
    }
    VbMetadata *metadata =
        self->plain->ops->read_metadata(self->plain, guest, deadline_ms, why == NULL ? error : NULL);
    if (metadata == NULL && why != NULL)
        g_propagate_error(error, g_steal_pointer(&why));
    return metadata;
}

static void
joined_free(VbHypervisor *hypervisor)
{
    Joined *self = (Joined *)hypervisor;
    vb_hypervisor_free(self->libvirt);
    vb_hypervisor_free(self->plain);
    g_hash_table_unref(self->libvirts);
    g_clear_error(&self->why);
    g_mutex_clear(&self->lock);
    g_free(self->uri);
    g_free(self);
}

static const VbHypervisorOps joined_ops = {
    .list = joined_list,
    .look = joined_look,
    .pin = joined_pin,
    .monitor = joined_monitor,
    .read_metadata = joined_read_metadata,
    .write_metadata = joined_write_metadata,
    .mark = joined_mark,
    .free = joined_free,
};

VbHypervisor *
vb_joined_new(VbKernel *kernel, VbJoinedConnect connect, const char *uri, guint deadline_ms,
              VbHypervisor *plain)
{
    Joined *self = g_new0(Joined, 1);
    self->hypervisor.ops = &joined_ops;
    self->kernel = kernel;
    self->connect = connect;
    self->uri = g_strdup(uri);
    self->deadline_ms = deadline_ms;
    self->plain = plain;
    self->libvirts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_mutex_init(&self->lock);
    return &self->hypervisor;
}
