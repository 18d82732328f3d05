/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/terminal.h"
#include "cli/text.h"
#include <curses.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <term.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* Curses has one screen a process. */
static struct {
    SCREEN *terminal;
    VbStyle style;
    attr_t tints[VB_TINT_POOR + 1];
} screen;

static void
choose_tints(void)
{
    static const struct {
        VbTint tint;
        short colour;
    } colours[] = {
        {VB_TINT_GOOD, COLOR_GREEN}, {VB_TINT_FAIR, COLOR_YELLOW}, {VB_TINT_POOR, COLOR_RED}};
    screen.tints[VB_TINT_BOLD] = A_BOLD;
    screen.tints[VB_TINT_DIM] = A_DIM;
    if (!screen.style.colour || !has_colors())
        return;
    start_color();
    use_default_colors();
    for (guint i = 0; i < G_N_ELEMENTS(colours); i++) {
        init_pair((short)(i + 1), colours[i].colour, -1);
        screen.tints[colours[i].tint] = (attr_t)COLOR_PAIR(i + 1);
    }
}

/* newterm() takes "dumb" and the like, on which all would end up on one line. */
static gboolean
can_move_cursor(void)
{
    int unknown;
    if (setupterm(NULL, STDOUT_FILENO, &unknown) != OK)
        return FALSE;
    const char *sequence = tigetstr("cup");
    gboolean can = sequence != NULL && sequence != (const char *)-1;
    del_curterm(cur_term); /* newterm() makes its own */
    return can;
}

gboolean
vb_terminal_open(const VbStyle *style, GError **error)
{
    screen.style = *style;
    /* Not initscr(), which ends the program where it fails. */
    screen.terminal = can_move_cursor() ? newterm(NULL, stdout, stdin) : NULL;
    if (screen.terminal == NULL) {
        const char *type = g_getenv("TERM");
        g_autofree char *shown = vb_text_shown(type != NULL ? type : "", style->utf8);
        g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED,
                    "a terminal of type \"%s\" (TERM) cannot show a live screen: use --lines",
                    shown);
        return FALSE;
    }
    choose_tints();
    cbreak();
    noecho();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    return TRUE;
}

void
vb_terminal_close(void)
{
    if (screen.terminal == NULL)
        return;
    endwin();
    delscreen(screen.terminal);
    screen.terminal = NULL;
}

void
vb_terminal_resize(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        resizeterm(size.ws_row, size.ws_col);
    clear();
}

int
vb_terminal_key(void)
{
    return getch();
}

const VbStyle *
vb_terminal_style(void)
{
    return &screen.style;
}

guint
vb_terminal_tint(VbTint tint)
{
    return screen.tints[tint];
}
