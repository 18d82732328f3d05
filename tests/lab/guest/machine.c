/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "machine.h"

#define ACPI_TIMER_PORT 0x608 /* where SeaBIOS puts it, on pc and on q35 */
#define ACPI_TIMER_MASK 0xffffffu
#define ACPI_TICKS_10MS 35795u /* of 3.579545 MHz */
#define SERIAL_PORT 0x3f8
#define TRAMPOLINE 0x8000
#define TIMER_VECTOR 0x20
#define SPURIOUS_VECTOR 0xff

enum {
    APIC_SPURIOUS = 0x0f0,
    APIC_COMMAND = 0x300,
    APIC_TIMER = 0x320,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

struct gate {
    uint16_t low, selector, type, high;
};

static struct gate gates[256];
static uint32_t clock_per_us;
static uint32_t apic_per_ms;

extern const uint8_t trampoline[], trampoline_end[];
void interrupt_entry(void);
void exception_entry(void);

static volatile uint32_t *apic(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(0xfee00000u + offset);
}

static uint32_t acpi_timer(void)
{
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((uint16_t)ACPI_TIMER_PORT));
    return value & ACPI_TIMER_MASK;
}

/* No libgcc here, so the machine's own 64 by 32 bit division. */
static uint32_t divide(uint64_t number, uint32_t by)
{
    uint32_t quotient, rest;
    if ((number >> 32) >= by)
        return UINT32_MAX;
    __asm__("divl %4"
        : "=a"(quotient), "=d"(rest)
        : "a"((uint32_t)number), "d"((uint32_t)(number >> 32)), "r"(by));
    return quotient;
}

/* The ACPI timer's value with the clock's at the same moment: the vCPU may lose its CPU between
 * the two readings, so the closest pair of a few counts. */
static uint32_t read_both(uint64_t *ret_clock)
{
    uint32_t timer = 0;
    uint64_t closest = UINT64_MAX;
    for (int i = 0; i < 5; i++) {
        uint64_t before = clock_read();
        uint32_t value = acpi_timer();
        uint64_t after = clock_read();
        if (after - before < closest) {
            closest = after - before;
            timer = value;
            *ret_clock = before + closest / 2;
        }
    }
    return timer;
}

bool clock_start(void)
{
    uint64_t from = 0, to = 0;
    uint32_t first = read_both(&from);
    uint32_t second = first;
    for (int i = 0; i < 1000000 && ((second - first) & ACPI_TIMER_MASK) < ACPI_TICKS_10MS; i++)
        second = acpi_timer();
    second = read_both(&to);
    uint32_t timer = (second - first) & ACPI_TIMER_MASK;
    if (timer < ACPI_TICKS_10MS || timer == ACPI_TIMER_MASK)
        return false;
    uint32_t us = divide((uint64_t)timer * 1000000u, 3579545u);
    clock_per_us = divide(to - from, us);
    return clock_per_us > 0;
}

uint64_t clock_from_us(uint32_t us)
{
    return (uint64_t)us * clock_per_us;
}

uint32_t clock_to_us(uint64_t ticks)
{
    return divide(ticks, clock_per_us);
}

static void gate_set(unsigned vector, void (*entry)(void))
{
    uint32_t address = (uint32_t)(uintptr_t)entry;
    gates[vector] = (struct gate){ (uint16_t)address, 8, 0x8e00, (uint16_t)(address >> 16) };
}

static void apic_measure(void)
{
    uint64_t from = clock_read(), to;
    *apic(APIC_TIMER_INITIAL) = UINT32_MAX;
    do
        to = clock_read();
    while (to - from < clock_from_us(5000));
    uint32_t ticks = UINT32_MAX - *apic(APIC_TIMER_CURRENT);
    *apic(APIC_TIMER_INITIAL) = 0;
    apic_per_ms = divide((uint64_t)ticks * 1000u, clock_to_us(to - from));
}

void cpu_start(void)
{
    for (unsigned i = 0; i < 256; i++)
        gate_set(i, i < 32 ? exception_entry : interrupt_entry);
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) table = { sizeof(gates) - 1, (uint32_t)(uintptr_t)gates };
    __asm__ volatile("lidt %0" : : "m"(table));
    port_write(0x21, 0xff); /* the old interrupt controllers stay silent */
    port_write(0xa1, 0xff);
    *apic(APIC_SPURIOUS) = 0x100 | SPURIOUS_VECTOR;
    *apic(APIC_TIMER) = TIMER_VECTOR;
    *apic(APIC_TIMER_DIVIDE) = 0xb; /* by one */
    if (apic_per_ms == 0)
        apic_measure();
}

static void wait_us(uint32_t us)
{
    uint64_t end = clock_read() + clock_from_us(us);
    while (clock_read() < end)
        __asm__ volatile("pause");
}

void cpu_start_others(void)
{
    volatile uint8_t *target = (volatile uint8_t *)TRAMPOLINE;
    __asm__("" : "+r"(target)); /* an address, not an object: no bounds to warn of */
    for (size_t i = 0; i < (size_t)(trampoline_end - trampoline); i++)
        target[i] = trampoline[i];
    *apic(APIC_COMMAND) = 0x000c4500; /* INIT to all but this one */
    wait_us(10000);
    *apic(APIC_COMMAND) = 0x000c4600 | (TRAMPOLINE >> 12);
}

void cpu_idle_until(uint64_t deadline)
{
    for (uint64_t now = clock_read(); now < deadline; now = clock_read()) {
        uint32_t us = clock_to_us(deadline - now);
        uint32_t ticks = divide((uint64_t)us * apic_per_ms, 1000u);
        *apic(APIC_TIMER_INITIAL) = ticks > 0 ? ticks : 1;
        /* An interrupt that is pending already ends the halt. */
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    }
}

void cpu_stop(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

void serial_start(void)
{
    port_write(SERIAL_PORT + 1, 0);    /* no interrupts */
    port_write(SERIAL_PORT + 3, 0x80); /* divisor: 115,200 baud */
    port_write(SERIAL_PORT, 1);
    port_write(SERIAL_PORT + 1, 0);
    port_write(SERIAL_PORT + 3, 0x03); /* eight bits, no parity */
    port_write(SERIAL_PORT + 2, 0x07); /* queues on, empty */
}

void serial_text(const char *text)
{
    for (; *text; text++) {
        while (!(port_read(SERIAL_PORT + 5) & 0x20))
            __asm__ volatile("pause");
        port_write(SERIAL_PORT, (uint8_t)*text);
    }
}

void serial_number(uint32_t number)
{
    char digits[11];
    char *at = digits + sizeof(digits) - 1;
    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    serial_text(at);
}
