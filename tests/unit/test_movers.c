/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Movers that are kept between looks: the real program, taken and given back. */
#include "engine/movers.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many processes this one has started and not ended; the last of them. */
static guint
children(pid_t *ret_last)
{
    g_autofree char *text = NULL;
    guint count = 0;
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", getpid());
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    for (char *at = g_strstrip(text); *at != '\0'; count++) {
        *ret_last = (pid_t)strtol(at, &at, 10);
        while (*at == ' ')
            at++;
    }
    return count;
}

static VbMover *
take(VbMovers *movers)
{
    g_autoptr(GError) error = NULL;
    VbMover *mover = vb_movers_take(movers, &error);
    g_assert_no_error(error);
    return mover;
}

static void
is_taken_again(void)
{
    g_autoptr(VbMovers) movers = vb_movers_new();
    pid_t first, second;
    VbMover *mover = take(movers);
    g_assert_cmpuint(children(&first), ==, 1);
    vb_movers_give(movers, mover);
    mover = take(movers);
    g_assert_cmpuint(children(&second), ==, 1);
    g_assert_cmpint(first, ==, second);
    vb_movers_give(movers, mover);
}

static void
is_nobody_elses_meanwhile(void)
{
    g_autoptr(VbMovers) movers = vb_movers_new();
    pid_t last;
    VbMover *mover[3] = {take(movers), take(movers), take(movers)};
    g_assert_cmpuint(children(&last), ==, 3);
    for (guint i = 0; i < G_N_ELEMENTS(mover); i++)
        vb_movers_give(movers, mover[i]);
    g_assert_cmpuint(children(&last), ==, 2);
}

static void
is_replaced_when_it_died(void)
{
    g_autoptr(VbMovers) movers = vb_movers_new();
    pid_t first, second;
    VbMover *mover = take(movers);
    children(&first);
    vb_movers_give(movers, mover);
    kill(first, SIGKILL);
    while (vb_mover_is_sound(mover))
        g_usleep(1000);
    mover = take(movers);
    g_assert_cmpuint(children(&second), ==, 1);
    g_assert_cmpint(first, !=, second);
    kill(second, SIGKILL);
    while (vb_mover_is_sound(mover))
        g_usleep(1000);
    vb_movers_give(movers, mover);
    g_assert_cmpuint(children(&second), ==, 0);
}

static void
are_ended_at_the_end(void)
{
    pid_t last;
    g_assert_cmpuint(children(&last), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/movers/is-taken-again", is_taken_again);
    g_test_add_func("/movers/is-nobody-elses-meanwhile", is_nobody_elses_meanwhile);
    g_test_add_func("/movers/is-replaced-when-it-died", is_replaced_when_it_died);
    g_test_add_func("/movers/are-ended-at-the-end", are_ended_at_the_end);
    return g_test_run();
}
