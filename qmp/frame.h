/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef QMP_FRAME_H
#define QMP_FRAME_H

#include <glib.h>

G_BEGIN_DECLS

/*
 * Cuts a byte stream into JSON objects, and judges each byte before any JSON parser sees it.
 *
 * QMP sends objects separated by white space, not one a line: a monitor with pretty=on prints
 * them over many lines. So a frame ends at the bracket that closes the first one.
 *
 * json-glib 1.6 overflows its stack on deep nesting, takes comments and single quotes for JSON (so
 * they hide brackets from a scanner that does not know them) and cuts strings at an escaped NUL.
 * What passes here has none of these: at most QMP_FRAME_MAX_BYTES long and QMP_FRAME_MAX_DEPTH
 * deep, its brackets match, its strings are valid UTF-8 without NUL, half surrogates or escapes
 * other than RFC 8259's. It may still not be JSON ("{1 2}").
 */
#define QMP_FRAME_MAX_BYTES (1024 * 1024)
#define QMP_FRAME_MAX_DEPTH 64

typedef struct QmpFrame QmpFrame;

QmpFrame *qmp_frame_new(void);
void qmp_frame_free(QmpFrame *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpFrame, qmp_frame_free)

/*
 * Takes bytes from *data up to the end of the first object, moves *data and *len past them and
 * sets *ret_text to the object (NUL-terminated, owned by the caller), or to NULL when all bytes
 * were taken and the object is not complete. Call again until *len is 0. Each byte is looked at
 * once.
 * FALSE with QMP_ERROR_PROTOCOL, _TOO_LARGE or _TOO_DEEP: the stream is beyond repair, and every
 * later call fails too.
 */
gboolean qmp_frame_feed(QmpFrame *self, const char **data, gsize *len, char **ret_text,
                        GError **error);

/* TRUE when a part of an object has been taken: the end of the stream would cut a message. */
gboolean qmp_frame_is_partial(const QmpFrame *self);

G_END_DECLS

#endif
