/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/style.h"
#include <sys/ioctl.h>
#include <unistd.h>

/* SGR sequences (ECMA-48), by tint; the sixteen colours that every terminal's theme defines. */
static const char *const sequences[] = {
    [VB_TINT_NONE] = NULL,       [VB_TINT_BOLD] = "\033[1m",  [VB_TINT_DIM] = "\033[2m",
    [VB_TINT_GOOD] = "\033[32m", [VB_TINT_FAIR] = "\033[33m", [VB_TINT_POOR] = "\033[31m",
};

/* By the convention of no-color.org: set and not empty. */
static gboolean
wants_colour(void)
{
    const char *no_color = g_getenv("NO_COLOR");
    return (no_color == NULL || *no_color == '\0') && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

static guint
columns(int fd)
{
    guint64 value;
    const char *named = g_getenv("COLUMNS");
    if (named != NULL && g_ascii_string_to_unsigned(named, 10, 1, 10000, &value, NULL))
        return (guint)value;
    struct winsize size;
    if (isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0)
        return size.ws_col;
    return 0;
}

VbStyle
vb_style_for(int fd)
{
    return (VbStyle){
        .colour = isatty(fd) && wants_colour(),
        .utf8 = g_get_charset(NULL),
        .width = columns(fd),
    };
}

void
vb_style_paint(const VbStyle *style, VbTint tint, const char *text, GString *into)
{
    if (!style->colour || sequences[tint] == NULL || *text == '\0') {
        g_string_append(into, text);
        return;
    }
    g_string_append(into, sequences[tint]);
    g_string_append(into, text);
    g_string_append(into, "\033[0m");
}

VbTint
vb_style_locality(guint locality_bp)
{
    return locality_bp >= 9000 ? VB_TINT_GOOD : locality_bp >= 7000 ? VB_TINT_FAIR : VB_TINT_POOR;
}
