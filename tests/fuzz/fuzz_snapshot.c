/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/codec.h"
#include <stdint.h>

/*
 * Text that claims to be a snapshot or an observation. What is taken must be usable by those who
 * get it, and come back the same from its own text.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use(const VbSnapshot *snapshot)
{
    guint locality;
    vb_snapshot_locality(snapshot, &locality);
    g_autoptr(JsonNode) status = vb_codec_status(snapshot);
    g_autofree char *text = vb_codec_text(status, TRUE);
    g_assert_true(g_utf8_validate(text, -1, NULL));
}

static void
check_snapshot(const char *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbSnapshot) snapshot = vb_codec_snapshot_parse(data, (gssize)size, &error);
    g_assert_true((snapshot == NULL) == (error != NULL));
    if (snapshot == NULL)
        return;
    use(snapshot);
    g_autoptr(JsonNode) node = vb_codec_snapshot(snapshot);
    g_autofree char *text = vb_codec_text(node, FALSE);
    g_autoptr(VbSnapshot) again = vb_codec_snapshot_parse(text, -1, &error);
    g_assert_no_error(error);
    g_autoptr(JsonNode) node_again = vb_codec_snapshot(again);
    g_autofree char *text_again = vb_codec_text(node_again, FALSE);
    g_assert_cmpstr(text, ==, text_again);
}

static void
check_observation(const char *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbObservation) observation = vb_codec_observation_parse(data, (gssize)size, &error);
    g_assert_true((observation == NULL) == (error != NULL));
    if (observation == NULL)
        return;
    g_autoptr(JsonNode) node = vb_codec_observation(observation);
    g_autofree char *text = vb_codec_text(node, FALSE);
    g_autoptr(VbObservation) again = vb_codec_observation_parse(text, -1, &error);
    g_assert_no_error(error);
    g_autoptr(JsonNode) node_again = vb_codec_observation(again);
    g_autofree char *text_again = vb_codec_text(node_again, FALSE);
    g_assert_cmpstr(text, ==, text_again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_snapshot((const char *)data, size);
    check_observation((const char *)data, size);
    return 0;
}
