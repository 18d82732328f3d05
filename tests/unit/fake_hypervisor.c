/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake_hypervisor.h"
#include <string.h>

typedef struct {
    char *uuid;
    char *live_xml;
    char *inactive_xml; /* NULL: transient */
    GHashTable *pins;   /* thread -> cpuset text, over those of the XML; "" = none */
    GPtrArray *marks;   /* VbMark */
    VbGuestState state;
    char *busy;
    char *error;
} Guest;

/* What happens to calls whose log line begins with @call. */
typedef struct {
    char *call;
    guint skip;
    guint times;
    guint delay_ms; /* a delay; else a failure */
    VbError code;
    char *message;
} Rule;

struct FakeHypervisor {
    VbHypervisor base;
    GMutex lock;
    GPtrArray *guests;   /* Guest, in the order of their coming */
    GPtrArray *rules;    /* Rule */
    GPtrArray *log;      /* char* */
    GHashTable *answers; /* part of a command -> reply */
    GStringChunk *uuids; /* live as long as the fake, also of guests that were removed */
    guint n_plain;       /* for the next UUID */
};

static void
guest_free(Guest *guest)
{
    g_free(guest->uuid);
    g_free(guest->live_xml);
    g_free(guest->inactive_xml);
    g_hash_table_unref(guest->pins);
    g_ptr_array_unref(guest->marks);
    g_free(guest->busy);
    g_free(guest->error);
    g_free(guest);
}

static void
rule_free(Rule *rule)
{
    g_free(rule->call);
    g_free(rule->message);
    g_free(rule);
}

/* The lock is held. Returns: (nullable). */
static Guest *
find(FakeHypervisor *fake, const char *uuid)
{
    for (guint i = 0; i < fake->guests->len; i++) {
        Guest *guest = g_ptr_array_index(fake->guests, i);
        if (g_str_equal(guest->uuid, uuid))
            return guest;
    }
    return NULL;
}

/* As find(), for what only the test's author can get wrong. */
static Guest *
must_find(FakeHypervisor *fake, const char *uuid)
{
    Guest *guest = find(fake, uuid);
    if (guest == NULL)
        g_error("the fake hypervisor has no guest %s", uuid);
    return guest;
}

static VbDomain *
must_parse(const char *xml)
{
    g_autoptr(GError) error = NULL;
    VbDomain *domain = vb_domain_xml_parse(xml, strlen(xml), &error);
    if (domain == NULL)
        g_error("the fake hypervisor's guest: %s", error->message);
    return domain;
}

/* --- calls ---------------------------------------------------------------------------------- */

