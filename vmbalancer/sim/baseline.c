/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/baseline.h"
#include "sim/hand.h"

const VbBaseline *
vb_baseline_all(void)
{
    static const VbBaseline all[] = {
        {"hand", "what if somebody who knew it all had placed each guest once and for all?", vb_hand_seat},
        {NULL},
    };
    return all;
}

const VbBaseline *
vb_baseline_find(const char *name)
{
    for (const VbBaseline *baseline = vb_baseline_all(); baseline->name != NULL; baseline++)
        if (g_str_equal(baseline->name, name))
            return baseline;
    return NULL;
}
