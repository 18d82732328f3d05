/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvirt/hypervisor.h"
#include "domain_fixture.h"

static const VbDomainCell *
cell_at(const VbDomain *domain, guint index)
{
    g_assert_cmpuint(index, <, domain->cells->len);
    return g_ptr_array_index(domain->cells, index);
}

static void
assert_vcpus(const VbDomainCell *cell, const char *expected)
{
    g_autofree char *text = vb_cpuset_format(&cell->vcpus);
    g_assert_cmpstr(text, ==, expected);
}

/* --- facts ---------------------------------------------------------------------------------- */

static void
test_plain(void)
{
    g_autoptr(VbDomain) domain = read_file("plain");
    g_assert_cmpstr(domain->name, ==, "plain");
    g_assert_cmpuint(strlen(domain->uuid), ==, 36);
    g_assert_cmpuint(domain->n_vcpus, ==, 2);
    g_assert_cmpuint(domain->memory_bytes, ==, 4 * GIB);
    g_assert_cmpuint(domain->cells->len, ==, 1);
    assert_vcpus(cell_at(domain, 0), "0-1");
    g_assert_cmpuint(cell_at(domain, 0)->size_bytes, ==, 4 * GIB);
    g_assert_cmpuint(cell_at(domain, 0)->page_size, ==, 4096);
    g_assert_cmpint(cell_at(domain, 0)->backing, ==, VB_BACKING_ANONYMOUS);
    g_assert_cmpuint(domain->pins->len, ==, 0);
    g_assert_null(domain->vcpu_cpuset);
    g_assert_null(domain->numatune_nodeset);
    g_assert_null(domain->policy);
    g_assert_null(domain->metadata_error);
    g_assert_cmpuint(domain->n_hostdevs, ==, 0);
    g_assert_false(domain->placement_auto || domain->locked || domain->nova || domain->ovirt ||
                   domain->kubevirt);
}

static void
test_hotplug_vcpus(void)
{
    g_autoptr(VbDomain) domain = read_file("hotplug-vcpus");
    g_assert_cmpuint(domain->n_vcpus, ==, 2);
    assert_vcpus(cell_at(domain, 0), "0-7");
}

static void
test_plugged_vcpus(void)
{
    static const struct {
        const char *file;
        const char *plugged;
    } rows[] = {{"plain", "0-1"}, {"hotplug-vcpus", "0-1"}};
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(VbDomain) domain = read_file(rows[i].file);
        g_autofree char *text = vb_cpuset_format(&domain->plugged);
        g_assert_cmpstr(text, ==, rows[i].plugged);
    }
    const char *gaps = "<domain><name>a</name><uuid>00000000-0000-4000-8000-000000000001</uuid>"
                       "<memory>1024</memory><vcpu current='2'>4</vcpu><vcpus>"
                       "<vcpu id='0' enabled='yes'/><vcpu id='1' enabled='no'/>"
                       "<vcpu id='2' enabled='no'/><vcpu id='3' enabled='yes'/></vcpus></domain>";
    g_autoptr(VbDomain) domain = vb_domain_xml_parse(gaps, strlen(gaps), NULL);
    g_autofree char *text = vb_cpuset_format(&domain->plugged);
    g_assert_cmpstr(text, ==, "0,3");
}

static void
test_pins(void)
{
    static const struct {
        const char *file;
        const char *thread;
        const char *cpuset;
        guint n;
    } rows[] = {
        {"vcpupin", "vcpu0", "0", 2},          {"vcpupin", "vcpu1", "1,3", 2},
        {"vcpupin", "emulator", NULL, 2},      {"emulatorpin", "emulator", "0-1", 1},
        {"iothreads", "iothread4", "1", 1},    {"iothreads", "iothread1", NULL, 1},
        {"nova-pinned", "emulator", "2-3", 3},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s of %s", rows[i].thread, rows[i].file);
        g_autoptr(VbDomain) domain = read_file(rows[i].file);
        g_assert_cmpuint(domain->pins->len, ==, rows[i].n);
        g_assert_cmpstr(vb_domain_pin_of(domain, rows[i].thread), ==, rows[i].cpuset);
    }
}

