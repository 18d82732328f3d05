/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/recorder.h"
#include "core/codec.h"
#include "core/recording.h"
#include "core/text.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* What was written before this is in the file, whatever happens. */
#define FLUSH_US (2 * G_USEC_PER_SEC)
/* Lines that may wait for the disk; the daemon's memory is bounded. */
#define QUEUE_MAX (8 * 1024 * 1024)
/* For the last line and the end of the compressed stream. */
#define END_RESERVE 1024

typedef struct {
    char *text;
    gsize length;
    gboolean last;
} Line;

struct VbRecorder {
    VbTick *tick;              /* NULL once it hears no more */
    GMainContext *context;
    VbRecorderEnded ended;
    gpointer user_data;
    GThread *thread;
    GAsyncQueue *queue;        /* (element-type Line) */
    gint queued;               /* bytes in it; atomic */
    gboolean too_slow;
    char *name;
    guint64 limit;
    GMutex lock;
    guint64 written;           /* guarded by @lock */
    /* The thread's until it has ended. */
    int fd;
    GConverter *zlib;
    guint64 unflushed;         /* bytes before compression */
    gint64 flushed_us;
    char *reason;
    GError *error;
};

static void
line_free(gpointer data)
{
    Line *line = data;
    g_free(line->text);
    g_free(line);
}

/* --- the thread ----------------------------------------------------------------------------- */

static gboolean
write_all(VbRecorder *recorder, const guint8 *data, gsize length, GError **error)
{
    for (gsize done = 0; done < length;) {
        ssize_t count = write(recorder->fd, data + done, length - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "cannot write: %s", g_strerror(errno));
            return FALSE;
        }
        done += (gsize)count;
        g_mutex_lock(&recorder->lock);
        recorder->written += (guint64)count;
        g_mutex_unlock(&recorder->lock);
    }
    return TRUE;
}

/* Without flags until all is taken, else until it is flushed, or finished. */
static gboolean
compress(VbRecorder *recorder, const char *data, gsize length, GConverterFlags flags,
         GError **error)
{
    guint8 out[16384];
    GConverterResult result = G_CONVERTER_CONVERTED;
    while (flags == G_CONVERTER_NO_FLAGS ? length > 0 : result == G_CONVERTER_CONVERTED) {
        gsize taken = 0, given = 0;
        result = g_converter_convert(recorder->zlib, data, length, out, sizeof out, flags, &taken,
                                     &given, error);
        if (result == G_CONVERTER_ERROR || !write_all(recorder, out, given, error))
            return FALSE;
        data += taken;
        length -= taken;
    }
    return TRUE;
}

static gboolean
flush(VbRecorder *recorder, GError **error)
{
    recorder->flushed_us = g_get_monotonic_time();
    if (recorder->unflushed == 0)
        return TRUE;
    recorder->unflushed = 0;
    return compress(recorder, "", 0, G_CONVERTER_FLUSH, error);
}

/* What cannot be compressed grows a little. */
static gboolean
fits(VbRecorder *recorder, gsize length)
{
    guint64 raw = recorder->unflushed + length;
    return vb_recorder_bytes(recorder) + raw + raw / 256 + END_RESERVE <= recorder->limit;
}

/* Returns: FALSE if the recording is over: with an error, or a reason. */
static gboolean
append(VbRecorder *recorder, const char *text, gsize length, GError **error)
{
    if (!fits(recorder, length) && !flush(recorder, error))
        return FALSE;
    if (!fits(recorder, length)) {
        g_autofree char *limit = vb_bytes_format(recorder->limit);
        recorder->reason = g_strdup_printf("it reached its limit of %s", limit);
        return FALSE;
    }
    recorder->unflushed += length;
    return compress(recorder, text, length, G_CONVERTER_NO_FLAGS, error);
}

static gboolean
finish(VbRecorder *recorder, GError **error)
{
    g_autoptr(JsonNode) node =
        vb_recording_end(recorder->reason != NULL ? recorder->reason : "it was stopped");
    g_autofree char *text = vb_codec_text(node, FALSE);
    return compress(recorder, text, strlen(text), G_CONVERTER_NO_FLAGS, error) &&
           compress(recorder, "", 0, G_CONVERTER_INPUT_AT_END, error);
}

static gboolean on_finished(gpointer data);

static gpointer
run(gpointer data)
{
    VbRecorder *recorder = data;
    gboolean last = FALSE;
    while (!last && recorder->reason == NULL && recorder->error == NULL) {
        Line *line = g_async_queue_timeout_pop(recorder->queue, FLUSH_US);
        if (line != NULL) {
            last = line->last;
            if (line->text != NULL)
                append(recorder, line->text, line->length, &recorder->error);
            g_atomic_int_add(&recorder->queued, -(gint)line->length);
            line_free(line);
        }
        if (recorder->error == NULL && g_get_monotonic_time() - recorder->flushed_us >= FLUSH_US)
            flush(recorder, &recorder->error);
    }
    if (recorder->error == NULL)
        finish(recorder, &recorder->error);
    if (close(recorder->fd) < 0 && recorder->error == NULL)
        g_set_error(&recorder->error, VB_ERROR, VB_ERROR_FAILED, "cannot write: %s",
                    g_strerror(errno));
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_callback(source, on_finished, recorder, NULL);
    g_source_attach(source, recorder->context);
    return NULL;
}

/* --- the tick's side ------------------------------------------------------------------------ */

