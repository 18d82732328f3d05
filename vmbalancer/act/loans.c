/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "act/loans.h"
#include "act/state.h"
#include "core/json_read.h"
#include "core/json_text.h"
#include "core/json_write.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <vmbalancer/error.h>

#define NAME "pools.json"
#define SCHEMA "vmbalancer.pools/1"
#define DEPTH_MAX 8
#define SIZE_MAX_BYTES (4 * 1024 * 1024)
#define LOANS_MAX 4096
/* No host has as many pages, and sums of them fit. */
#define PAGES_MAX (G_GINT64_CONSTANT(1) << 40)
#define PAGE_SIZE_MAX (G_GINT64_CONSTANT(1) << 40)
#define TEXT_MAX 64

static void
loan_free(gpointer data)
{
    VbLoan *loan = data;
    g_free(loan->uuid);
    g_free(loan);
}

VbLoans *
vb_loans_new(void)
{
    VbLoans *loans = g_new0(VbLoans, 1);
    loans->loans = g_ptr_array_new_with_free_func(loan_free);
    loans->totals = g_array_new(FALSE, FALSE, sizeof(VbLoanTotal));
    return loans;
}

void
vb_loans_free(VbLoans *loans)
{
    if (loans == NULL)
        return;
    g_ptr_array_unref(loans->loans);
    g_array_unref(loans->totals);
    g_free(loans->step.uuid);
    g_free(loans);
}

/* --- values --------------------------------------------------------------------------------- */

VbLoan *
vb_loans_find(const VbLoans *loans, const char *uuid, guint64 page_size)
{
    for (guint i = 0; i < loans->loans->len; i++) {
        VbLoan *loan = g_ptr_array_index(loans->loans, i);
        if (loan->page_size == page_size && g_str_equal(loan->uuid, uuid))
            return loan;
    }
    return NULL;
}

VbLoan *
vb_loans_open(VbLoans *loans, const char *uuid, guint64 page_size)
{
    VbLoan *loan = vb_loans_find(loans, uuid, page_size);
    if (loan != NULL)
        return loan;
    loan = g_new0(VbLoan, 1);
    loan->uuid = g_strdup(uuid);
    loan->page_size = page_size;
    loan->from = loan->to = VB_NO_NODE;
    g_ptr_array_add(loans->loans, loan);
    return loan;
}

gint64
vb_loan_excess(const VbLoan *loan)
{
    gint64 pages = 0;
    for (guint node = 0; node < VB_NODES_MAX; node++)
        pages += loan->pages[node];
    return pages;
}

gint64
vb_loans_net_bytes(const VbLoans *loans, int node)
{
    __int128 bytes = 0;
    for (guint i = 0; i < loans->loans->len; i++) {
        const VbLoan *loan = g_ptr_array_index(loans->loans, i);
        bytes += (__int128)loan->pages[node] * loan->page_size;
    }
    return (gint64)CLAMP(bytes, G_MININT64 / 2, G_MAXINT64 / 2);
}

void
vb_loans_set_total(VbLoans *loans, guint64 page_size, guint64 pages)
{
    for (guint i = 0; i < loans->totals->len; i++) {
        VbLoanTotal *total = &g_array_index(loans->totals, VbLoanTotal, i);
        if (total->page_size == page_size) {
            total->pages = pages;
            return;
        }
    }
    VbLoanTotal total = {page_size, pages};
    g_array_append_val(loans->totals, total);
}

gboolean
vb_loans_total(const VbLoans *loans, guint64 page_size, guint64 *ret)
{
    for (guint i = 0; i < loans->totals->len; i++) {
        const VbLoanTotal *total = &g_array_index(loans->totals, VbLoanTotal, i);
        if (total->page_size == page_size) {
            *ret = total->pages;
            return TRUE;
        }
    }
    return FALSE;
}

void
vb_loans_take_step(VbLoans *loans, guint64 now)
{
    const VbLoanStep *step = &loans->step;
    guint64 low = MIN(step->before, step->after), high = MAX(step->before, step->after);
    VbLoan *loan = vb_loans_open(loans, step->uuid, step->page_size);
    loan->pages[step->node] += (gint64)CLAMP(now, low, high) - (gint64)step->before;
    g_clear_pointer(&loans->step.uuid, g_free);
}