/* Logs a call, waits and fails as the rules say; takes the lock and keeps it. */
static gboolean begin(FakeHypervisor *fake, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static void
wait_as_told(FakeHypervisor *fake, const char *call)
{
    guint delay_ms = 0;
    for (guint i = 0; i < fake->rules->len; i++) {
        const Rule *rule = g_ptr_array_index(fake->rules, i);
        if (g_str_has_prefix(call, rule->call))
            delay_ms += rule->delay_ms;
    }
    if (delay_ms == 0)
        return;
    g_mutex_unlock(&fake->lock);
    g_usleep(delay_ms * G_GUINT64_CONSTANT(1000));
    g_mutex_lock(&fake->lock);
}

static gboolean
fail_as_told(FakeHypervisor *fake, const char *call, GError **error)
{
    for (guint i = 0; i < fake->rules->len; i++) {
        Rule *rule = g_ptr_array_index(fake->rules, i);
        if (rule->message == NULL || rule->times == 0 || !g_str_has_prefix(call, rule->call))
            continue;
        if (rule->skip > 0) {
            rule->skip--;
            continue;
        }
        if (rule->times < G_MAXUINT)
            rule->times--;
        g_set_error_literal(error, VB_ERROR, (int)rule->code, rule->message);
        return TRUE;
    }
    return FALSE;
}

static gboolean
begin(FakeHypervisor *fake, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *call = g_strdup_vprintf(format, args);
    va_end(args);
    g_mutex_lock(&fake->lock);
    g_ptr_array_add(fake->log, call);
    wait_as_told(fake, call);
    return !fail_as_told(fake, call, error);
}

static void
apply_pin(VbDomain *domain, const char *thread, const char *cpuset)
{
    for (guint i = 0; i < domain->pins->len; i++) {
        const VbDomainPin *pin = g_ptr_array_index(domain->pins, i);
        if (g_str_equal(pin->thread, thread)) {
            g_ptr_array_remove_index(domain->pins, i);
            break;
        }
    }
    if (*cpuset == '\0')
        return;
    VbDomainPin *pin = g_new0(VbDomainPin, 1);
    pin->thread = g_strdup(thread);
    pin->cpuset = g_strdup(cpuset);
    g_ptr_array_add(domain->pins, pin);
}

static void
copy_marks(GPtrArray *into, const GPtrArray *marks)
{
    g_ptr_array_set_size(into, 0);
    for (guint i = 0; i < marks->len; i++) {
        const VbMark *mark = g_ptr_array_index(marks, i);
        g_ptr_array_add(into, vb_mark_new(mark->thread, mark->before, mark->ours, mark->meant));
    }
}

static VbDomainLook *
look_at(const Guest *guest)
{
    VbDomainLook *look = g_new0(VbDomainLook, 1);
    look->live = must_parse(guest->live_xml);
    look->inactive = guest->inactive_xml == NULL ? NULL : must_parse(guest->inactive_xml);
    look->state = guest->state;
    look->busy = g_strdup(guest->busy);
    look->error = g_strdup(guest->error);
    GHashTableIter iter;
    gpointer thread, cpuset;
    g_hash_table_iter_init(&iter, guest->pins);
    while (g_hash_table_iter_next(&iter, &thread, &cpuset))
        apply_pin(look->live, thread, cpuset);
    copy_marks(look->live->marks, guest->marks);
    return look;
}

static Guest *
find_running(FakeHypervisor *fake, const char *uuid, GError **error)
{
    Guest *guest = find(fake, uuid);
    if (guest == NULL)
        g_set_error(error, VB_ERROR, VB_ERROR_NO_GUEST, "guest %s is not running", uuid);
    return guest;
}

static GPtrArray *
fake_list(VbHypervisor *base, guint deadline_ms, GError **error)
{
    FakeHypervisor *fake = (FakeHypervisor *)base;
    GPtrArray *looks = NULL;
    if (begin(fake, error, "list")) {
        looks = g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_look_free);
        for (guint i = 0; i < fake->guests->len; i++)
            g_ptr_array_add(looks, look_at(g_ptr_array_index(fake->guests, i)));
    }
    g_mutex_unlock(&fake->lock);
    return looks;
}

static VbDomainLook *
fake_look(VbHypervisor *base, const char *uuid, guint deadline_ms, GError **error)
{
    FakeHypervisor *fake = (FakeHypervisor *)base;
    const Guest *guest =
        begin(fake, error, "look %s", uuid) ? find_running(fake, uuid, error) : NULL;
    VbDomainLook *look = guest == NULL ? NULL : look_at(guest);
    g_mutex_unlock(&fake->lock);
    return look;
}

static gboolean
fake_pin(VbHypervisor *base, const char *uuid, const char *thread, const VbCpuSet *cpus,
         guint deadline_ms, GError **error)
{
    FakeHypervisor *fake = (FakeHypervisor *)base;
    g_autofree char *text = vb_cpuset_format(cpus);
    Guest *guest = begin(fake, error, "pin %s %s %s", uuid, thread, text)
                       ? find_running(fake, uuid, error)
                       : NULL;
    if (guest != NULL)
        g_hash_table_replace(guest->pins, g_strdup(thread), g_steal_pointer(&text));
    g_mutex_unlock(&fake->lock);
    return guest != NULL;
}

