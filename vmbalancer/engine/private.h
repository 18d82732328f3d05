/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/model.h"
#include "engine/engine.h"

G_BEGIN_DECLS

/* The engine's inside, shared by its files only. */
struct VbEngine {
    VbConfig *config;
    VbHypervisor *hypervisor;
    VbMover *mover;          /* for looking; moves have movers of their own */
    GMutex mover_lock;       /* find_ram() runs on several workers */
    VbObserver observer;
    VbModel *model;
    VbObservation *full;     /* the last full look */
    guint deadline_ms;
};

G_END_DECLS
