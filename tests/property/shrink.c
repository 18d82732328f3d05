/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shrink.h"

/* Leaves the @index-th thing of its kind out. Returns: FALSE if there are no more. */
typedef gboolean (*Cut)(VbSnapshot *host, guint index);

static gboolean
cut_guest(VbSnapshot *host, guint index)
{
    if (index >= host->guests->len)
        return FALSE;
    g_ptr_array_remove_index(host->guests, index);
    return TRUE;
}

static gboolean
cut_vcpu(VbSnapshot *host, guint index)
{
    for (guint i = 0; i < host->guests->len; i++) {
        GPtrArray *vcpus = ((VbGuest *)g_ptr_array_index(host->guests, i))->vcpus;
        if (index < vcpus->len) {
            g_ptr_array_remove_index(vcpus, index);
            return TRUE;
        }
        index -= vcpus->len;
    }
    return FALSE;
}

static gboolean
cut_helper(VbSnapshot *host, guint index)
{
    for (guint i = 0; i < host->guests->len; i++) {
        GPtrArray *helpers = ((VbGuest *)g_ptr_array_index(host->guests, i))->helpers;
        if (index < helpers->len) {
            g_ptr_array_remove_index(helpers, index);
            return TRUE;
        }
        index -= helpers->len;
    }
    return FALSE;
}

/* Those of the host are the first. */
static gboolean
cut_settings(VbSnapshot *host, guint index)
{
    for (guint i = 0; i <= host->guests->len; i++) {
        GHashTable **settings =
            i == 0 ? &host->settings
                   : &((VbGuest *)g_ptr_array_index(host->guests, i - 1))->settings;
        if (*settings != NULL && index-- == 0) {
            g_clear_pointer(settings, g_hash_table_unref);
            return TRUE;
        }
    }
    return FALSE;
}

/* Returns: TRUE if something could go. */
static gboolean
cut_all(VbSnapshot **host, Cut cut, ShrinkTest shows, gpointer data)
{
    gboolean any = FALSE;
    for (guint index = 0;;) {
        VbSnapshot *less = vb_snapshot_copy(*host);
        if (!cut(less, index)) {
            vb_snapshot_free(less);
            return any;
        }
        if (shows(less, data)) {
            vb_snapshot_free(*host);
            *host = less;
            any = TRUE;
        } else {
            vb_snapshot_free(less);
            index++;
        }
    }
}

VbSnapshot *
shrink(const VbSnapshot *host, ShrinkTest shows, gpointer data)
{
    static const Cut cuts[] = {cut_guest, cut_vcpu, cut_helper, cut_settings};
    VbSnapshot *least = vb_snapshot_copy(host);
    for (gboolean progress = TRUE; progress;) {
        progress = FALSE;
        for (guint i = 0; i < G_N_ELEMENTS(cuts); i++)
            progress |= cut_all(&least, cuts[i], shows, data);
    }
    return least;
}
