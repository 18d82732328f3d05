/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/links.h"

#include "libvirt/failure.h"
#include "libvirt/sigpipe.h"
#include "libvirt/uri.h"

struct VbLinks {
    char *uri;
    GMutex lock;     /* guards the rest */
    GPtrArray *idle; /* virConnectPtr; taken from its end, so that spare ones stay spare */
    gboolean closed;
};

static void
close_link(virConnectPtr link)
{
    VbSigpipe held = vb_sigpipe_hold();
    virConnectClose(link);
    vb_sigpipe_release(&held);
}

VbLinks *
vb_links_new(const char *uri)
{
    VbLinks *links = g_atomic_rc_box_new0(VbLinks);
    links->uri = g_strdup(uri);
    g_mutex_init(&links->lock);
    links->idle = g_ptr_array_new();
    return links;
}

VbLinks *
vb_links_ref(VbLinks *links)
{
    return g_atomic_rc_box_acquire(links);
}

static void
links_clear(gpointer data)
{
    VbLinks *links = data;
    vb_links_close(links);
    g_ptr_array_unref(links->idle);
    g_mutex_clear(&links->lock);
    g_free(links->uri);
}

void
vb_links_unref(VbLinks *links)
{
    if (links != NULL)
        g_atomic_rc_box_release_full(links, links_clear);
}

static virConnectPtr
take_idle(VbLinks *links)
{
    g_mutex_lock(&links->lock);
    virConnectPtr link =
        links->idle->len == 0 ? NULL : g_ptr_array_steal_index(links->idle, links->idle->len - 1);
    g_mutex_unlock(&links->lock);
    return link;
}

virConnectPtr
vb_links_take(VbLinks *links, GError **error)
{
    virConnectPtr link;
    while ((link = take_idle(links)) != NULL) {
        if (virConnectIsAlive(link) != 0)
            return link;
        close_link(link);
    }
    link = virConnectOpen(links->uri);
    if (link == NULL) {
        vb_failure_set_connect(error, links->uri);
        return NULL;
    }
    /* An alias of libvirt.conf shows only now what it stands for. */
    char *uri = virConnectGetURI(link);
    gboolean local = uri == NULL || vb_uri_check_local(uri, error);
    free(uri);
    if (!local)
        close_link(g_steal_pointer(&link));
    return link;
}

void
vb_links_give(VbLinks *links, virConnectPtr link)
{
    gboolean alive = virConnectIsAlive(link) != 0;
    g_mutex_lock(&links->lock);
    gboolean keep = alive && !links->closed;
    if (keep)
        g_ptr_array_add(links->idle, link);
    g_mutex_unlock(&links->lock);
    if (!keep)
        close_link(link);
}

void
vb_links_close(VbLinks *links)
{
    g_mutex_lock(&links->lock);
    links->closed = TRUE;
    g_mutex_unlock(&links->lock);
    virConnectPtr link;
    while ((link = take_idle(links)) != NULL)
        close_link(link);
}
