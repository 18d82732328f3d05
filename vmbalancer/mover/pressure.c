/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mover/pressure.h"
#include <string.h>

/* The averages change every two seconds. */
#define ASK_NS G_GINT64_CONSTANT(1000000000)
#define TEXT_LIMIT 4096

/* The same numbers: the second is there where the unit shows us no more of /proc than processes. */
static const char *const paths[] = {"/proc/pressure/memory", "/sys/fs/cgroup/memory.pressure"};

/* "some avg10=1.23 avg60=0.45 avg300=0.10 total=12345". */
static gboolean
read_high(VbKernel *kernel)
{
    static const char key[] = "some avg10=";
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *text = NULL;
        if (!kernel->ops->read(kernel, paths[i], TEXT_LIMIT, &text, NULL, NULL))
            continue;
        const char *at = strstr(text, key);
        return at != NULL && g_ascii_strtod(at + strlen(key), NULL) >= VB_PRESSURE_HIGH;
    }
    return FALSE;
}

gboolean
vb_pressure_is_high(VbPressure *pressure, VbKernel *kernel, gint64 now_ns)
{
    if (!pressure->asked || now_ns - pressure->asked_ns >= ASK_NS) {
        pressure->asked = TRUE;
        pressure->asked_ns = now_ns;
        pressure->high = read_high(kernel);
    }
    return pressure->high;
}
