/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/top.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/top_screen.h"
#include <curses.h>
#include <glib-unix.h>
#include <stdio.h>
#include <unistd.h>
#include <vmbalancer/error.h>

/* The user's side and the looking side; what both touch is under the lock. */
typedef struct {
    const VbTopOptions *options;
    const VbStyle *style;
    VbTopView *view;
    GMainLoop *loop;
    GCancellable *cancellable;
    gboolean screen; /* else lines */
    gboolean began;  /* a look was good */
    guint looks;     /* shown so far */
    GError *error;   /* why it ends early */

    GMutex lock;
    GCond wake; /* the looking thread waits on it */
    gboolean stop;
    gboolean paused;
    gboolean now; /* look without waiting */
    guint interval_ms;
    gboolean fresh; /* the next two hold a look that was not shown yet */
    VbTopSight sight;
    GError *look_error;
} Top;

static void
quit(Top *top)
{
    g_main_loop_quit(top->loop);
}

static void
print_lines(Top *top)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *time = g_date_time_format(now, "%H:%M:%S");
    g_autoptr(GString) text = g_string_new(NULL);
    vb_top_lines(top->view->sight.snapshot, time, !top->began, top->style->utf8, text);
    if (fputs(text->str, stdout) >= 0 && fflush(stdout) == 0)
        return;
    g_set_error(&top->error, VB_ERROR, VB_ERROR_FAILED, "standard output could not be written");
    quit(top);
}

/* A look that fails is shown and tried again: libvirt restarts in the life of a host. */
static void
take_failure(Top *top, GError *error)
{
    if (!top->began) {
        g_propagate_error(&top->error, error);
        quit(top);
        return;
    }
    vb_top_view_fail(top->view, error);
    g_autofree char *shown = vb_text_shown(error->message, top->style->utf8);
    if (!top->screen)
        g_printerr("vmbalancer: %s\n", shown);
    g_error_free(error);
}

/* In the main context, after the looking thread left something. */
static gboolean
take_look(gpointer user_data)
{
    Top *top = user_data;
    g_mutex_lock(&top->lock);
    VbTopSight sight = top->sight;
    GError *error = g_steal_pointer(&top->look_error);
    gboolean fresh = top->fresh;
    top->sight = (VbTopSight){0};
    top->fresh = FALSE;
    g_cond_signal(&top->wake);
    g_mutex_unlock(&top->lock);
    if (!fresh)
        return G_SOURCE_REMOVE;
    if (error != NULL) {
        take_failure(top, error);
    } else {
        vb_top_view_update(top->view, &sight);
        if (!top->screen)
            print_lines(top);
        top->began = TRUE;
    }
    if (top->screen)
        vb_top_screen_draw(top->view);
    if (++top->looks == top->options->count)
        quit(top);
    return G_SOURCE_REMOVE;
}

/*
 * Waits for the next look's time, which the user may change, and until the last look was shown, so
 * that none is lost where showing is slow. Returns: FALSE to end.
 */
static gboolean
wait_for_turn(Top *top, gint64 began)
{
    g_mutex_lock(&top->lock);
    while (!top->stop) {
        gint64 due = began + (gint64)top->interval_ms * 1000;
        if (top->fresh || (top->paused && !top->now))
            g_cond_wait(&top->wake, &top->lock);
        else if (top->now || g_get_monotonic_time() >= due)
            break;
        else
            g_cond_wait_until(&top->wake, &top->lock, due);
    }
    top->now = FALSE;
    gboolean go_on = !top->stop;
    g_mutex_unlock(&top->lock);
    return go_on;
}

static gpointer
look_on(gpointer user_data)
{
    Top *top = user_data;
    gint64 began;
    do {
        VbTopSight sight = {0};
        GError *error = NULL;
        began = g_get_monotonic_time();
        gboolean good =
            top->options->look(&sight, top->options->user_data, top->cancellable, &error);
        g_mutex_lock(&top->lock);
        top->sight = sight;
        top->look_error = good ? NULL : error;
        top->fresh = TRUE;
        g_mutex_unlock(&top->lock);
        g_idle_add(take_look, top);
    } while (wait_for_turn(top, began));
    return NULL;
}

/* Tells the looking thread what the user wants. */
static void
tell(Top *top, gboolean now)
{
    g_mutex_lock(&top->lock);
    top->paused = top->view->paused;
    top->interval_ms = top->view->interval_ms;
    top->now = now;
    g_cond_signal(&top->wake);
    g_mutex_unlock(&top->lock);
}