static void
test_iothreads(void)
{
    g_autoptr(VbDomain) listed = read_file("iothreads");
    g_assert_cmpuint(listed->iothreads->len, ==, 3);
    g_assert_cmpuint(g_array_index(listed->iothreads, guint, 0), ==, 4);
    g_assert_cmpuint(g_array_index(listed->iothreads, guint, 1), ==, 2);
    g_assert_cmpuint(g_array_index(listed->iothreads, guint, 2), ==, 1);
    g_autofree char *text = small("", "<iothreads>2</iothreads>");
    g_autoptr(VbDomain) counted = parse(text);
    g_assert_cmpuint(counted->iothreads->len, ==, 2);
    g_assert_cmpuint(g_array_index(counted->iothreads, guint, 1), ==, 2);
}

static void
test_placement(void)
{
    static const struct {
        const char *file;
        const char *cpuset;
        const char *mode;
        const char *nodeset;
        gboolean placement_auto;
    } rows[] = {
        {"cpuset", "0-3", NULL, NULL, FALSE},
        {"numatune-strict", NULL, "strict", "0-1", FALSE},
        {"numatune-restrictive", NULL, "restrictive", "1", FALSE},
        {"placement-auto", NULL, "strict", NULL, TRUE},
        {"nova-pinned", NULL, "strict", "0", FALSE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].file);
        g_autoptr(VbDomain) domain = read_file(rows[i].file);
        g_assert_cmpstr(domain->vcpu_cpuset, ==, rows[i].cpuset);
        g_assert_cmpstr(domain->numatune_mode, ==, rows[i].mode);
        g_assert_cmpstr(domain->numatune_nodeset, ==, rows[i].nodeset);
        g_assert_true(domain->placement_auto == rows[i].placement_auto);
    }
}

static void
test_cells(void)
{
    static const struct {
        const char *file;
        guint cell;
        guint n_cells;
        const char *vcpus;
        guint64 size;
        guint64 page;
        VbBacking backing;
        gboolean shared;
        const char *memnode;
    } rows[] = {
        {"two-cells", 0, 2, "0-1", 2 * GIB, 4096, VB_BACKING_ANONYMOUS, FALSE, NULL},
        {"two-cells", 1, 2, "2-3", 2 * GIB, 4096, VB_BACKING_ANONYMOUS, FALSE, NULL},
        {"memnode", 0, 2, "0-1", 2 * GIB, 4096, VB_BACKING_ANONYMOUS, FALSE, "0"},
        {"memnode", 1, 2, "2-3", 2 * GIB, 4096, VB_BACKING_ANONYMOUS, FALSE, "1"},
        {"hugepages-default", 0, 1, "0-1", 4 * GIB, 2 * MIB, VB_BACKING_HUGEPAGES, FALSE, NULL},
        {"hugepages-per-cell", 0, 2, "0-1", 2 * GIB, 2 * MIB, VB_BACKING_HUGEPAGES, FALSE, NULL},
        {"hugepages-per-cell", 1, 2, "2-3", 2 * GIB, GIB, VB_BACKING_HUGEPAGES, FALSE, NULL},
        {"hugepages-one-cell", 0, 2, "0-1", 2 * GIB, 4096, VB_BACKING_ANONYMOUS, FALSE, NULL},
        {"hugepages-one-cell", 1, 2, "2-3", 2 * GIB, 2 * MIB, VB_BACKING_HUGEPAGES, FALSE, NULL},
        {"memfd-shared", 0, 1, "0-1", 4 * GIB, 4096, VB_BACKING_MEMFD, TRUE, NULL},
        {"mem-access-cell", 0, 2, "0-1", 2 * GIB, 4096, VB_BACKING_FILE, TRUE, NULL},
        {"mem-access-cell", 1, 2, "2-3", 2 * GIB, 4096, VB_BACKING_ANONYMOUS, FALSE, NULL},
        {"nova-pinned", 0, 1, "0-1", 4 * GIB, 4096, VB_BACKING_FILE, TRUE, "0"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("cell %u of %s", rows[i].cell, rows[i].file);
        g_autoptr(VbDomain) domain = read_file(rows[i].file);
        g_assert_cmpuint(domain->cells->len, ==, rows[i].n_cells);
        const VbDomainCell *cell = cell_at(domain, rows[i].cell);
        g_assert_cmpuint(cell->id, ==, rows[i].cell);
        assert_vcpus(cell, rows[i].vcpus);
        g_assert_cmpuint(cell->size_bytes, ==, rows[i].size);
        g_assert_cmpuint(cell->page_size, ==, rows[i].page);
        g_assert_cmpint(cell->backing, ==, rows[i].backing);
        g_assert_true(cell->shared == rows[i].shared);
        g_assert_cmpstr(cell->memnode, ==, rows[i].memnode);
    }
}

static void
test_cells_ascend(void)
{
    g_autofree char *text = small(
        "",
        "<cpu><numa><cell id='1' memory='1'/><cell id='0' memory='2' unit='MiB'/></numa></cpu>");
    g_autoptr(VbDomain) domain = parse(text);
    g_assert_cmpuint(cell_at(domain, 0)->id, ==, 0);
    g_assert_cmpuint(cell_at(domain, 0)->size_bytes, ==, 2 * MIB);
    g_assert_cmpuint(cell_at(domain, 1)->size_bytes, ==, KIB);
    assert_vcpus(cell_at(domain, 1), "");
}

static void
test_managers(void)
{
    static const struct {
        const char *file;
        gboolean nova, ovirt, kubevirt;
    } rows[] = {
        {"nova-pinned", TRUE, FALSE, FALSE},
        {"nova-floating", TRUE, FALSE, FALSE},
        {"ovirt", FALSE, TRUE, FALSE},
        {"kubevirt", FALSE, FALSE, TRUE},
        {"policy-among-others", TRUE, FALSE, FALSE},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].file);
        g_autoptr(VbDomain) domain = read_file(rows[i].file);
        g_assert_true(domain->nova == rows[i].nova);
        g_assert_true(domain->ovirt == rows[i].ovirt);
        g_assert_true(domain->kubevirt == rows[i].kubevirt);
        g_assert_null(domain->metadata_error);
    }
}

