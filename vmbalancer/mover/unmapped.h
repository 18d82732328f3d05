/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mover/identity.h"
#include "mover/request.h"
#include "mover/sample.h"

G_BEGIN_DECLS

/**
 * Samples as vb_mover_backing() promises. Of the ways to the file this is the one for which the mover needs no
 * capability that it has not: /proc/PID/fd and map_files are closed to other users without CAP_DAC_READ_SEARCH,
 * which would open all files of the host to it. CAP_SYS_PTRACE opens /proc/PID/fdinfo (Linux 5.14), which tells the
 * inode of each descriptor, and pidfd_getfd(2) (5.6) takes the one that is wanted. It is closed at once:
 * what is kept is a mapping for reading that no page is ever in.
 * @request: of VB_OP_BACKING
 * @stop: (nullable)
 * Errors: those of vb_sample_each(), vb_page_cache_open(); VB_ERROR_UNSUPPORTED, VB_ERROR_DENIED.
 */
gboolean vb_unmapped_run(const VbIdentity *identity, const VbRequest *request, VbStop stop,
                         gpointer user_data, VbBackingSample *ret, GError **error);

G_END_DECLS