static void
type_delay(Top *top, int key)
{
    GString *entry = top->view->entry;
    if (key == '\n' || key == '\r' || key == KEY_ENTER) {
        if (!vb_top_view_set_delay(top->view))
            beep();
        tell(top, FALSE);
    } else if (key == 27) {
        g_string_free(entry, TRUE);
        top->view->entry = NULL;
    } else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
        g_string_truncate(entry, entry->len > 0 ? entry->len - 1 : 0);
    } else if ((g_ascii_isdigit(key) || key == '.') && key < 128 && entry->len < 8) {
        g_string_append_c(entry, (char)key);
    }
}

/* Returns: FALSE if @key does not scroll. */
static gboolean
scroll_by(Top *top, int key)
{
    guint rows = vb_top_screen_rows(top->view);
    int page = (int)MAX(rows, 1);
    const struct {
        int key;
        int rows;
    } steps[] = {
        {KEY_UP, -1},
        {KEY_DOWN, 1},
        {'k', -1},
        {'j', 1},
        {KEY_PPAGE, -page},
        {KEY_NPAGE, page},
        {KEY_HOME, -G_MAXINT / 2},
        {KEY_END, G_MAXINT / 2},
    };
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        if (steps[i].key != key)
            continue;
        vb_top_view_scroll(top->view, steps[i].rows, rows);
        return TRUE;
    }
    return FALSE;
}

static void
press(Top *top, int key)
{
    VbTopView *view = top->view;
    if (view->entry != NULL) {
        type_delay(top, key);
    } else if (view->help) {
        view->help = FALSE;
    } else if (scroll_by(top, key)) {
        return;
    } else if (key == 'q' || key == 'Q') {
        quit(top);
    } else if (key == 's') {
        vb_top_view_sort(view, (VbTopSort)((view->sort + 1) % VB_TOP_SORTS));
    } else if (key == ' ') {
        view->paused = !view->paused;
        tell(top, !view->paused);
    } else if (key == 'r') {
        tell(top, TRUE);
    } else if (key == 'd') {
        view->entry = g_string_new(NULL);
    } else if (key == '?' || key == 'h') {
        view->help = TRUE;
    }
}

static gboolean
on_keys(int fd, GIOCondition condition, gpointer user_data)
{
    Top *top = user_data;
    if ((condition & (G_IO_HUP | G_IO_ERR)) != 0) {
        quit(top);
        return G_SOURCE_REMOVE;
    }
    for (int key = vb_terminal_key(); key != ERR; key = vb_terminal_key())
        press(top, key);
    vb_top_screen_draw(top->view);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_end(gpointer user_data)
{
    quit(user_data);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_resize(gpointer user_data)
{
    Top *top = user_data;
    vb_terminal_resize();
    vb_top_screen_draw(top->view);
    return G_SOURCE_CONTINUE;
}

/* Both sides meet here at the end; the terminal is given back before a slow look is waited for. */
static void
run(Top *top)
{
    g_autoptr(GThread) thread = g_thread_new("look", look_on, top);
    g_main_loop_run(top->loop);
    vb_terminal_close();
    g_cancellable_cancel(top->cancellable);
    g_mutex_lock(&top->lock);
    top->stop = TRUE;
    g_cond_signal(&top->wake);
    g_mutex_unlock(&top->lock);
    g_thread_join(g_steal_pointer(&thread));
    while (g_source_remove_by_user_data(top))
        ;
    vb_top_sight_clear(&top->sight);
    g_clear_error(&top->look_error);
}

gboolean
vb_top_run(const VbTopOptions *options, const VbStyle *style, GError **error)
{
    Top top = {.options = options, .style = style, .interval_ms = options->interval_ms};
    top.screen = !options->lines && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    g_unix_signal_add(SIGINT, on_end, &top);
    g_unix_signal_add(SIGTERM, on_end, &top);
    g_unix_signal_add(SIGHUP, on_end, &top);
    if (top.screen) {
        /* Before curses, which leaves a signal alone that has a handler. */
        g_unix_signal_add(SIGWINCH, on_resize, &top);
        if (!vb_terminal_open(style, error)) {
            while (g_source_remove_by_user_data(&top))
                ;
            return FALSE;
        }
        g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_keys, &top);
    }
    top.view = vb_top_view_new(options->interval_ms);
    top.loop = g_main_loop_new(NULL, FALSE);
    top.cancellable = g_cancellable_new();
    g_mutex_init(&top.lock);
    g_cond_init(&top.wake);
    if (top.screen)
        vb_top_screen_draw(top.view);
    run(&top);
    vb_top_view_free(top.view);
    g_main_loop_unref(top.loop);
    g_object_unref(top.cancellable);
    g_mutex_clear(&top.lock);
    g_cond_clear(&top.wake);
    if (top.error == NULL)
        return TRUE;
    g_propagate_error(error, top.error);
    return FALSE;
}
