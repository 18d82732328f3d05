/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmbalancer/error.h>

G_DEFINE_QUARK(vmbalancer-error, vb_error)
