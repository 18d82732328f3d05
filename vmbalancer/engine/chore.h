/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * Blocking work that somebody outside asked for, on a few threads of its own: looks and flights
 * have theirs, however much is asked.
 */
typedef struct VbChores VbChores;

/** @max: how many may wait or be done at a time */
VbChores *vb_chores_new(guint max);
/** Waits for what is under way. */
void vb_chores_free(VbChores *chores);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VbChores, vb_chores_free)

/**
 * As g_task_run_in_thread(). The task returns VB_ERROR_FAILED without having been run if too many
 * are under way.
 */
void vb_chores_run(VbChores *chores, GTask *task, GTaskThreadFunc func);

G_END_DECLS
