/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/errand.h"
#include "engine/loop_private.h"

G_BEGIN_DECLS

/* What the loop and its errands say to each other. */

/** A request with what it points to. */
typedef struct {
    VbPlanRequest request;
    char **guests;
    char *policy;
} VbAsk;

void vb_ask_init(VbAsk *ask, const VbPlanRequest *request);
void vb_ask_clear(VbAsk *ask);

/** A flight of that errand is over. */
void vb_errand_landed(VbErrand *errand, const VbFlight *flight);
/** Lets fly what may. */
void vb_errands_advance(VbLoop *loop);
/** The loop stops. */
void vb_errands_cancel(VbLoop *loop);
/** Takes that guest out of what errands have not begun. */
void vb_errands_withdraw(VbLoop *loop, const char *uuid, const char *reason);

G_END_DECLS
