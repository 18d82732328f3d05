/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/fields.h"
#include "qmp/parse.h"

#define WHERE "query-version: return"
#define NUMBER_MAX 9999

static const QmpField number_fields[] = {
    {"major", QMP_FIELD_INT, G_STRUCT_OFFSET(QmpVersion, major), QMP_REQUIRED, 0, NUMBER_MAX},
    {"minor", QMP_FIELD_INT, G_STRUCT_OFFSET(QmpVersion, minor), QMP_REQUIRED, 0, NUMBER_MAX},
    {"micro", QMP_FIELD_INT, G_STRUCT_OFFSET(QmpVersion, micro), QMP_REQUIRED, 0, NUMBER_MAX},
};
static const QmpField package_field = {"package", QMP_FIELD_STRING,
                                       G_STRUCT_OFFSET(QmpVersion, package), QMP_REQUIRED};

void
qmp_version_free(QmpVersion *self)
{
    if (self == NULL)
        return;
    g_free(self->package);
    g_free(self);
}

gpointer
qmp_version_parse(JsonNode *reply, GError **error)
{
    g_autoptr(QmpVersion) self = g_new0(QmpVersion, 1);
    JsonObject *object, *qemu = NULL;

    if (!JSON_NODE_HOLDS_OBJECT(reply)) {
        qmp_fields_mismatch(reply, "an object", WHERE, error);
        return NULL;
    }
    object = json_node_get_object(reply);
    if (!qmp_fields_object(object, "qemu", QMP_REQUIRED, WHERE, &qemu, error) ||
        !qmp_fields_read(qemu, number_fields, G_N_ELEMENTS(number_fields), self, WHERE ".qemu",
                         error) ||
        !qmp_fields_read(object, &package_field, 1, self, WHERE, error))
        return NULL;
    return g_steal_pointer(&self);
}