static void
test_sizes(void)
{
    static const struct {
        const char *unit;
        guint64 factor;
    } rows[] = {
        {"", KIB},
        {" unit='b'", 1},
        {" unit='bytes'", 1},
        {" unit='KB'", 1000},
        {" unit='k'", KIB},
        {" unit='KiB'", KIB},
        {" unit='mib'", MIB},
        {" unit='M'", MIB},
        {" unit='MB'", 1000 * 1000},
        {" unit='GiB'", GIB},
        {" unit='GB'", 1000 * 1000 * 1000},
        {" unit='TiB'", 1024 * GIB},
        {" unit='P'", 1024 * 1024 * GIB},
        {" unit='E'", 1024 * 1024 * 1024 * GIB},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("7 of <memory%s>", rows[i].unit);
        g_autofree char *text = g_strdup_printf("<domain><name>s</name><uuid>" TEXT_UUID
                                                "</uuid><memory%s>7</memory></domain>",
                                                rows[i].unit);
        g_autoptr(VbDomain) domain = parse(text);
        g_assert_cmpuint(domain->memory_bytes, ==, 7 * rows[i].factor);
        g_assert_cmpuint(cell_at(domain, 0)->size_bytes, ==, 7 * rows[i].factor);
    }
}

/* --- our metadata --------------------------------------------------------------------------- */

static void
test_metadata(void)
{
    static const struct {
        const char *file;
        const char *policy;
        const char *home;
    } rows[] = {
        {"policy-prefix", "balance", "0-1"},
        {"policy-default-namespace", "home-node", "1"},
        {"policy-among-others", "balance", NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].file);
        g_autoptr(VbDomain) domain = read_file(rows[i].file);
        g_assert_null(domain->metadata_error);
        g_assert_cmpstr(domain->policy, ==, rows[i].policy);
        g_assert_cmpstr(domain->home_nodes, ==, rows[i].home);
    }
}

#define NUMA(attributes, children)                                                                 \
    "<v:numa xmlns:v='urn:vmbalancer:domain:1.0' " attributes ">" children "</v:numa>"
#define X16 "xxxxxxxxxxxxxxxx"

