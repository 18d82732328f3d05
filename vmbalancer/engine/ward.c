/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/ward.h"

#define HOLD_NS (30 * G_GINT64_CONSTANT(1000000000))
#define DOUBLINGS_MAX 4

VbWard *
vb_ward_new(const char *name)
{
    VbWard *ward = g_new0(VbWard, 1);
    ward->name = g_strdup(name);
    return ward;
}

void
vb_ward_free(VbWard *ward)
{
    g_free(ward->name);
    g_free(ward->declined);
    g_free(ward);
}

void
vb_ward_landed(VbWard *ward, gboolean failed, gint64 now_ns)
{
    ward->held_until_ns = failed ? now_ns + (HOLD_NS << MIN(ward->failures, DOUBLINGS_MAX)) : 0;
    ward->failures = failed ? ward->failures + 1 : 0;
}

gboolean
vb_ward_decline(VbWard *ward, const VbDecline *decline)
{
    const char *code = decline != NULL ? decline->code : NULL;
    if (g_strcmp0(ward->declined, code) == 0)
        return FALSE;
    g_free(ward->declined);
    ward->declined = g_strdup(code);
    return TRUE;
}

gboolean
vb_ward_opted_in(const VbGuest *guest, const VbConfig *config)
{
    const char *policy = guest->policy != NULL ? guest->policy : config->default_policy;
    return policy != NULL && !g_str_equal(policy, "none");
}
