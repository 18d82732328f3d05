/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What became of a move, in words. */
#include "act/outcome.h"
#include <string.h>

#define MIB (G_GUINT64_CONSTANT(1) << 20)

static void
what_is_shared_is_told_apart_from_what_is_pinned(void)
{
    static const struct {
        guint64 unmovable, shared;
        const char *says, *silent_of;
    } cases[] = {
        {8 * MIB, 0, "8 MiB do not move: pinned by a device", "KSM"},
        {8 * MIB, 8 * MIB, "8 MiB do not move: shared, as KSM", "pinned"},
        {8 * MIB, 2 * MIB, "8 MiB do not move: 2 MiB shared", "nosharepages"},
    };
    VbAction action = {.from = 3, .to = 0};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VbMoveReport report = {.end = VB_MOVE_STUCK,
                               .bytes_unmovable = cases[i].unmovable,
                               .bytes_shared = cases[i].shared};
        g_autofree char *text = vb_outcome_text(&action, &report, NULL);
        g_assert_true(g_str_has_prefix(text, cases[i].says));
        g_assert_true(g_str_has_suffix(text, "they stay on node 3"));
        g_assert_null(strstr(text, cases[i].silent_of));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outcome/shared-or-pinned", what_is_shared_is_told_apart_from_what_is_pinned);
    return g_test_run();
}