static gboolean
fake_mark(VbHypervisor *base, const char *uuid, const GPtrArray *marks, guint deadline_ms,
          GError **error)
{
    FakeHypervisor *fake = (FakeHypervisor *)base;
    Guest *guest = begin(fake, error, "mark %s %u", uuid, marks->len)
                       ? find_running(fake, uuid, error)
                       : NULL;
    if (guest != NULL)
        copy_marks(guest->marks, marks);
    g_mutex_unlock(&fake->lock);
    return guest != NULL;
}

static char *
fake_monitor(VbHypervisor *base, const char *uuid, const char *command, guint deadline_ms,
             GError **error)
{
    FakeHypervisor *fake = (FakeHypervisor *)base;
    char *reply = NULL;
    if (begin(fake, error, "monitor %s %s", uuid, command) && find_running(fake, uuid, error)) {
        GHashTableIter iter;
        gpointer part, answer;
        g_hash_table_iter_init(&iter, fake->answers);
        while (reply == NULL && g_hash_table_iter_next(&iter, &part, &answer))
            if (strstr(command, part) != NULL)
                reply = g_strdup(answer);
        if (reply == NULL)
            g_set_error(error, VB_ERROR, VB_ERROR_UNSUPPORTED, "no answer to %s", command);
    }
    g_mutex_unlock(&fake->lock);
    return reply;
}

static void
fake_free(VbHypervisor *base)
{
    FakeHypervisor *fake = (FakeHypervisor *)base;
    g_ptr_array_unref(fake->guests);
    g_ptr_array_unref(fake->rules);
    g_ptr_array_unref(fake->log);
    g_hash_table_unref(fake->answers);
    g_string_chunk_free(fake->uuids);
    g_mutex_clear(&fake->lock);
    g_free(fake);
}

static const VbHypervisorOps fake_ops = {
    .list = fake_list,
    .look = fake_look,
    .pin = fake_pin,
    .mark = fake_mark,
    .monitor = fake_monitor,
    .free = fake_free,
};

/* --- the test's side ------------------------------------------------------------------------ */

FakeHypervisor *
fake_hypervisor_new(void)
{
    FakeHypervisor *fake = g_new0(FakeHypervisor, 1);
    fake->base.ops = &fake_ops;
    g_mutex_init(&fake->lock);
    fake->guests = g_ptr_array_new_with_free_func((GDestroyNotify)guest_free);
    fake->rules = g_ptr_array_new_with_free_func((GDestroyNotify)rule_free);
    fake->log = g_ptr_array_new_with_free_func(g_free);
    fake->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    fake->uuids = g_string_chunk_new(64);
    return fake;
}

void
fake_hypervisor_free(FakeHypervisor *fake)
{
    vb_hypervisor_free(&fake->base);
}

VbHypervisor *
fake_hypervisor_base(FakeHypervisor *fake)
{
    return &fake->base;
}

const char *
fake_hypervisor_add(FakeHypervisor *fake, const char *live_xml, const char *inactive_xml)
{
    g_autoptr(VbDomain) domain = must_parse(live_xml);
    Guest *guest = g_new0(Guest, 1);
    guest->uuid = g_strdup(domain->uuid);
    guest->live_xml = g_strdup(live_xml);
    guest->inactive_xml = g_strdup(inactive_xml);
    guest->pins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    guest->marks = g_ptr_array_new_with_free_func((GDestroyNotify)vb_mark_free);
    guest->state = VB_GUEST_RUNNING;
    g_mutex_lock(&fake->lock);
    g_ptr_array_add(fake->guests, guest);
    const char *uuid = g_string_chunk_insert_const(fake->uuids, domain->uuid);
    g_mutex_unlock(&fake->lock);
    return uuid;
}

const char *
fake_hypervisor_add_plain(FakeHypervisor *fake, const char *name, guint vcpus, guint mib)
{
    g_autofree char *uuid = g_strdup_printf("00000000-0000-4000-8000-%012x", ++fake->n_plain);
    g_autofree char *xml = g_markup_printf_escaped(
        "<domain type='kvm'><name>%s</name><uuid>%s</uuid><memory unit='MiB'>%u</memory>"
        "<vcpu placement='static'>%u</vcpu></domain>",
        name, uuid, mib, vcpus);
    return fake_hypervisor_add(fake, xml, xml);
}