/* --- the file ------------------------------------------------------------------------------- */

static char *
path_of(const char *dir)
{
    return g_build_filename(dir, NAME, NULL);
}

static void
read_pages(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbLoan *loan = into;
    gint64 node = vb_json_int(reader, object, "node", 0, VB_NODES_MAX - 1);
    loan->pages[node] = vb_json_int(reader, object, "pages", -PAGES_MAX, PAGES_MAX);
}

static char *
read_uuid(VbJsonReader *reader, JsonObject *object)
{
    g_autofree char *uuid = vb_json_text(reader, object, "guest", TEXT_MAX);
    if (uuid != NULL && g_uuid_string_is_valid(uuid))
        return g_steal_pointer(&uuid);
    vb_json_fail(reader, "guest", "no UUID");
    return g_strdup("");
}

static void
read_loan(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbLoans *loans = into;
    g_autofree char *uuid = read_uuid(reader, object);
    VbLoan *loan = vb_loans_open(
        loans, uuid, (guint64)vb_json_int(reader, object, "page_size", 1, PAGE_SIZE_MAX));
    loan->from = (int)vb_json_int(reader, object, "from", VB_NO_NODE, VB_NODES_MAX - 1);
    loan->to = (int)vb_json_int(reader, object, "to", VB_NO_NODE, VB_NODES_MAX - 1);
    vb_json_each(reader, object, "nodes", VB_NODES_MAX, read_pages, loan);
}

static void
read_step(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    VbLoanStep *step = into;
    step->uuid = read_uuid(reader, object);
    step->page_size = (guint64)vb_json_int(reader, object, "page_size", 1, PAGE_SIZE_MAX);
    step->node = (int)vb_json_int(reader, object, "node", 0, VB_NODES_MAX - 1);
    step->before = (guint64)vb_json_int(reader, object, "before", 0, PAGES_MAX);
    step->after = (guint64)vb_json_int(reader, object, "after", 0, PAGES_MAX);
}

static void
read_total(VbJsonReader *reader, JsonObject *object, gpointer into)
{
    guint64 page_size = (guint64)vb_json_int(reader, object, "page_size", 1, PAGE_SIZE_MAX);
    vb_loans_set_total(into, page_size, vb_json_u64(reader, object, "pages"));
}

static VbLoans *
parse(const char *text, gsize length, const char *boot, GError **error)
{
    g_autoptr(JsonNode) document =
        vb_json_text_parse(text, (gssize)length, SCHEMA, DEPTH_MAX, SIZE_MAX_BYTES, error);
    if (document == NULL)
        return NULL;
    JsonObject *object = json_node_get_object(document);
    g_autoptr(VbJsonReader) reader = vb_json_reader_new(SCHEMA);
    g_autoptr(VbLoans) loans = vb_loans_new();
    vb_json_word(reader, object, "schema", (const char *const[]){SCHEMA, NULL});
    g_autofree char *written = vb_json_text(reader, object, "boot", TEXT_MAX);
    if (!vb_json_failed(reader) && g_strcmp0(written, boot) != 0)
        return g_steal_pointer(&loans);
    vb_json_each(reader, object, "loans", LOANS_MAX, read_loan, loans);
    vb_json_each(reader, object, "totals", VB_POOLS_MAX, read_total, loans);
    if (vb_json_has(object, "step"))
        vb_json_inside(reader, object, "step", read_step, &loans->step);
    return vb_json_finish(reader, error) ? g_steal_pointer(&loans) : NULL;
}

gboolean
vb_loans_exist(const char *dir)
{
    g_autofree char *path = path_of(dir);
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    return g_access(path, F_OK) == 0;
}

