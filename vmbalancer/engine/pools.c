/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/state.h"
#include "engine/private.h"

/* Hugepages that moves borrow: between the configuration, what is seen, and act/broker.h. */

VbBroker
vb_engine_broker(const VbEngine *engine)
{
    return (VbBroker){
        .kernel = engine->observer.kernel,
        .state_dir = vb_state_default_dir(),
        .limit_bytes = engine->config->limits.hugepages_borrow_bytes,
    };
}

void
vb_engine_warn(const VbEngine *engine, const GError *error)
{
    if (engine->warn != NULL)
        engine->warn(error->message);
}

void
vb_engine_apply_host(VbEngine *engine, VbObservation *host)
{
    VbBroker broker = vb_engine_broker(engine);
    g_autoptr(GError) error = NULL;
    vb_config_apply_host(engine->config, host);
    if (vb_broker_offer(&broker, host->reserve_bytes, &host->topology, &error)) {
        g_atomic_int_set(&engine->unlent, FALSE);
        return;
    }
    if (g_atomic_int_compare_and_exchange(&engine->unlent, FALSE, TRUE))
        vb_engine_warn(engine, error);
}

void
vb_engine_settle(const VbEngine *engine, VbBrokerEnded ended, gpointer user_data)
{
    VbBroker broker = vb_engine_broker(engine);
    g_autoptr(GError) error = NULL;
    if (!vb_broker_settle(&broker, ended, user_data, &error))
        g_debug("%s", error->message);
}