void
fake_hypervisor_remove(FakeHypervisor *fake, const char *uuid)
{
    g_mutex_lock(&fake->lock);
    g_ptr_array_remove(fake->guests, must_find(fake, uuid));
    g_mutex_unlock(&fake->lock);
}

void
fake_hypervisor_set_state(FakeHypervisor *fake, const char *uuid, VbGuestState state,
                          const char *busy)
{
    g_mutex_lock(&fake->lock);
    Guest *guest = must_find(fake, uuid);
    guest->state = state;
    g_free(guest->busy);
    guest->busy = g_strdup(busy);
    g_mutex_unlock(&fake->lock);
}

void
fake_hypervisor_set_error(FakeHypervisor *fake, const char *uuid, const char *message)
{
    g_mutex_lock(&fake->lock);
    Guest *guest = must_find(fake, uuid);
    g_free(guest->error);
    guest->error = g_strdup(message);
    g_mutex_unlock(&fake->lock);
}

void
fake_hypervisor_pin_from_outside(FakeHypervisor *fake, const char *uuid, const char *thread,
                                 const char *cpus)
{
    g_mutex_lock(&fake->lock);
    g_hash_table_replace(must_find(fake, uuid)->pins, g_strdup(thread),
                         g_strdup(cpus != NULL ? cpus : ""));
    g_mutex_unlock(&fake->lock);
}

void
fake_hypervisor_mark_from_outside(FakeHypervisor *fake, const char *uuid, const GPtrArray *marks)
{
    g_mutex_lock(&fake->lock);
    copy_marks(must_find(fake, uuid)->marks, marks);
    g_mutex_unlock(&fake->lock);
}

void
fake_hypervisor_answer(FakeHypervisor *fake, const char *part, const char *reply)
{
    g_mutex_lock(&fake->lock);
    g_hash_table_replace(fake->answers, g_strdup(part), g_strdup(reply));
    g_mutex_unlock(&fake->lock);
}

static void
add_rule(FakeHypervisor *fake, const Rule *rule)
{
    g_mutex_lock(&fake->lock);
    g_ptr_array_add(fake->rules, g_memdup2(rule, sizeof *rule));
    g_mutex_unlock(&fake->lock);
}

void
fake_hypervisor_fail(FakeHypervisor *fake, const char *call, guint skip, guint times, VbError code,
                     const char *message)
{
    add_rule(fake, &(Rule){.call = g_strdup(call),
                           .skip = skip,
                           .times = times,
                           .code = code,
                           .message = g_strdup(message)});
}

void
fake_hypervisor_delay(FakeHypervisor *fake, const char *call, guint milliseconds)
{
    add_rule(fake, &(Rule){.call = g_strdup(call), .delay_ms = milliseconds});
}

char *
fake_hypervisor_log(FakeHypervisor *fake)
{
    GString *text = g_string_new(NULL);
    g_mutex_lock(&fake->lock);
    for (guint i = 0; i < fake->log->len; i++)
        g_string_append_printf(text, "%s\n", (const char *)g_ptr_array_index(fake->log, i));
    g_mutex_unlock(&fake->lock);
    return g_string_free(text, FALSE);
}

guint
fake_hypervisor_count(FakeHypervisor *fake, const char *call)
{
    guint n = 0;
    g_mutex_lock(&fake->lock);
    for (guint i = 0; i < fake->log->len; i++)
        if (g_str_has_prefix(g_ptr_array_index(fake->log, i), call))
            n++;
    g_mutex_unlock(&fake->lock);
    return n;
}

char *
fake_hypervisor_pinned(FakeHypervisor *fake, const char *uuid, const char *thread)
{
    g_mutex_lock(&fake->lock);
    VbDomainLook *look = look_at(must_find(fake, uuid));
    g_mutex_unlock(&fake->lock);
    char *cpus = g_strdup(vb_domain_pin_of(look->live, thread));
    vb_domain_look_free(look);
    return cpus;
}
