/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <bus_generated.h>

G_BEGIN_DECLS

/*
 * A daemon of a test's own on a bus of its own: the generated skeletons with answers that the test
 * writes, turned by a thread, so that the test can wait for the command meanwhile. The bus is the
 * system bus of what the test starts.
 */

/** How it takes a call. */
typedef enum {
    FAKE_ANSWERS,
    FAKE_FAILS,  /**< with @error_name and @error_message */
    FAKE_SILENT, /**< never answers a method */
    FAKE_DIES,   /**< leaves the bus instead of answering */
} FakeManner;

typedef struct FakeService FakeService;

/** What it answers; to be changed while no command runs. Everything is borrowed. */
typedef struct {
    FakeManner manner;
    const char *error_name;
    const char *error_message;
    const char *snapshot; /**< GetSnapshot(), and beside the plan */
    const char *plan;
    const char *policy;
    const char *release;
    gboolean live; /**< SetPolicy(), UnsetPolicy() */
    gboolean config;
    gboolean recording_ends; /**< by itself, at once */
    const char *const *job_states; /**< of the job, one after the other until NULL, 50 ms apart */
    const char *job_result;        /**< with the last of them, or with "cancelled" */
    const char *job_error;         /**< with the last of them */
    const char *job_error_message;
    gboolean job_stays; /**< it does not end by being cancelled */
} FakeAnswers;

/** A bus with a daemon that serves @uri. */
FakeService *fake_service_new(const char *uri);
/** Ends both; the bus of what is started then is none. */
void fake_service_free(FakeService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeService, fake_service_free)

FakeAnswers *fake_service_answers(FakeService *service);
/** What was asked since, a line each: "GetSnapshot({'fresh': <true>},)". (transfer full) */
char *fake_service_asked(FakeService *service);
/** Waits until what was asked has @line in it. */
void fake_service_wait(FakeService *service, const char *line);
/** Answers nothing at all, properties included, until that is taken back. */
void fake_service_stick(FakeService *service, gboolean stuck);
/** Leaves the bus, as a daemon that ends. */
void fake_service_leave(FakeService *service);

G_END_DECLS