static void
push(VbRecorder *recorder, char *text, gboolean last)
{
    Line *line = g_new0(Line, 1);
    *line = (Line){text, text != NULL ? strlen(text) : 0, last};
    g_atomic_int_add(&recorder->queued, (gint)line->length);
    g_async_queue_push(recorder->queue, line);
}

/* A line that is longer than the queue may wait there alone. */
static void
push_node(VbRecorder *recorder, JsonNode *node)
{
    char *text = vb_codec_text(node, FALSE);
    gint queued = g_atomic_int_get(&recorder->queued);
    gsize length = strlen(text);
    json_node_unref(node);
    if (length <= VB_CODEC_SIZE_MAX && (queued == 0 || queued + length <= QUEUE_MAX)) {
        push(recorder, text, FALSE);
        return;
    }
    g_free(text);
    recorder->too_slow = TRUE;
    vb_recorder_end(recorder);
}

static void
on_event(const VbTickEvent *event, gpointer data)
{
    push_node(data, vb_recording_event(event));
}

static void
push_beginning(VbRecorder *recorder, const char *uri)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *begun = g_date_time_format_iso8601(now);
    g_autofree char *host = g_utf8_make_valid(g_get_host_name(), -1);
    g_autofree char *where = uri != NULL ? g_utf8_make_valid(uri, -1) : NULL;
    VbRecordingHead head = {.program = (char *)"vmbalancer " VB_VERSION,
                            .host = host,
                            .uri = where,
                            .begun = begun};
    push_node(recorder, vb_recording_head(&head));
    push_node(recorder, vb_recording_state(recorder->tick));
}

static gboolean
on_finished(gpointer data)
{
    VbRecorder *recorder = data;
    g_clear_pointer(&recorder->thread, g_thread_join);
    vb_recorder_end(recorder);
    g_autoptr(GError) error = g_steal_pointer(&recorder->error);
    if (error == NULL && recorder->too_slow)
        g_set_error_literal(&error, VB_ERROR, VB_ERROR_FAILED,
                            "the disk does not keep pace with what is to be written");
    recorder->ended(recorder, recorder->reason, error, recorder->user_data);
    return G_SOURCE_REMOVE;
}

static gboolean
check(const VbRecorderOptions *options, GError **error)
{
    struct stat status;
    int flags = fcntl(options->fd, F_GETFL);
    if (flags < 0 || fstat(options->fd, &status) < 0 || !S_ISREG(status.st_mode) ||
        (flags & O_ACCMODE) == O_RDONLY) {
        g_set_error_literal(error, VB_ERROR, VB_ERROR_INVALID,
                            "can record only to a regular file that is open for writing");
        return FALSE;
    }
    if (options->limit_bytes != 0 && options->limit_bytes < VB_RECORDER_LIMIT_MIN) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "a recording's limit is at least %d bytes", VB_RECORDER_LIMIT_MIN);
        return FALSE;
    }
    return TRUE;
}

VbRecorder *
vb_recorder_begin(VbTick *tick, const VbRecorderOptions *options, VbRecorderEnded ended,
                  gpointer user_data, GError **error)
{
    if (!check(options, error)) {
        close(options->fd);
        return NULL;
    }
    VbRecorder *recorder = g_new0(VbRecorder, 1);
    recorder->tick = tick;
    recorder->context = g_main_context_ref_thread_default();
    recorder->ended = ended;
    recorder->user_data = user_data;
    recorder->queue = g_async_queue_new_full(line_free);
    recorder->name = g_strdup(options->name != NULL ? options->name : "recording");
    recorder->limit = options->limit_bytes != 0 ? options->limit_bytes : VB_RECORDER_LIMIT;
    g_mutex_init(&recorder->lock);
    recorder->fd = options->fd;
    recorder->zlib = G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, -1));
    recorder->flushed_us = g_get_monotonic_time();
    push_beginning(recorder, options->uri);
    vb_tick_tap(tick, on_event, recorder);
    recorder->thread = g_thread_new("recorder", run, recorder);
    return recorder;
}

void
vb_recorder_end(VbRecorder *recorder)
{
    if (recorder->tick == NULL)
        return;
    vb_tick_tap(recorder->tick, NULL, NULL);
    recorder->tick = NULL;
    push(recorder, NULL, TRUE);
}

guint64
vb_recorder_bytes(VbRecorder *recorder)
{
    g_mutex_lock(&recorder->lock);
    guint64 written = recorder->written;
    g_mutex_unlock(&recorder->lock);
    return written;
}

const char *
vb_recorder_name(const VbRecorder *recorder)
{
    return recorder->name;
}

void
vb_recorder_free(VbRecorder *recorder)
{
    if (recorder == NULL)
        return;
    g_async_queue_unref(recorder->queue);
    g_main_context_unref(recorder->context);
    g_object_unref(recorder->zlib);
    g_mutex_clear(&recorder->lock);
    g_free(recorder->name);
    g_free(recorder->reason);
    g_free(recorder);
}

int
vb_recorder_open(const char *path, gboolean force, GError **error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (force ? O_TRUNC : O_EXCL),
                  0600);
    if (fd >= 0)
        return fd;
    if (errno == EEXIST)
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "%s is there already: name another file, or add --force", path);
    else
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "cannot open %s: %s", path,
                    g_strerror(errno));
    return -1;
}

int
vb_recorder_open_next(const char *path, GError **error)
{
    g_autofree char *old = g_strconcat(path, ".old", NULL);
    if (rename(path, old) < 0 && errno != ENOENT) {
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED, "cannot rename %s to %s: %s", path, old,
                    g_strerror(errno));
        return -1;
    }
    return vb_recorder_open(path, FALSE, error);
}
