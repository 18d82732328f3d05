/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/descriptor.h"
#include "core/text.h"
#include <string.h>
#include <vmbalancer/error.h>

#define NAME_MAX_LENGTH 64
#define TEXT_MAX_LENGTH 1000

static const char *const signals[] = {"residency", "run time by node", "CPU demand"};
static const char *const units[] = {"", "bp", "bytes", "ns", "%", NULL};

/* --- whether it makes sense ----------------------------------------------------------------- */

static gboolean
is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return name != NULL && g_ascii_islower(*name) && strlen(name) <= NAME_MAX_LENGTH &&
           strspn(name, letters) == strlen(name);
}

static gboolean
is_sentence(const char *text)
{
    gboolean sound = text != NULL && *text != '\0' && strlen(text) <= TEXT_MAX_LENGTH &&
                     g_utf8_validate(text, -1, NULL);
    for (const char *at = text; sound && *at != '\0'; at++)
        sound = !g_ascii_iscntrl(*at);
    return sound;
}

static const char *
wrong_with_parameter(const VbPolicy *policy, const VbParameter *parameter)
{
    if (!is_name(parameter->name))
        return "its name is not of a-z, 0-9 and \"-\"";
    if (vb_descriptor_parameter(policy, parameter->name) != parameter)
        return "there are two of that name";
    if (parameter->unit == NULL || !g_strv_contains(units, parameter->unit))
        return "its unit is none of \"\", \"bp\", \"bytes\", \"ns\", \"%\"";
    if (parameter->minimum > parameter->fallback || parameter->fallback > parameter->maximum)
        return "its default is not within its range";
    return is_sentence(parameter->meaning) ? NULL : "it has no meaning in words";
}

static const char *
wrong_with_policy(const VbPolicy *policy)
{
    if (!is_sentence(policy->question))
        return "it has no question in words";
    if ((policy->needs & ~((1u << G_N_ELEMENTS(signals)) - 1)) != 0)
        return "it needs signals that do not exist";
    return policy->decide != NULL ? NULL : "it has no decide()";
}

gboolean
vb_descriptor_check(const VbPolicy *policy, GError **error)
{
    if (!is_name(policy->name)) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID,
                    "a policy's name is not of up to 64 of a-z, 0-9 and \"-\", a letter first");
        return FALSE;
    }
    const char *wrong = wrong_with_policy(policy);
    if (wrong != NULL) {
        g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "policy %s: %s", policy->name, wrong);
        return FALSE;
    }
    guint count = 0;
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++) {
        wrong = ++count > VB_DESCRIPTOR_PARAMETERS_MAX ? "there are more than 64"
                                                       : wrong_with_parameter(policy, p);
        if (wrong != NULL) {
            g_set_error(error, VB_ERROR, VB_ERROR_INVALID, "policy %s: parameter %u: %s",
                        policy->name, count, wrong);
            return FALSE;
        }
    }
    return TRUE;
}

/* --- how it is told ------------------------------------------------------------------------- */

const VbParameter *
vb_descriptor_parameter(const VbPolicy *policy, const char *name)
{
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++)
        if (g_str_equal(p->name, name))
            return p;
    return NULL;
}

char *
vb_descriptor_names(const VbPolicy *policy)
{
    GString *text = g_string_new(NULL);
    for (const VbParameter *p = policy->parameters; p != NULL && p->name != NULL; p++)
        g_string_append_printf(text, "%s\"%s\"", text->len > 0 ? ", " : "has only ", p->name);
    if (text->len == 0)
        g_string_append(text, "has no parameters");
    return g_string_free(text, FALSE);
}

/* In the greatest unit that it is a whole number of. */
static char *
time_words(gint64 ns)
{
    static const struct {
        gint64 ns;
        const char *name;
    } scales[] = {{G_GINT64_CONSTANT(1000000000), "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    guint i = 0;
    while (ns % scales[i].ns != 0)
        i++;
    return g_strdup_printf("%" G_GINT64_FORMAT " %s", ns / scales[i].ns, scales[i].name);
}

static char *
share_words(gint64 bp)
{
    gint64 fraction = ABS(bp % 100);
    g_autofree char *digits = fraction == 0        ? g_strdup("")
                              : fraction % 10 == 0 ? g_strdup_printf(".%d", (int)fraction / 10)
                                                   : g_strdup_printf(".%02d", (int)fraction);
    return g_strdup_printf("%s%" G_GINT64_FORMAT "%s %%", bp < 0 && bp > -100 ? "-" : "", bp / 100,
                           digits);
}

char *
vb_descriptor_value(const VbParameter *parameter, gint64 value)
{
    g_autofree char *words = NULL;
    if (g_str_equal(parameter->unit, "ns"))
        words = time_words(value);
    else if (g_str_equal(parameter->unit, "bp"))
        words = share_words(value);
    else if (g_str_equal(parameter->unit, "bytes") && value >= 1024)
        words = vb_bytes_format((guint64)value);
    g_autofree char *plain = g_strdup_printf("%" G_GINT64_FORMAT "%s%s", value,
                                             *parameter->unit != '\0' ? " " : "", parameter->unit);
    return value != 0 && words != NULL && !g_str_equal(words, plain)
               ? g_strdup_printf("%s (%s)", plain, words)
               : g_steal_pointer(&plain);
}

char *
vb_descriptor_range(const VbParameter *parameter)
{
    g_autofree char *least = parameter->minimum != 0
                                 ? vb_descriptor_value(parameter, parameter->minimum)
                                 : g_strdup("0");
    g_autofree char *most = vb_descriptor_value(parameter, parameter->maximum);
    return parameter->maximum == G_MAXINT64 ? g_strdup_printf("at least %s", least)
                                            : g_strdup_printf("%s to %s", least, most);
}

char *
vb_descriptor_signals(VbPolicyNeeds needs)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
        if ((needs & (1u << i)) != 0)
            g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", signals[i]);
    return g_string_free(text->len > 0 ? text : g_string_append_c(text, '-'), FALSE);
}