VbLoans *
vb_loans_load(const char *dir, const char *boot, GError **error)
{
    g_autofree char *path = path_of(dir);
    g_autofree char *text = NULL;
    g_autoptr(GError) why = NULL;
    gsize length = 0;
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    if (!g_file_get_contents(path, &text, &length, &why)) {
        if (g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
            return vb_loans_new();
        gboolean denied = g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_ACCES);
        g_set_error(error, VB_ERROR, denied ? VB_ERROR_DENIED : VB_ERROR_FAILED,
                    "what pools of hugepages owe cannot be read: %s%s", why->message,
                    denied ? "; run as root" : "");
        return NULL;
    }
    VbLoans *loans = parse(text, length, boot, &why);
    if (loans == NULL)
        g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                    "%s: damaged (%s): set the nodes' pools of hugepages (nr_hugepages) as they "
                    "are to be, then remove the file",
                    path, why->message);
    return loans;
}

static gboolean
is_nothing(const VbLoan *loan)
{
    for (guint node = 0; node < VB_NODES_MAX; node++)
        if (loan->pages[node] != 0)
            return FALSE;
    return TRUE;
}

static void
put_loan(JsonArray *array, const VbLoan *loan)
{
    JsonObject *object = vb_json_append_object(array);
    vb_json_put_text(object, "guest", loan->uuid);
    vb_json_put_u64(object, "page_size", loan->page_size);
    json_object_set_int_member(object, "from", loan->from);
    json_object_set_int_member(object, "to", loan->to);
    JsonArray *nodes = vb_json_put_array(object, "nodes");
    for (guint node = 0; node < VB_NODES_MAX; node++) {
        if (loan->pages[node] == 0)
            continue;
        JsonObject *pages = vb_json_append_object(nodes);
        json_object_set_int_member(pages, "node", node);
        json_object_set_int_member(pages, "pages", loan->pages[node]);
    }
}

static char *
text_of(const VbLoans *loans, const char *boot)
{
    g_autoptr(JsonNode) document = vb_json_document(SCHEMA);
    JsonObject *object = json_node_get_object(document);
    vb_json_put_text(object, "boot", boot);
    JsonArray *array = vb_json_put_array(object, "loans");
    for (guint i = 0; i < loans->loans->len; i++)
        if (!is_nothing(g_ptr_array_index(loans->loans, i)))
            put_loan(array, g_ptr_array_index(loans->loans, i));
    JsonArray *totals = vb_json_put_array(object, "totals");
    for (guint i = 0; i < loans->totals->len; i++) {
        const VbLoanTotal *total = &g_array_index(loans->totals, VbLoanTotal, i);
        JsonObject *into = vb_json_append_object(totals);
        vb_json_put_u64(into, "page_size", total->page_size);
        vb_json_put_u64(into, "pages", total->pages);
    }
    if (loans->step.uuid == NULL)
        return vb_json_text_write(document, TRUE);
    JsonObject *step = vb_json_put_object(object, "step");
    vb_json_put_text(step, "guest", loans->step.uuid);
    vb_json_put_u64(step, "page_size", loans->step.page_size);
    json_object_set_int_member(step, "node", loans->step.node);
    vb_json_put_u64(step, "before", loans->step.before);
    vb_json_put_u64(step, "after", loans->step.after);
    return vb_json_text_write(document, TRUE);
}

gboolean
vb_loans_save(const char *dir, const char *boot, VbLoans *loans, GError **error)
{
    g_autofree char *path = path_of(dir);
    gboolean any = loans->step.uuid != NULL;
    for (guint i = 0; i < loans->loans->len; i++)
        any |= !is_nothing(g_ptr_array_index(loans->loans, i));
    g_auto(VbStateVisit) visit G_GNUC_UNUSED = vb_state_enter(dir);
    if (!any) {
        g_array_set_size(loans->totals, 0);
        if (g_unlink(path) == 0 || errno == ENOENT)
            return TRUE;
        vb_state_set_error(error, errno, path, "the file cannot be removed");
        return FALSE;
    }
    g_autofree char *text = text_of(loans, boot);
    g_autoptr(GError) why = NULL;
    if (!vb_state_make_folder(dir, error))
        return FALSE;
    if (g_file_set_contents_full(path, text, -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                 &why))
        return TRUE;
    g_set_error(error, VB_ERROR, VB_ERROR_FAILED,
                "what pools of hugepages owe cannot be written, so they stay as they are: %s",
                why->message);
    return FALSE;
}
