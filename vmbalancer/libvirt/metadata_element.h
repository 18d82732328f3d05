/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/wish.h"
#include "libvirt/xml_tree.h"

G_BEGIN_DECLS

/*
 * The vmb:numa element, to and from a wish. What it may hold is published as
 * vmbalancer-domain-1.0.rng; the reader here is that grammar with better messages, and
 * tests/unit/test_metadata.c proves that both agree.
 */

/** The namespace of <numa> in <metadata>. */
#define VB_METADATA_NAMESPACE "urn:vmbalancer:domain:1.0"
/** The prefix under which vmbalancer writes it. */
#define VB_METADATA_PREFIX "vmb"

/**
 * Reads <numa> of our namespace, or of none, as virsh metadata prints it; its children are in the
 * same one.
 * Returns: (transfer full): NULL with VB_ERROR_INVALID naming element, attribute, value and what is
 * expected
 */
VbWish *vb_metadata_read(const xmlNode *numa, GError **error);
/** As vb_metadata_read(), from the element's text. Nothing of it is trusted. */
VbWish *vb_metadata_parse(const char *xml, GError **error);
/**
 * Returns: (transfer full): the element without its namespace, as virDomainSetMetadata() takes it and
 * vb_metadata_parse() reads it back
 */
char *vb_metadata_format(const VbWish *wish);

G_END_DECLS
