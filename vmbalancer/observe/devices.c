/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observe/devices.h"

void
vb_devices_read(VbKernel *kernel, const VbDomain *live, const VbTopology *topology, VbGuest *guest)
{
    for (guint i = 0; i < live->devices->len; i++) {
        const char *device = g_ptr_array_index(live->devices, i);
        g_autofree char *path = g_strdup_printf("/sys/%s/numa_node", device);
        guint64 node;
        /* "-1" is no number of a node. */
        if (vb_kernel_read_number(kernel, path, &node, NULL) && node < VB_NODES_MAX &&
            (topology->nodes & VB_NODE_BIT(node)) != 0)
            guest->devices[node]++;
    }
}
