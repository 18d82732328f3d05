/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/domain.h"
#include "libvirt/xml_tree.h"

G_BEGIN_DECLS

/* The parts of vb_domain_xml_parse() that have a file of their own. @root is <domain>. */

/**
 * Fills in cells, memory_devices and locked: <cpu><numa>, <memoryBacking>, <memnode>, <devices><memory>.
 * After name, memory and vCPUs.
 * @max_vcpus: vCPUs with those that may be plugged in later
 */
gboolean vb_domain_xml_read_cells(const xmlNode *root, guint max_vcpus, VbDomain *domain,
                                  GError **error);

/**
 * Fills in whose metadata the guest carries, and policy, home_nodes, wish and metadata_error from
 * ours. A bad element takes nothing away but itself: policy, home_nodes and wish are then NULL.
 */
void vb_domain_xml_read_metadata(const xmlNode *root, VbDomain *domain);

/**
 * Fills in n_hostdevs and devices. What makes no sense as the address of a device is left out: its node is then unknown.
 */
void vb_domain_xml_read_devices(const xmlNode *root, VbDomain *domain);

G_END_DECLS
