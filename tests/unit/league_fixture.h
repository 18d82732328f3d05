/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sim/league.h"

/* Runs that were never run: made up, so that what they score can be told by hand. */

#define FIXTURE_SECOND G_GINT64_CONSTANT(1000000000)
#define FIXTURE_GIB (G_GUINT64_CONSTANT(1) << 30)
/* What a guest's owner may call it. */
#define FIXTURE_HOSTILE "</script><script>document.title='owned'</script><img src=x onerror=fetch('//x.example')> \u202e@DATA@ \"'&amp;"

/** An empty run on a host of four nodes. */
VbTrace *fixture_trace(const char *scenario, const char *policy);
/** Lets @duration pass in which @accesses were made, @local of them local; all else as before. */
VbMoment *fixture_pass(VbTrace *trace, gint64 duration_ns, guint64 accesses, guint64 local);
/** A league of two scenarios and four policies, with a hostile name in each place that has one. */
VbLeague *fixture_league(void);
