/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/terms.h"

static gboolean
is_asked_for(const VbPlanRequest *request)
{
    return request->to != 0 || (request->guests != NULL && request->guests[0] != NULL);
}

void
vb_terms_spare(VbSnapshot *snapshot, const VbPlanRequest *request, VbPlan *plan)
{
    for (guint i = 0; !is_asked_for(request) && i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        const VbTerms *terms = &guest->terms;
        guint locality;
        if (!guest->selected || !terms->locality_min_known ||
            !vb_guest_locality(guest, &locality, NULL) || locality < terms->locality_min_bp)
            continue;
        vb_plan_decline(plan, guest, "local",
                        "its locality is %u.%02u %%, at least the %u.%02u %% that it asks for",
                        locality / 100, locality % 100, terms->locality_min_bp / 100,
                        terms->locality_min_bp % 100);
        guest->selected = FALSE;
    }
}

void
vb_terms_fix(VbSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        for (guint c = 0; guest->terms.moves == VB_ANSWER_NO && c < guest->cells->len; c++) {
            VbCell *cell = g_ptr_array_index(guest->cells, c);
            cell->movable = FALSE;
            g_free(cell->note);
            cell->note = g_strdup("its memory may not be moved (migrate memory=\"no\")");
        }
    }
}

static void
restore_cells(VbGuest *guest, const VbGuest *original)
{
    for (guint i = 0; i < MIN(guest->cells->len, original->cells->len); i++) {
        VbCell *cell = g_ptr_array_index(guest->cells, i);
        const VbCell *before = g_ptr_array_index(original->cells, i);
        cell->movable = before->movable;
        g_free(cell->note);
        cell->note = g_strdup(before->note);
    }
}

void
vb_terms_restore(VbSnapshot *snapshot, const VbSnapshot *original)
{
    for (guint i = 0; i < snapshot->guests->len; i++) {
        VbGuest *guest = g_ptr_array_index(snapshot->guests, i);
        const VbGuest *before = vb_snapshot_find(original, guest->uuid);
        if (before == NULL)
            continue;
        g_clear_pointer(&guest->settings, g_hash_table_unref);
        if (before->settings != NULL)
            guest->settings = g_hash_table_ref(before->settings);
        restore_cells(guest, before);
    }
}
