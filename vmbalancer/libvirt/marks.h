/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/mark.h"
#include "libvirt/xml_tree.h"

G_BEGIN_DECLS

/*
 * <pins> in the metadata of the running guest: which of its live pins are vmbalancer's. Where the
 * live pins go, by migration, in a saved image or a snapshot, this goes with them, and where they
 * end, it ends. What it says never counts against the configuration's pins.
 */

/** The namespace of <pins> in <metadata>. */
#define VB_MARKS_NAMESPACE "urn:vmbalancer:pins:1.0"
/** The prefix under which vmbalancer writes it. */
#define VB_MARKS_PREFIX "vmbpins"

/**
 * Reads <pins>. Nothing of it is trusted; one that is damaged, or a second one, leaves @marks empty:
 * the pins then count as somebody's.
 * @marks: (element-type VbMark): what it says is added
 */
void vb_marks_read(const xmlNode *pins, GPtrArray *marks);
/**
 * Returns: (transfer full): the element without its namespace, as virDomainSetMetadata() takes it
 */
char *vb_marks_format(const GPtrArray *marks);

G_END_DECLS
