/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hostile QEMU: bytes -> frames -> messages -> every typed reader. The first byte says in which
 * pieces the rest arrives, as sockets cut where they like.
 */
#include "qmp/frame.h"
#include "qmp/message.h"
#include "qmp/parse.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    QmpParseFunc parse;
    GDestroyNotify free;
} readers[] = {
    {qmp_cpus_parse, (GDestroyNotify)g_ptr_array_unref},
    {qmp_iothreads_parse, (GDestroyNotify)g_ptr_array_unref},
    {qmp_memdevs_parse, (GDestroyNotify)g_ptr_array_unref},
    {qmp_memory_devices_parse, (GDestroyNotify)g_ptr_array_unref},
    {qmp_version_parse, (GDestroyNotify)qmp_version_free},
    {qmp_gpa2hva_parse, (GDestroyNotify)qmp_gpa2hva_free},
};

/* The law of all of them: a value or an error, never both, never neither. */
static void
read_every_way(JsonNode *value)
{
    for (gsize i = 0; i < G_N_ELEMENTS(readers); i++) {
        g_autoptr(GError) error = NULL;
        gpointer made = readers[i].parse(value, &error);

        g_assert((made == NULL) == (error != NULL));
        if (made != NULL)
            readers[i].free(made);
    }
}

static void
take_message(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(QmpMessage) message = qmp_message_parse(text, &error);
    g_autoptr(JsonNode) value = NULL;

    g_assert((message == NULL) == (error != NULL));
    if (message == NULL)
        return;
    value = qmp_message_take_return(message, "fuzz", &error);
    g_assert((value == NULL) == (error != NULL));
    if (value != NULL)
        read_every_way(value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(QmpFrame) frame = qmp_frame_new();
    const char *at = (const char *)data + 1;
    gboolean sane = TRUE;
    gsize piece, left;

    if (size < 2)
        return 0;
    piece = data[0] != 0 ? data[0] : 65536;
    left = size - 1;
    while (left > 0 && sane) {
        gsize len = MIN(piece, left);

        left -= len;
        while (len > 0 && sane) {
            g_autofree char *text = NULL;
            g_autoptr(GError) error = NULL;

            sane = qmp_frame_feed(frame, &at, &len, &text, &error);
            g_assert(sane == (error == NULL));
            if (text != NULL)
                take_message(text);
        }
    }
    return 0;
}
