/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim/report.h"
#include "core/json_text.h"
#include <report_resource.h>
#include <string.h>

#define FOLDER "/org/vmbalancer1/report/"

/* What comes in place of "@NAME@" in the page. */
typedef struct {
    const char *name;
    char *text;
} Part;

static char *
read_part(const char *name)
{
    g_autofree char *path = g_strconcat(FOLDER, name, NULL);
    g_autoptr(GBytes) bytes =
        g_resource_lookup_data(vb_report_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    gsize length = 0;
    const char *data = bytes != NULL ? g_bytes_get_data(bytes, &length) : "";
    return g_strndup(data, length);
}

/* As a content security policy names an inline script or style. */
static char *
hash(const char *text)
{
    guint8 digest[32];
    gsize length = sizeof digest;
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, (const guchar *)text, -1);
    g_checksum_get_digest(sum, digest, &length);
    g_autofree char *code = g_base64_encode(digest, length);
    return g_strdup_printf("'sha256-%s'", code);
}

/*
 * Outside of strings JSON has none of these characters, inside it each may be written as an escape:
 * nothing is left that could end the element which the data stands in, or begin another.
 */
static char *
data_of(const VbLeague *league)
{
    static const char *const escapes[] = {['<'] = "\\u003c", ['>'] = "\\u003e", ['&'] = "\\u0026"};
    g_autoptr(JsonNode) node = vb_league_json(league, TRUE);
    g_autofree char *text = vb_json_text_write(node, FALSE);
    GString *data = g_string_new(NULL);
    for (const char *c = text; *c != '\0'; c++) {
        guchar code = (guchar)*c;
        if (code < G_N_ELEMENTS(escapes) && escapes[code] != NULL)
            g_string_append(data, escapes[code]);
        else
            g_string_append_c(data, *c);
    }
    return g_string_free(data, FALSE);
}

static const char *
find_part(const Part *parts, gsize count, const char *text, gsize *ret_length)
{
    for (gsize i = 0; i < count; i++) {
        gsize length = strlen(parts[i].name);
        if (strncmp(text, parts[i].name, length) == 0) {
            *ret_length = length;
            return parts[i].text;
        }
    }
    return NULL;
}

/* In one pass: what was put in is not looked at again. */
static char *
fill(const char *page, const Part *parts, gsize count)
{
    GString *html = g_string_new(NULL);
    while (*page != '\0') {
        gsize length = 1;
        const char *text = *page == '@' ? find_part(parts, count, page, &length) : NULL;
        if (text != NULL)
            g_string_append(html, text);
        else
            g_string_append_c(html, *page);
        page += length;
    }
    return g_string_free(html, FALSE);
}

char *
vb_report_html(const VbLeague *league)
{
    g_autofree char *page = read_part("page.html");
    char *style = read_part("style.css"), *script = read_part("script.js");
    Part parts[] = {
        {"@STYLE@", style},         {"@SCRIPT@", script},
        {"@STYLE-HASH@", hash(style)}, {"@SCRIPT-HASH@", hash(script)},
        {"@VERSION@", g_strdup(VB_VERSION)}, {"@DATA@", data_of(league)},
    };
    char *html = fill(page, parts, G_N_ELEMENTS(parts));
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
        g_free(parts[i].text);
    return html;
}
