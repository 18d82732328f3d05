/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Text for people. Names and reasons may hold what a guest's owner wrote, so they go through
 * vb_text_shown() before they reach a terminal. All results are (transfer full).
 */

/**
 * @text with everything replaced by visible escapes that could steer a terminal, reorder or hide
 * text: control characters, bidirectional and other format characters, unassigned and private
 * ones, bytes that are no UTF-8, more than two combining marks in a row. Spaces of all kinds become
 * plain ones. Without @utf8 all of it becomes ASCII. NULL is shown as "-".
 */
char *vb_text_shown(const char *text, gboolean utf8);
/** Columns that shown text takes on a terminal. */
guint vb_text_width(const char *shown);
/** Shown text cut to @width columns; where something is missing it ends in "…" ("~" without @utf8). */
char *vb_text_fit(const char *shown, guint width, gboolean utf8);
/**
 * Appends shown text broken between words into lines of @width columns (0: one line), each but the
 * first behind @indent spaces, which count; no newline at the end.
 */
void vb_text_wrap(const char *shown, guint indent, guint width, GString *into);

/** "0 B", "4 KiB", "512 MiB", "3.1 GiB". */
char *vb_text_bytes(guint64 bytes);
/** "3.1 GiB/s"; "-" if nothing moved or it took no time. */
char *vb_text_rate(guint64 bytes, gint64 duration_ns);
/** "97.0 %". */
char *vb_text_percent(guint bp);
/** "±0.6", the half-width of a share in points; without @utf8 "+-0.6"; "" for none. */
char *vb_text_error(guint error_bp, gboolean utf8);
/** Both: "97.0 % ±0.6". */
char *vb_text_percent_error(guint bp, guint error_bp, gboolean utf8);
/** "350 ms", "1.5 s", "2 min 5 s", "3 h 12 min", "5 d 2 h". */
char *vb_text_duration(gint64 duration_ns);

G_END_DECLS
