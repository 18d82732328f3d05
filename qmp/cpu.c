/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/fields.h"
#include "qmp/parse.h"

#define AT(member) G_STRUCT_OFFSET(QmpCpu, member)

static const QmpField cpu_fields[] = {
    {"cpu-index", QMP_FIELD_INT, AT(index), QMP_REQUIRED, 0, G_MAXINT32},
    {"thread-id", QMP_FIELD_INT, AT(tid), QMP_REQUIRED, 1, G_MAXINT32},
    {"qom-path", QMP_FIELD_STRING, AT(qom_path), QMP_REQUIRED},
    {"target", QMP_FIELD_STRING, AT(target), QMP_REQUIRED},
};

static const QmpField props_fields[] = {
    {"node-id", QMP_FIELD_INT, AT(node_id), QMP_OPTIONAL, 0, QMP_GUEST_NODE_MAX},
    {"socket-id", QMP_FIELD_INT, AT(socket_id), QMP_OPTIONAL, 0, G_MAXINT32},
    {"die-id", QMP_FIELD_INT, AT(die_id), QMP_OPTIONAL, 0, G_MAXINT32},
    {"cluster-id", QMP_FIELD_INT, AT(cluster_id), QMP_OPTIONAL, 0, G_MAXINT32},
    {"core-id", QMP_FIELD_INT, AT(core_id), QMP_OPTIONAL, 0, G_MAXINT32},
    {"thread-id", QMP_FIELD_INT, AT(thread_id), QMP_OPTIONAL, 0, G_MAXINT32},
};

void
qmp_cpu_free(QmpCpu *self)
{
    if (self == NULL)
        return;
    g_free(self->qom_path);
    g_free(self->target);
    g_free(self);
}

static gpointer
read_cpu(JsonObject *object, const char *where, GError **error)
{
    g_autoptr(QmpCpu) self = g_new0(QmpCpu, 1);
    /* A machine that describes no topology has no props: read as if they were there and empty. */
    g_autoptr(JsonObject) none = json_object_new();
    g_autofree char *props_where = g_strdup_printf("%s.props", where);
    JsonObject *props = NULL;

    if (!qmp_fields_read(object, cpu_fields, G_N_ELEMENTS(cpu_fields), self, where, error) ||
        !qmp_fields_object(object, "props", QMP_OPTIONAL, where, &props, error) ||
        !qmp_fields_read(props != NULL ? props : none, props_fields, G_N_ELEMENTS(props_fields),
                         self, props_where, error))
        return NULL;
    return g_steal_pointer(&self);
}

gpointer
qmp_cpus_parse(JsonNode *reply, GError **error)
{
    return qmp_fields_list(reply, "query-cpus-fast", read_cpu, (GDestroyNotify)qmp_cpu_free, error);
}