static void
test_bad_metadata(void)
{
    static const struct {
        const char *element;
        const char *words; /* what the message must say */
    } rows[] = {
        {NUMA("policy='Balance!'", ""), "policy=\"Balance!\" of <numa>: expected a policy's name"},
        {NUMA("policy=''", ""), "policy=\"\""},
        {NUMA("policy='" X16 X16 X16 X16 "x'", ""), X16 "...\""},
        {NUMA("policy='$(reboot) ; `x`'", ""), "policy=\"$(reboot)"},
        {NUMA("policy='ümlaut'", ""), "policy=\"ümlaut\""},
        {NUMA("policy='balance' colour='red'", ""), "attribute colour of <numa>: only policy"},
        {NUMA("v:policy='balance'", ""), "attribute policy of <numa>: only policy"},
        {NUMA("policy='balance'", "<v:hoem nodes='0'/>"), "<hoem> in <numa>: expected only <home"},
        {NUMA("policy='balance'", "<home nodes='0'/>"), "<home> in <numa>"},
        {NUMA("policy='balance'", "<o:home xmlns:o='urn:o' nodes='0'/>"), "<home> in <numa>"},
        {NUMA("policy='balance'", "please"), "text \"please\" in <numa>"},
        {NUMA("policy='balance'", "<![CDATA[x]]>"), "text \"x\" in <numa>"},
        {NUMA("policy='balance'", "<v:home nodes='zero'/>"), "nodes=\"zero\" of <home>: expected"},
        {NUMA("policy='balance'", "<v:home nodes=''/>"), "nodes=\"\" of <home>"},
        {NUMA("policy='balance'", "<v:home nodes='0-64'/>"), "nodes=\"0-64\" of <home>"},
        {NUMA("policy='balance'", "<v:home/>"), "<home> has no nodes"},
        {NUMA("policy='balance'", "<v:home nodes='0' x='1'/>"), "attribute x of <home>"},
        {NUMA("policy='balance'", "<v:home nodes='0'/><v:home nodes='1'/>"),
         "<home> is there twice"},
        {NUMA("policy='balance'", "<v:home nodes='0'><v:x/></v:home>"), "<x> in <home>"},
        {NUMA("policy='balance'", "") NUMA("policy='none'", ""), "more than one element"},
        {"<v:nuna xmlns:v='urn:vmbalancer:domain:1.0' policy='balance'/>", "<nuna> in <metadata>"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].element);
        g_autofree char *metadata = g_strdup_printf("<metadata>%s</metadata>", rows[i].element);
        g_autofree char *text = small(metadata, "");
        g_autoptr(VbDomain) domain = parse(text);
        g_assert_nonnull(domain->metadata_error);
        if (strstr(domain->metadata_error, rows[i].words) == NULL)
            g_error("\"%s\" does not say \"%s\"", domain->metadata_error, rows[i].words);
        g_assert_true(g_utf8_validate(domain->metadata_error, -1, NULL));
        g_assert_null(domain->policy);
        g_assert_null(domain->home_nodes);
    }
}

/* --- hostile -------------------------------------------------------------------------------- */

static void
test_entities(void)
{
    static const char *const files[] = {"hostile-billion-laughs", "hostile-external-entity"};
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *text = text_of(files[i]);
        assert_refused(text, strlen(text), "document type");
    }
}

static void
test_wrong_parts(void)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"", "not well-formed"},
        {"   ", "not well-formed"},
        {"<domain>", "not well-formed"},
        {"<domain/>", "<name> is missing"},
        {"<network><name>n</name></network>", "<network>: expected <domain>"},
        {"<domain><name> </name></domain>", "<name> is missing or empty"},
        {"<domain><name>a</name></domain>", "<uuid> is \"\""},
        {"<domain><name>a</name><uuid>../../etc</uuid></domain>", "<uuid> is \"../../etc\""},
        {"<domain><name>a</name><uuid>" TEXT_UUID "</uuid></domain>", "<memory> is missing"},
        {"<domain><name>a\xff</name></domain>", "not well-formed"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        assert_refused(rows[i].text, strlen(rows[i].text), rows[i].words);
}

#define CELLS(cells) "<cpu><numa>" cells "</numa></cpu>"

