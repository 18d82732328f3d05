/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/style.h"

G_BEGIN_DECLS

/*
 * A table that fits: columns take what their text needs; where the width does not do, the columns
 * that may shrink do so, widest first; where that does not do, whole columns go first, highest rank
 * first, those of one rank together.
 */
typedef struct VbTable VbTable;

/** How a column stands. */
typedef struct {
    const char *title;
    gboolean right;   /**< numbers: aligned right */
    guint least;      /**< may shrink to so many columns; 0 = never shrinks */
    guint rank;       /**< 0 = always there; else the higher, the sooner it goes */
} VbColumn;

/** @columns: ends with a NULL title; titles are copied. */
VbTable *vb_table_new(const VbStyle *style, const VbColumn *columns);
void vb_table_free(VbTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbTable, vb_table_free)

/** Adds a column behind the others, before any cell. */
void vb_table_add_column(VbTable *table, const VbColumn *column);
/** Fills the next cell, row by row. @text goes through vb_text_shown(). */
void vb_table_add(VbTable *table, VbTint tint, const char *text);
/** As vb_table_add(), but frees @text. */
void vb_table_take(VbTable *table, VbTint tint, char *text);
/** Appends header and rows, each with a newline and without spaces at the end; @indent spaces before. */
void vb_table_render(const VbTable *table, guint indent, GString *into);
/** As vb_table_render(), without the header. */
void vb_table_render_rows(const VbTable *table, guint indent, GString *into);

/** Takes a piece of a row, shown text or spaces; "\n" ends the row. */
typedef void (*VbTablePaint)(VbTint tint, const char *text, gpointer user_data);
/** Number of rows, the header not counted. */
guint vb_table_length(const VbTable *table);
/** Paints the header and @count rows from the one at @first; columns fit all rows of the table. */
void vb_table_paint(const VbTable *table, guint first, guint count, VbTablePaint paint,
                    gpointer user_data);

G_END_DECLS
