/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/replay.h"
#include <stdint.h>
#include <string.h>

/*
 * Text that claims to be a recording, uncompressed. Each line is replayed or refused with a reason, and
 * what the replay then knows can be written down and read back.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_state(VbReplay *replay)
{
    VbTick *tick = vb_replay_tick(replay);
    if (tick == NULL)
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) line = vb_recording_state(tick);
    JsonObject *state = json_object_get_object_member(json_node_get_object(line), "state");
    g_autoptr(VbTick) again = vb_recording_read_state(state, &error);
    g_assert_no_error(error);
    g_assert_nonnull(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(VbReplay) replay = vb_replay_new();
    g_autoptr(GError) error = NULL;
    const char *text = (const char *)data, *end = text + size;
    while (text < end && error == NULL) {
        const char *next = memchr(text, '\n', (size_t)(end - text));
        next = next != NULL ? next : end;
        gboolean good = vb_replay_line(replay, text, (gsize)(next - text), &error);
        g_assert_true(good == (error == NULL));
        text = next + 1;
    }
    if (error == NULL)
        check_state(replay);
    return 0;
}
