/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/json_text.h"
#include "sim/run.h"
#include <stdint.h>

/*
 * Text that claims to be a scenario. It is refused with a reason, or it lives for some seconds and what
 * is written of it reads back as the same.
 */

#define SECOND G_GINT64_CONSTANT(1000000000)
/* Larger worlds are as good, but slow. */
#define VCPUS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
text_of(const VbScenario *scenario)
{
    g_autoptr(JsonNode) document = vb_scenario_document(scenario);
    return vb_json_text_write(document, FALSE);
}

static void
check_reads_back(const VbScenario *scenario)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *once = text_of(scenario);
    g_autoptr(VbScenario) again = vb_scenario_parse(once, -1, &error);
    g_assert_no_error(error);
    g_autofree char *twice = text_of(again);
    g_assert_cmpstr(once, ==, twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbScenario) scenario = vb_scenario_parse((const char *)data, (gssize)size, &error);
    g_assert_true((scenario == NULL) == (error != NULL));
    if (scenario == NULL || vb_scenario_vcpus(scenario) > VCPUS_MAX)
        return 0;
    check_reads_back(scenario);
    scenario->duration_ns = MIN(scenario->duration_ns, 10 * SECOND);
    /* Settings may name parameters that no policy has. */
    g_autoptr(VbTrace) trace = vb_sim_run(scenario, "home-node", 1, VB_TRACE_GUESTS, &error);
    g_assert_true((trace == NULL) == (error != NULL));
    return 0;
}
