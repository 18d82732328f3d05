/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sizes and rates as people write and read them. */
#include "core/text.h"
#include "world.h"
#include <locale.h>
#include <string.h>
#include <vmbalancer/error.h>

#define REFUSED G_MAXUINT64

typedef struct {
    const char *text;
    guint64 size;
    guint64 rate;
} SizeCase;

static const SizeCase sizes[] = {
    {"0", 0, 0},
    {"4096", 4096, 4096},
    {"4096B", 4096, 4096},
    {"1K", 1024, 1024},
    {"1k", 1024, 1024},
    {"2G", 2 * GIB, 2 * GIB},
    {"512MiB", 512 * MIB, 512 * MIB},
    {"512mib", 512 * MIB, 512 * MIB},
    {"512MB", 512 * MIB, 512 * MIB},
    {" 1.5 GiB ", 1536 * MIB, 1536 * MIB},
    {"0.5K", 512, 512},
    {"1.", REFUSED, REFUSED},
    {".5G", REFUSED, REFUSED},
    {"3E", 3 * GIB * GIB, 3 * GIB * GIB},
    {"512MiB/s", REFUSED, 512 * MIB},
    {"512 MiB /s", REFUSED, 512 * MIB},
    {"/s", REFUSED, REFUSED},
    {"9007199254740993", 9007199254740993, 9007199254740993},
    {"9223372036854775807", 9223372036854775807, 9223372036854775807},
    {"9223372036854775808", REFUSED, REFUSED},
    {"8E", REFUSED, REFUSED},
    {"99999999999999999999", REFUSED, REFUSED},
    {"18446744073709551617", REFUSED, REFUSED},
    {"1e3", REFUSED, REFUSED},
    {"1E5", REFUSED, REFUSED},
    {"0x10", REFUSED, REFUSED},
    {"0x1p3", REFUSED, REFUSED},
    {"1,5G", REFUSED, REFUSED},
    {"1.5.5G", REFUSED, REFUSED},
    {"", REFUSED, REFUSED},
    {"G", REFUSED, REFUSED},
    {"-1", REFUSED, REFUSED},
    {"+1", REFUSED, REFUSED},
    {"inf", REFUSED, REFUSED},
    {"nan", REFUSED, REFUSED},
    {"12iB", REFUSED, REFUSED},
    {"12Q", REFUSED, REFUSED},
    {"12GiBs", REFUSED, REFUSED},
    {"12 G iB", REFUSED, REFUSED},
};

static void
check_size(const char *text, gboolean rate, guint64 expected)
{
    g_autoptr(GError) error = NULL;
    guint64 value = 77;
    gboolean ok = vb_bytes_parse(text, rate, &value, &error);
    g_test_message("%s \"%s\"", rate ? "rate" : "size", text);
    if (expected == REFUSED) {
        g_assert_false(ok);
        g_assert_error(error, VB_ERROR, VB_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, text));
        g_assert_cmpuint(value, ==, 77);
        return;
    }
    g_assert_no_error(error);
    g_assert_cmpuint(value, ==, expected);
}

static void
test_sizes_are_read(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        check_size(sizes[i].text, FALSE, sizes[i].size);
        check_size(sizes[i].text, TRUE, sizes[i].rate);
    }
}

static void
test_sizes_are_shown(void)
{
    static const struct {
        guint64 bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1536, "1.5 KiB"},
        {512 * MIB, "512 MiB"},
        {1024 * MIB - 1, "1 GiB"},
        {3328599654, "3.1 GiB"},
        {GIB * 1024, "1 TiB"},
        {G_MAXUINT64, "16 EiB"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = vb_bytes_format(cases[i].bytes);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

/* Messages go to logs and scripts: the same in every locale, in plain ASCII. */
static void
test_the_locale_does_not_matter(void)
{
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    for (guint i = 0; i < G_N_ELEMENTS(locales); i++) {
        setlocale(LC_ALL, locales[i]);
        test_sizes_are_read();
        test_sizes_are_shown();
    }
    setlocale(LC_ALL, "C");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/sizes-are-read-or-refused", test_sizes_are_read);
    g_test_add_func("/text/sizes-are-shown", test_sizes_are_shown);
    g_test_add_func("/text/the-locale-does-not-matter", test_the_locale_does_not_matter);
    return g_test_run();
}
