/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/domain.h"

void
vb_domain_cell_free(VbDomainCell *cell)
{
    if (cell == NULL)
        return;
    g_free(cell->memnode);
    g_free(cell->backend);
    g_free(cell);
}

void
vb_domain_pin_free(VbDomainPin *pin)
{
    if (pin == NULL)
        return;
    g_free(pin->thread);
    g_free(pin->cpuset);
    g_free(pin);
}

void
vb_domain_thread_free(VbDomainThread *thread)
{
    if (thread == NULL)
        return;
    g_free(thread->thread);
    g_free(thread);
}

VbDomain *
vb_domain_new(void)
{
    VbDomain *domain = g_new0(VbDomain, 1);
    domain->cells = g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_cell_free);
    domain->memory_devices = g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_cell_free);
    domain->pins = g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_pin_free);
    domain->marks = g_ptr_array_new_with_free_func((GDestroyNotify)vb_mark_free);
    domain->threads = g_ptr_array_new_with_free_func((GDestroyNotify)vb_domain_thread_free);
    domain->devices = g_ptr_array_new_with_free_func(g_free);
    domain->iothreads = g_array_new(FALSE, FALSE, sizeof(guint));
    return domain;
}

void
vb_domain_free(VbDomain *domain)
{
    if (domain == NULL)
        return;
    g_free(domain->name);
    g_free(domain->uuid);
    g_ptr_array_unref(domain->cells);
    g_ptr_array_unref(domain->memory_devices);
    g_ptr_array_unref(domain->pins);
    g_ptr_array_unref(domain->marks);
    g_ptr_array_unref(domain->threads);
    g_ptr_array_unref(domain->devices);
    g_array_unref(domain->iothreads);
    g_free(domain->vcpu_cpuset);
    g_free(domain->numatune_nodeset);
    g_free(domain->numatune_mode);
    g_free(domain->policy);
    g_free(domain->home_nodes);
    vb_wish_free(domain->wish);
    g_free(domain->metadata_error);
    g_free(domain);
}

const char *
vb_domain_pin_of(const VbDomain *domain, const char *thread)
{
    for (guint i = 0; i < domain->pins->len; i++) {
        const VbDomainPin *pin = g_ptr_array_index(domain->pins, i);
        if (g_str_equal(pin->thread, thread))
            return pin->cpuset;
    }
    return NULL;
}

int
vb_domain_tid_in(const GPtrArray *threads, const char *thread)
{
    for (guint i = 0; i < threads->len; i++) {
        const VbDomainThread *told = g_ptr_array_index(threads, i);
        if (g_str_equal(told->thread, thread))
            return told->tid;
    }
    return 0;
}

guint
vb_domain_n_ram(const VbDomain *domain)
{
    return domain->cells->len + domain->memory_devices->len;
}

const VbDomainCell *
vb_domain_ram(const VbDomain *domain, guint index)
{
    guint n_cells = domain->cells->len;
    return index < n_cells ? g_ptr_array_index(domain->cells, index)
                           : g_ptr_array_index(domain->memory_devices, index - n_cells);
}

guint64
vb_domain_cell_bytes(const VbDomain *domain, const VbDomainCell *cell)
{
    guint64 bytes = cell->size_bytes;
    for (guint i = 0; i < domain->memory_devices->len; i++) {
        const VbDomainCell *device = g_ptr_array_index(domain->memory_devices, i);
        if (device->id == cell->id && __builtin_add_overflow(bytes, device->given_bytes, &bytes))
            return G_MAXUINT64;
    }
    return bytes;
}