static void
test_wrong_values(void)
{
    static const struct {
        const char *tail;
        const char *words;
    } rows[] = {
        {"<vcpu>0</vcpu>", "<vcpu> is \"0\": expected a number from 1 to 4096"},
        {"<vcpu>99999999999999999999</vcpu>", "<vcpu> is"},
        {"<vcpu current='3'>2</vcpu>", "<vcpu current> is \"3\": expected a number from 1 to 2"},
        {"<iothreads>4294967295</iothreads>", "<iothreads> is"},
        {"<cputune><vcpupin vcpu='x' cpuset='0'/></cputune>", "<vcpupin vcpu> is \"x\""},
        {"<cputune><vcpupin cpuset='0'/></cputune>", "<vcpupin vcpu> is \"\""},
        {"<cputune><emulatorpin/></cputune>", "<emulatorpin> has no cpuset"},
        {CELLS("<cell/>"), "<cell memory> is \"\""},
        {CELLS("<cell id='-1' memory='1'/>"), "<cell id> is \"-1\""},
        {CELLS("<cell id='128' memory='1'/>"), "<cell id> is \"128\""},
        {CELLS("<cell memory='1' cpus='0-'/>"), "<cell cpus>: CPU list \"0-\""},
        {CELLS("<cell memory='1' unit='furlong'/>"), "unit \"furlong\": expected a size"},
        {CELLS("<cell memory='99999999999' unit='E'/>"), "\"99999999999\" with unit \"E\""},
        {CELLS("<cell id='0' memory='1'/><cell id='0' memory='1'/>"), "two <cell> have id 0"},
        {HUGE("<page/>"), "<page size> is \"\""},
        {HUGE("<page size='3' unit='MiB'/>"), "expected a power of two"},
        {HUGE("<page size='0'/>"), "expected a power of two"},
        {HUGE("<page size='2' unit='MiB' nodeset='all'/>"), "<page nodeset>: "},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_test_message("%s", rows[i].tail);
        g_autofree char *text = small("", rows[i].tail);
        assert_refused(text, strlen(text), rows[i].words);
    }
}

static char *
repeated(const char *start, const char *part, guint times, const char *end)
{
    GString *text = g_string_new(start);
    for (guint i = 0; i < times; i++)
        g_string_append(text, part);
    g_string_append(text, end);
    return g_string_free(text, FALSE);
}

static void
test_deep(void)
{
    g_autofree char *text = repeated("<domain>", "<a>", 100000, "");
    assert_refused(text, strlen(text), "not well-formed");
}

static void
test_huge(void)
{
    g_autofree char *name = g_strnfill(9 * 1024 * 1024, 'x');
    g_autofree char *text = small("<title>", name);
    assert_refused(text, strlen(text), "bytes, more than");
    g_autofree char *pins =
        repeated("<cputune>", "<vcpupin vcpu='0' cpuset='0'/>", 200000, "</cputune>");
    g_autofree char *pinned = small("", pins);
    assert_refused(pinned, strlen(pinned), "<vcpupin> is there too often");
}

/* Cut anywhere, no text makes the reader crash or accept it. */
static void
test_cut(void)
{
    g_autofree char *text = text_of("nova-pinned");
    gsize whole = (gsize)(strstr(text, "</domain>") - text) + strlen("</domain>");
    for (gsize length = 0; length < whole; length += 7) {
        g_autofree char *part = g_memdup2(text, length + 1);
        assert_refused(part, length, "");
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/domain-xml/a-plain-guest-has-one-cell", test_plain);
    g_test_add_func("/domain-xml/a-cell-holds-vcpus-yet-to-be-plugged", test_hotplug_vcpus);
    g_test_add_func("/domain-xml/plugged-vcpus-may-have-gaps", test_plugged_vcpus);
    g_test_add_func("/domain-xml/pins-are-told-by-thread", test_pins);
    g_test_add_func("/domain-xml/iothreads-have-ids", test_iothreads);
    g_test_add_func("/domain-xml/boundaries-are-told", test_placement);
    g_test_add_func("/domain-xml/cells-know-size-pages-and-backing", test_cells);
    g_test_add_func("/domain-xml/cells-ascend-by-id", test_cells_ascend);
    g_test_add_func("/domain-xml/managers-are-known-by-their-namespace", test_managers);
    g_test_add_func("/domain-xml/sizes-have-libvirts-units", test_sizes);
    g_test_add_func("/domain-xml/our-metadata-needs-no-prefix", test_metadata);
    g_test_add_func("/domain-xml/bad-metadata-says-what-is-wrong", test_bad_metadata);
    g_test_add_func("/domain-xml/entities-are-refused", test_entities);
    g_test_add_func("/domain-xml/wrong-parts-are-named", test_wrong_parts);
    g_test_add_func("/domain-xml/wrong-values-are-named", test_wrong_values);
    g_test_add_func("/domain-xml/depth-is-bounded", test_deep);
    g_test_add_func("/domain-xml/size-is-bounded", test_huge);
    g_test_add_func("/domain-xml/a-cut-text-is-refused", test_cut);
    return g_test_run();
}
