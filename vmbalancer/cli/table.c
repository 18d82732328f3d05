/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/table.h"
#include "cli/text.h"

#define GAP 2
#define NONE G_MAXUINT

typedef struct {
    char *text; /* shown */
    guint width;
    VbTint tint;
} Cell;

struct VbTable {
    VbStyle style;
    GArray *columns; /* of VbColumn */
    GArray *cells;   /* of Cell; the first row holds the titles */
};

static void
clear_cell(gpointer data)
{
    g_free(((Cell *)data)->text);
}

static void
append_cell(GArray *cells, gboolean utf8, VbTint tint, const char *text)
{
    Cell cell = {.text = vb_text_shown(text, utf8), .tint = tint};
    cell.width = vb_text_width(cell.text);
    g_array_append_val(cells, cell);
}

VbTable *
vb_table_new(const VbStyle *style, const VbColumn *columns)
{
    VbTable *table = g_new0(VbTable, 1);
    table->style = *style;
    table->columns = g_array_new(FALSE, FALSE, sizeof(VbColumn));
    table->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
    g_array_set_clear_func(table->cells, clear_cell);
    for (; columns->title != NULL; columns++)
        vb_table_add_column(table, columns);
    return table;
}

void
vb_table_free(VbTable *table)
{
    if (table == NULL)
        return;
    g_array_unref(table->columns);
    g_array_unref(table->cells);
    g_free(table);
}

void
vb_table_add_column(VbTable *table, const VbColumn *column)
{
    g_assert(table->cells->len == table->columns->len);
    append_cell(table->cells, table->style.utf8, VB_TINT_BOLD, column->title);
    VbColumn kept = *column;
    kept.title = NULL; /* the caller's; its text is in the first row now */
    g_array_append_val(table->columns, kept);
}

void
vb_table_add(VbTable *table, VbTint tint, const char *text)
{
    append_cell(table->cells, table->style.utf8, tint, text);
}

void
vb_table_take(VbTable *table, VbTint tint, char *text)
{
    vb_table_add(table, tint, text);
    g_free(text);
}

static const VbColumn *
column_at(const VbTable *table, guint at)
{
    return &g_array_index(table->columns, VbColumn, at);
}

/* What each column needs; a column that nothing is in at all, title included, takes no room. */
static void
measure(const VbTable *table, guint first, guint *width)
{
    for (guint i = first; i < table->cells->len; i++) {
        const Cell *cell = &g_array_index(table->cells, Cell, i);
        guint *column = &width[i % table->columns->len];
        *column = MAX(*column, cell->width);
    }
}

static guint
sum_of(const guint *width, guint length)
{
    guint sum = 0;
    for (guint i = 0; i < length; i++)
        if (width[i] > 0)
            sum += width[i] + (sum > 0 ? GAP : 0);
    return sum;
}

/* The widest column that may still shrink, NONE if there is none. */
static guint
find_shrinkable(const VbTable *table, const guint *width)
{
    guint widest = NONE;
    for (guint i = 0; i < table->columns->len; i++) {
        const VbColumn *column = column_at(table, i);
        if (column->least == 0 || width[i] <= column->least)
            continue;
        if (widest == NONE || width[i] > width[widest])
            widest = i;
    }
    return widest;
}

/* The highest rank that is still there, 0 if all that are left must stay. */
static guint
highest_rank(const VbTable *table, const guint *width)
{
    guint rank = 0;
    for (guint i = 0; i < table->columns->len; i++)
        if (width[i] > 0)
            rank = MAX(rank, column_at(table, i)->rank);
    return rank;
}

/* The least that the columns which are still there can do with. */
static guint
least_of(const VbTable *table, const guint *width)
{
    guint sum = 0;
    for (guint i = 0; i < table->columns->len; i++) {
        guint least = column_at(table, i)->least;
        if (width[i] > 0)
            sum += (least > 0 ? MIN(least, width[i]) : width[i]) + (sum > 0 ? GAP : 0);
    }
    return sum;
}

static void
fit(const VbTable *table, guint room, guint *width)
{
    for (guint rank; least_of(table, width) > room;) {
        rank = highest_rank(table, width);
        if (rank == 0)
            break;
        for (guint i = 0; i < table->columns->len; i++)
            if (column_at(table, i)->rank == rank)
                width[i] = 0;
    }
    for (guint at; sum_of(width, table->columns->len) > room;) {
        at = find_shrinkable(table, width);
        if (at == NONE)
            break;
        width[at]--;
    }
}

static void
paint_spaces(guint count, VbTablePaint paint, gpointer user_data)
{
    g_autofree char *spaces = g_strnfill(count, ' ');
    if (count > 0)
        paint(VB_TINT_NONE, spaces, user_data);
}

static void
paint_row(const VbTable *table, const guint *width, guint row, guint indent, VbTablePaint paint,
          gpointer user_data)
{
    guint owed = indent; /* spaces, paid only when something follows */
    for (guint i = 0; i < table->columns->len; i++) {
        if (width[i] == 0)
            continue;
        const Cell *cell = &g_array_index(table->cells, Cell, row * table->columns->len + i);
        g_autofree char *text = vb_text_fit(cell->text, width[i], table->style.utf8);
        guint rest = width[i] - MIN(vb_text_width(text), width[i]);
        gboolean right = column_at(table, i)->right;
        if (*text != '\0') {
            paint_spaces(owed + (right ? rest : 0), paint, user_data);
            paint(cell->tint, text, user_data);
            owed = right ? 0 : rest;
        } else {
            owed += width[i];
        }
        owed += GAP;
    }
    paint(VB_TINT_NONE, "\n", user_data);
}

/* Returns: (transfer full): the width of each column, 0 for one that goes. */
static guint *
lay_out(const VbTable *table, guint first_row, guint indent)
{
    guint *width = g_new0(guint, table->columns->len);
    measure(table, first_row * table->columns->len, width);
    if (table->style.width > 0)
        fit(table, table->style.width > indent ? table->style.width - indent : 1, width);
    return width;
}

/* Where vb_table_render() paints to. */
typedef struct {
    const VbStyle *style;
    GString *into;
} Text;

static void
paint_text(VbTint tint, const char *text, gpointer user_data)
{
    const Text *target = user_data;
    vb_style_paint(target->style, tint, text, target->into);
}

static void
render_from(const VbTable *table, guint row, guint indent, GString *into)
{
    g_autofree guint *width = lay_out(table, row, indent);
    Text target = {&table->style, into};
    for (; row <= vb_table_length(table); row++)
        paint_row(table, width, row, indent, paint_text, &target);
}

guint
vb_table_length(const VbTable *table)
{
    return table->cells->len / table->columns->len - 1;
}

void
vb_table_render(const VbTable *table, guint indent, GString *into)
{
    render_from(table, 0, indent, into);
}

void
vb_table_render_rows(const VbTable *table, guint indent, GString *into)
{
    render_from(table, 1, indent, into);
}

void
vb_table_paint(const VbTable *table, guint first, guint count, VbTablePaint paint,
               gpointer user_data)
{
    g_autofree guint *width = lay_out(table, 0, 0);
    guint length = vb_table_length(table);
    paint_row(table, width, 0, 0, paint, user_data);
    for (guint row = first; row < length && row - first < count; row++)
        paint_row(table, width, row + 1, 0, paint, user_data);
}
