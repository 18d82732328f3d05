/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/fields.h"
#include "qmp/parse.h"

static const QmpField fields[] = {
    {"id", QMP_FIELD_STRING, G_STRUCT_OFFSET(QmpIothread, id), QMP_REQUIRED},
    {"thread-id", QMP_FIELD_INT, G_STRUCT_OFFSET(QmpIothread, tid), QMP_REQUIRED, 1, G_MAXINT32},
};

void
qmp_iothread_free(QmpIothread *self)
{
    if (self == NULL)
        return;
    g_free(self->id);
    g_free(self);
}

static gpointer
read_iothread(JsonObject *object, const char *where, GError **error)
{
    g_autoptr(QmpIothread) self = g_new0(QmpIothread, 1);

    if (!qmp_fields_read(object, fields, G_N_ELEMENTS(fields), self, where, error))
        return NULL;
    return g_steal_pointer(&self);
}

gpointer
qmp_iothreads_parse(JsonNode *reply, GError **error)
{
    return qmp_fields_list(reply, "query-iothreads", read_iothread,
                           (GDestroyNotify)qmp_iothread_free, error);
}
