/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qmp/fields.h"
#include "qmp/parse.h"

#define AT(member) G_STRUCT_OFFSET(QmpMemoryDevice, member)
#define ID "id", QMP_FIELD_STRING, AT(id), QMP_OPTIONAL
#define MEMDEV(need) "memdev", QMP_FIELD_STRING, AT(memdev), need
#define ADDR(name, need) name, QMP_FIELD_INT, AT(addr), need, 0, G_MAXINT64
#define SIZE(need) "size", QMP_FIELD_INT, AT(size_bytes), need, 0, G_MAXINT64
#define MAX_SIZE(need) "max-size", QMP_FIELD_INT, AT(max_bytes), need, 0, G_MAXINT64
#define NODE(need) "node", QMP_FIELD_INT, AT(node), need, 0, QMP_GUEST_NODE_MAX

/* A DIMM says "addr" where all later devices say "memaddr". */
static const QmpField dimm_fields[] = {
    {ID},
    {MEMDEV(QMP_REQUIRED)},
    {ADDR("addr", QMP_REQUIRED)},
    {SIZE(QMP_REQUIRED)},
    {NODE(QMP_REQUIRED)},
};
static const QmpField virtio_mem_fields[] = {
    {ID},
    {MEMDEV(QMP_REQUIRED)},
    {ADDR("memaddr", QMP_REQUIRED)},
    {SIZE(QMP_REQUIRED)},
    {MAX_SIZE(QMP_REQUIRED)},
    {NODE(QMP_REQUIRED)},
};
static const QmpField virtio_pmem_fields[] = {
    {ID},
    {MEMDEV(QMP_REQUIRED)},
    {ADDR("memaddr", QMP_REQUIRED)},
    {SIZE(QMP_REQUIRED)},
};
/* sgx-epc tells its node since QEMU 7.0. */
static const QmpField sgx_epc_fields[] = {
    {ID},
    {MEMDEV(QMP_REQUIRED)},
    {ADDR("memaddr", QMP_REQUIRED)},
    {SIZE(QMP_REQUIRED)},
    {NODE(QMP_OPTIONAL)},
};
static const QmpField other_fields[] = {
    {ID},
    {MEMDEV(QMP_OPTIONAL)},
    {ADDR("memaddr", QMP_OPTIONAL)},
    {SIZE(QMP_OPTIONAL)},
    {MAX_SIZE(QMP_OPTIONAL)},
    {NODE(QMP_OPTIONAL)},
};

typedef struct {
    const char *type;
    const QmpField *fields;
    gsize n_fields;
} Kind;

static const Kind kinds[] = {
    [QMP_MEMORY_DEVICE_DIMM] = {"dimm", dimm_fields, G_N_ELEMENTS(dimm_fields)},
    [QMP_MEMORY_DEVICE_NVDIMM] = {"nvdimm", dimm_fields, G_N_ELEMENTS(dimm_fields)},
    [QMP_MEMORY_DEVICE_VIRTIO_MEM] = {"virtio-mem", virtio_mem_fields,
                                      G_N_ELEMENTS(virtio_mem_fields)},
    [QMP_MEMORY_DEVICE_VIRTIO_PMEM] = {"virtio-pmem", virtio_pmem_fields,
                                       G_N_ELEMENTS(virtio_pmem_fields)},
    [QMP_MEMORY_DEVICE_SGX_EPC] = {"sgx-epc", sgx_epc_fields, G_N_ELEMENTS(sgx_epc_fields)},
    [QMP_MEMORY_DEVICE_OTHER] = {NULL, other_fields, G_N_ELEMENTS(other_fields)},
};

static const QmpField type_field = {"type", QMP_FIELD_STRING, AT(type), QMP_REQUIRED};

void
qmp_memory_device_free(QmpMemoryDevice *self)
{
    if (self == NULL)
        return;
    g_free(self->type);
    g_free(self->id);
    g_free(self->memdev);
    g_free(self);
}

static QmpMemoryDeviceKind
find_kind(const char *type)
{
    for (guint i = 0; i < QMP_MEMORY_DEVICE_OTHER; i++) {
        if (g_str_equal(kinds[i].type, type))
            return i;
    }
    return QMP_MEMORY_DEVICE_OTHER;
}

static gpointer
read_device(JsonObject *object, const char *where, GError **error)
{
    g_autoptr(QmpMemoryDevice) self = g_new0(QmpMemoryDevice, 1);
    g_autofree char *data_where = g_strdup_printf("%s.data", where);
    JsonObject *data = NULL;
    const Kind *kind;

    self->addr = self->size_bytes = self->max_bytes = self->node = -1;
    if (!qmp_fields_read(object, &type_field, 1, self, where, error) ||
        !qmp_fields_object(object, "data", QMP_REQUIRED, where, &data, error))
        return NULL;
    self->kind = find_kind(self->type);
    kind = &kinds[self->kind];
    if (!qmp_fields_read(data, kind->fields, kind->n_fields, self, data_where, error))
        return NULL;
    return g_steal_pointer(&self);
}

gpointer
qmp_memory_devices_parse(JsonNode *reply, GError **error)
{
    return qmp_fields_list(reply, "query-memory-devices", read_device,
                           (GDestroyNotify)qmp_memory_device_free, error);
}
