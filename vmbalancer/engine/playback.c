/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/playback.h"
#include "core/codec.h"
#include <gio/gio.h>
#include <string.h>
#include <vmbalancer/error.h>

#define CHUNK 65536

typedef struct {
    VbReplay *replay;
    GInputStream *file;
    GConverter *zlib;
    GString *line;      /* its beginning */
    char in[CHUNK];
    gsize in_length;
    gboolean at_end;    /* of the file */
    gboolean finished;  /* the compressed stream is whole */
    gboolean cut;
} Playback;

static gboolean
refuse(GError **error, const char *reason)
{
    g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID, reason);
    return FALSE;
}

static gboolean
fill(Playback *playback, GError **error)
{
    g_autoptr(GError) why = NULL;
    gssize count = g_input_stream_read(playback->file, playback->in + playback->in_length,
                                       CHUNK - playback->in_length, NULL, &why);
    if (count < 0) {
        g_set_error_literal(error, VB_ERROR, VB_ERROR_FAILED, why->message);
        return FALSE;
    }
    playback->at_end = count == 0;
    playback->in_length += (gsize)count;
    return TRUE;
}

/* Replays the lines that are whole by now. */
static gboolean
take_lines(Playback *playback, const char *text, gsize length, GError **error)
{
    while (length > 0) {
        const char *end = memchr(text, '\n', length);
        gsize part = end != NULL ? (gsize)(end - text) : length;
        if (playback->line->len + part > VB_CODEC_SIZE_MAX) {
            g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                        "line %" G_GUINT64_FORMAT ": longer than %d bytes",
                        vb_replay_report(playback->replay)->lines + 1, VB_CODEC_SIZE_MAX);
            return FALSE;
        }
        g_string_append_len(playback->line, text, (gssize)part);
        text += part;
        length -= part;
        if (end == NULL)
            break;
        if (!vb_replay_line(playback->replay, playback->line->str, playback->line->len, error))
            return FALSE;
        g_string_truncate(playback->line, 0);
        text++;
        length--;
    }
    return TRUE;
}

/* What GLib says of a stream that stops in its middle, or is none. */
static gboolean
judge(Playback *playback, const GError *why, GError **error)
{
    if (g_error_matches(why, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT)) {
        playback->cut = playback->at_end;
        return TRUE;
    }
    g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "damaged; %" G_GUINT64_FORMAT " lines before that could be replayed",
                vb_replay_report(playback->replay)->lines);
    return FALSE;
}

static gboolean
decompress(Playback *playback, GError **error)
{
    char out[CHUNK];
    gsize taken = 0, given = 0;
    g_autoptr(GError) why = NULL;
    GConverterResult result = g_converter_convert(
        playback->zlib, playback->in, playback->in_length, out, sizeof out,
        playback->at_end ? G_CONVERTER_INPUT_AT_END : G_CONVERTER_NO_FLAGS, &taken, &given, &why);
    if (result == G_CONVERTER_ERROR)
        return judge(playback, why, error) &&
               (playback->at_end || fill(playback, error));
    playback->in_length -= taken;
    memmove(playback->in, playback->in + taken, playback->in_length);
    playback->finished = result == G_CONVERTER_FINISHED;
    return take_lines(playback, out, given, error);
}

static gboolean
check_end(Playback *playback, GError **error)
{
    const VbReplayReport *report = vb_replay_report(playback->replay);
    if (playback->finished && playback->in_length == 0 && !playback->at_end &&
        !fill(playback, error))
        return FALSE;
    if (playback->finished && playback->in_length > 0)
        return refuse(error, "there is more after the end of the recording");
    if (playback->finished && (playback->line->len > 0 || report->end == NULL))
        return refuse(error, "the recording lacks its last line");
    if (report->lines < 2)
        return refuse(error, "the recording ends before it begins");
    return TRUE;
}

/* By what every gzip file begins with. An empty one is cut, not foreign. */
static gboolean
check_magic(Playback *playback, GError **error)
{
    static const char magic[] = {'\x1f', '\x8b'};
    if (!fill(playback, error))
        return FALSE;
    return memcmp(playback->in, magic, MIN(playback->in_length, sizeof magic)) == 0 ||
           refuse(error, "not a recording: see vmbalancer record");
}

static gboolean
play(Playback *playback, GError **error)
{
    if (!check_magic(playback, error))
        return FALSE;
    while (!playback->finished && !playback->cut) {
        if (playback->in_length == 0 && !playback->at_end && !fill(playback, error))
            return FALSE;
        if (!decompress(playback, error))
            return FALSE;
    }
    return check_end(playback, error);
}

gboolean
vb_playback(const char *path, VbReplay *replay, gboolean *ret_cut, GError **error)
{
    g_autoptr(GFile) file = g_file_new_for_path(path);
    g_autoptr(GError) why = NULL;
    g_autoptr(GFileInputStream) stream = g_file_read(file, NULL, &why);
    if (stream == NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "%s: %s", path, why->message);
        return FALSE;
    }
    g_autoptr(GZlibDecompressor) zlib = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
    g_autofree Playback *playback = g_new0(Playback, 1);
    playback->replay = replay;
    playback->file = G_INPUT_STREAM(stream);
    playback->zlib = G_CONVERTER(zlib);
    playback->line = g_string_new(NULL);
    gboolean good = play(playback, error);
    if (!good)
        g_prefix_error(error, "%s: ", path);
    else if (ret_cut != NULL)
        *ret_cut = playback->cut;
    g_string_free(playback->line, TRUE);
    return good;
}
