/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/ward.h"

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
    g_free(ward->released_policy);
    g_free(ward->notes);
    g_free(ward);
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
