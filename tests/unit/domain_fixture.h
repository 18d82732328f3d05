/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of domain XML share: captured and small domains. */
#include "libvirt/hypervisor.h"
#include <string.h>
#include <vmbalancer/error.h>

#define KIB G_GUINT64_CONSTANT(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define TEXT_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"

/* The domain XML of tests/hosts/domains/NAME.xml, as libvirt 9.0 formats it. */
G_NO_INLINE G_GNUC_UNUSED static char *
text_of(const char *name)
{
    g_autofree char *file = g_strconcat(name, ".xml", NULL);
    g_autofree char *path =
        g_build_filename(g_getenv("VB_TEST_DATA"), "..", "hosts", "domains", file, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static inline VbDomain *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    VbDomain *domain = vb_domain_xml_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_assert_nonnull(domain);
    g_assert_cmpuint(domain->cells->len, >, 0);
    return domain;
}

static inline VbDomain *
read_file(const char *name)
{
    g_autofree char *text = text_of(name);
    return parse(text);
}

/* A small domain with @head before its required elements and @tail after them. */
static inline char *
small(const char *head, const char *tail)
{
    return g_strdup_printf("<domain>%s<name>small</name><uuid>" TEXT_UUID "</uuid>"
                           "<memory>4096</memory>%s</domain>",
                           head, tail);
}

static inline void
assert_refused(const char *text, gsize length, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(VbDomain) domain = vb_domain_xml_parse(text, length, &error);
    g_assert_null(domain);
    g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
    if (strstr(error->message, words) == NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, words);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_cmpuint(strlen(error->message), <, 600);
}

#define HUGE(page) "<memoryBacking><hugepages>" page "</hugepages></memoryBacking>"
