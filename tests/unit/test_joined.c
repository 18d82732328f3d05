/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests of plain QEMU and of libvirt side by side, and hosts that have no libvirt. */
#include "fake_hypervisor.h"
#include "plain/joined.h"
#include "plain_stage.h"

static FakeHypervisor *libvirt;
static VbError libvirt_fails;

static VbHypervisor *
connect_to_fake(const char *uri, guint deadline_ms, GError **error)
{
    if (libvirt != NULL)
        return fake_hypervisor_base(libvirt);
    g_set_error(error, VB_ERROR, (int)libvirt_fails, "no libvirtd");
    return NULL;
}

/* Takes the stage's plain guests over. */
static VbHypervisor *
join(Stage *stage)
{
    return stage->plain = vb_joined_new(&stage->fake->kernel, connect_to_fake, NULL, DEADLINE_MS,
                                        stage->plain);
}

static void
both_kinds_appear_side_by_side(void)
{
    Stage stage;
    set_up(&stage);
    libvirt = fake_hypervisor_new();
    const char *other = fake_hypervisor_add_plain(libvirt, "db", 1, 64);
    join(&stage);
    g_autoptr(GPtrArray) looks = list(&stage);
    g_assert_cmpuint(looks->len, ==, 2);
    g_autoptr(GError) error = NULL;
    VbCpuSet cpus = {.word = {1}};
    g_assert_true(stage.plain->ops->pin(stage.plain, other, "vcpu0", &cpus, DEADLINE_MS, &error));
    g_autoptr(VbDomainLook) seen = stage.plain->ops->look(stage.plain, other, DEADLINE_MS, NULL);
    g_assert_cmpstr(vb_domain_pin_of(seen->live, "vcpu0"), ==, "0");
    g_autoptr(VbDomainLook) plain = stage.plain->ops->look(stage.plain, UUID, DEADLINE_MS, NULL);
    g_assert_true(plain->live->own_monitor);
    /* Its pins go through the mover, which sees that this program is no QEMU. */
    g_assert_false(stage.plain->ops->pin(stage.plain, UUID, "vcpu0", &cpus, DEADLINE_MS, &error));
    g_assert_nonnull(error);
    tear_down(&stage);
    libvirt = NULL;
}

static void
a_guest_of_both_is_libvirts(void)
{
    Stage stage;
    set_up(&stage);
    libvirt = fake_hypervisor_new();
    fake_hypervisor_add(libvirt,
                        "<domain type='kvm'><name>web</name><uuid>" UUID "</uuid>"
                        "<memory unit='MiB'>64</memory><vcpu>2</vcpu></domain>",
                        NULL);
    join(&stage);
    g_autoptr(VbDomainLook) seen = look(&stage);
    g_assert_false(seen->live->own_monitor);
    g_autoptr(VbDomainLook) again = stage.plain->ops->look(stage.plain, UUID, DEADLINE_MS, NULL);
    g_assert_false(again->live->own_monitor);
    tear_down(&stage);
    libvirt = NULL;
}

static void
no_libvirt_is_no_error_until_it_was_reached(void)
{
    Stage stage;
    set_up(&stage);
    libvirt_fails = VB_ERROR_UNREACHABLE;
    join(&stage);
    g_autoptr(VbDomainLook) seen = look(&stage);
    g_assert_cmpstr(seen->live->name, ==, "web");
    g_autoptr(GError) error = NULL;
    static const char nobody[] = "c7a5fdbd-edaf-9455-926a-d65c16db1888";
    g_assert_null(stage.plain->ops->look(stage.plain, nobody, DEADLINE_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_NO_GUEST);
    g_clear_error(&error);
    /* It may be libvirt's: then it is not gone. */
    fake_kernel_start(stage.fake, 77, 5, QEMU, "qemu -uuid c7a5fdbd-edaf-9455-926a-d65c16db1888");
    g_assert_null(stage.plain->ops->look(stage.plain, nobody, DEADLINE_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNREACHABLE);
    tear_down(&stage);
}

/* One that is there and does not let us in is another matter. */
static void
a_libvirt_that_refuses_is_an_error(void)
{
    Stage stage;
    set_up(&stage);
    libvirt_fails = VB_ERROR_DENIED;
    join(&stage);
    for (guint times = 0; times < 2; times++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(stage.plain->ops->list(stage.plain, DEADLINE_MS, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
        g_clear_error(&error);
        g_assert_null(stage.plain->ops->read_metadata(stage.plain, "web", DEADLINE_MS, &error));
        g_assert_error(error, VB_ERROR, VB_ERROR_DENIED);
    }
    tear_down(&stage);
}

static void
a_libvirt_that_was_reached_is_missed(void)
{
    Stage stage;
    set_up(&stage);
    libvirt = fake_hypervisor_new();
    join(&stage);
    vb_domain_look_free(look(&stage));
    fake_hypervisor_fail(libvirt, "list", 0, 1, VB_ERROR_UNREACHABLE, "libvirtd is gone");
    g_autoptr(GError) error = NULL;
    g_assert_null(stage.plain->ops->list(stage.plain, DEADLINE_MS, &error));
    g_assert_error(error, VB_ERROR, VB_ERROR_UNREACHABLE);
    tear_down(&stage);
    libvirt = NULL;
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/joined/side-by-side", both_kinds_appear_side_by_side);
    g_test_add_func("/joined/of-both", a_guest_of_both_is_libvirts);
    g_test_add_func("/joined/no-libvirt", no_libvirt_is_no_error_until_it_was_reached);
    g_test_add_func("/joined/refused", a_libvirt_that_refuses_is_an_error);
    g_test_add_func("/joined/missed", a_libvirt_that_was_reached_is_missed);
    return g_test_run();
}
