/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** What the reader's terminal can show. */
typedef struct {
    gboolean colour;
    gboolean utf8;   /**< else ASCII only */
    guint width;     /**< columns to fit into; 0 = any (a file, a pipe) */
} VbStyle;

/** The few ways in which text stands out. */
typedef enum {
    VB_TINT_NONE,
    VB_TINT_BOLD,    /**< headings, names */
    VB_TINT_DIM,     /**< what matters less */
    VB_TINT_GOOD,
    VB_TINT_FAIR,
    VB_TINT_POOR,
} VbTint;

/**
 * The style for writing to @fd: colour on a terminal that is not "dumb" unless NO_COLOR is set;
 * COLUMNS, else the terminal's own width; UTF-8 by the locale (the caller has called setlocale()).
 */
VbStyle vb_style_for(int fd);
/** Appends @text, which is taken as it is, in @tint. */
void vb_style_paint(const VbStyle *style, VbTint tint, const char *text, GString *into);
/** Good from 90 %, fair from 70 %, else poor. */
VbTint vb_style_locality(guint locality_bp);

G_END_DECLS
