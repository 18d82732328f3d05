/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/authority.h"
#include <polkit/polkit.h>
#include <vmbalancer/error.h>

#define BUS_MS 5000
/* Each may be a dialogue that nobody answers. */
#define CHECKS_MAX 64

typedef struct {
    VbAuthority base;
    PolkitAuthority *polkit; /* NULL: not reached yet */
    gboolean reaching;
    GPtrArray *waiting;      /* (element-type Check): for that */
    guint checks;            /* under way */
} Real;

typedef struct {
    Real *self;
    char *sender;
    gboolean may_ask;        /* the caller bears a dialogue */
    const char *right;
    VbAuthorityAnswer answer;
    gpointer user_data;
} Check;

/* Takes @check and @error. */
static void
conclude(Check *check, GError *error)
{
    check->self->checks--;
    check->answer(error, check->user_data);
    g_clear_error(&error);
    g_free(check->sender);
    g_free(check);
}

/* Reading harms nobody; all else needs somebody who says yes. */
static void
conclude_without_polkit(Check *check, const GError *why)
{
    g_debug("polkit: %s", why->message);
    if (g_str_equal(check->right, VB_RIGHT_READ))
        conclude(check, NULL);
    else
        conclude(check, g_error_new(VB_ERROR, VB_ERROR_DENIED,
                                    "polkit, which says who may (%s), does not answer, so only root "
                                    "may: run it as root, or start polkit",
                                    check->right));
}

static void
on_checked(GObject *source, GAsyncResult *result, gpointer data)
{
    Check *check = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(PolkitAuthorizationResult) verdict =
        polkit_authority_check_authorization_finish(POLKIT_AUTHORITY(source), result, &error);
    if (verdict == NULL)
        conclude_without_polkit(check, error);
    else if (polkit_authorization_result_get_is_authorized(verdict))
        conclude(check, NULL);
    else
        conclude(check, g_error_new(VB_ERROR, VB_ERROR_DENIED,
                                    "you may not do that (%s): run it as root, or as a user whom "
                                    "polkit lets, see polkit(8)%s",
                                    check->right,
                                    polkit_authorization_result_get_is_challenge(verdict)
                                        ? "; it would ask for a password where it can"
                                        : ""));
}

static void
ask(Check *check)
{
    g_autoptr(PolkitSubject) subject = polkit_system_bus_name_new(check->sender);
    polkit_authority_check_authorization(
        check->self->polkit, subject, check->right, NULL,
        check->may_ask ? POLKIT_CHECK_AUTHORIZATION_FLAGS_ALLOW_USER_INTERACTION
                       : POLKIT_CHECK_AUTHORIZATION_FLAGS_NONE,
        NULL, on_checked, check);
}

static void
on_reached(GObject *source, GAsyncResult *result, gpointer data)
{
    Real *self = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) waiting = g_steal_pointer(&self->waiting);
    self->waiting = g_ptr_array_new();
    self->reaching = FALSE;
    self->polkit = polkit_authority_get_finish(result, &error);
    for (guint i = 0; i < waiting->len; i++) {
        if (self->polkit != NULL)
            ask(g_ptr_array_index(waiting, i));
        else
            conclude_without_polkit(g_ptr_array_index(waiting, i), error);
    }
}

/* One at a time: this takes a thread of the pool that looks need, too. */
static void
reach_and_ask(Check *check)
{
    Real *self = check->self;
    if (self->polkit != NULL) {
        ask(check);
        return;
    }
    g_ptr_array_add(self->waiting, check);
    if (!self->reaching)
        polkit_authority_get_async(NULL, on_reached, self);
    self->reaching = TRUE;
}

static void
on_uid(GObject *source, GAsyncResult *result, gpointer data)
{
    Check *check = data;
    g_autoptr(GError) error = NULL;
    guint uid = G_MAXUINT;
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    if (reply != NULL)
        g_variant_get(reply, "(u)", &uid);
    if (reply == NULL)
        conclude(check, g_error_new(VB_ERROR, VB_ERROR_DENIED, "who asks cannot be told: %s",
                                    error->message));
    else if (uid == 0)
        conclude(check, NULL);
    else
        reach_and_ask(check);
}

static void
real_check(VbAuthority *authority, GDBusMethodInvocation *invocation, const char *right,
           VbAuthorityAnswer answer, gpointer user_data)
{
    Real *self = (Real *)authority;
    GDBusMessage *message = g_dbus_method_invocation_get_message(invocation);
    GDBusConnection *connection = g_dbus_method_invocation_get_connection(invocation);
    Check *check = g_new0(Check, 1);
    check->self = self;
    check->sender = g_strdup(g_dbus_method_invocation_get_sender(invocation));
    check->may_ask = (g_dbus_message_get_flags(message) &
                      G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION) != 0;
    check->right = right;
    check->answer = answer;
    check->user_data = user_data;
    if (self->checks++ >= CHECKS_MAX) {
        conclude(check, g_error_new(VB_ERROR, VB_ERROR_FAILED,
                                    "%d callers wait for polkit already: try again in a moment",
                                    CHECKS_MAX));
        return;
    }
    g_dbus_connection_call(connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                           "org.freedesktop.DBus", "GetConnectionUnixUser",
                           g_variant_new("(s)", check->sender), G_VARIANT_TYPE("(u)"),
                           G_DBUS_CALL_FLAGS_NONE, BUS_MS, NULL, on_uid, check);
}

static void
real_reset(VbAuthority *authority)
{
    g_clear_object(&((Real *)authority)->polkit);
}

static void
real_free(VbAuthority *authority)
{
    Real *self = (Real *)authority;
    g_clear_object(&self->polkit);
    g_ptr_array_unref(self->waiting);
    g_free(self);
}

static const VbAuthorityOps real_ops = {
    .check = real_check,
    .reset = real_reset,
    .free = real_free,
};

VbAuthority *
vb_authority_new(void)
{
    Real *self = g_new0(Real, 1);
    self->base.ops = &real_ops;
    self->waiting = g_ptr_array_new();
    return &self->base;
}

void
vb_authority_free(VbAuthority *authority)
{
    if (authority != NULL)
        authority->ops->free(authority);
}
