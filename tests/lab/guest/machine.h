/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the walker needs of a PC: ports, the clock, the local APIC, the serial line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAXIMUM_VCPUS 64 /* boot.S has the same */

static inline void port_write(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_read(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline uint64_t clock_read(void)
{
    uint64_t ticks;
    __asm__ volatile("rdtsc" : "=A"(ticks));
    return ticks;
}

/* Learns the clock's rate from the ACPI timer; false where there is none. Before any other call. */
bool clock_start(void);
uint64_t clock_from_us(uint32_t us);
/* Saturates at UINT32_MAX. */
uint32_t clock_to_us(uint64_t ticks);

/* Interrupt table and local APIC of the vCPU that calls. */
void cpu_start(void);
/* INIT-SIPI to every other vCPU; they run walker_secondary(APIC id). */
void cpu_start_others(void);
/* Halts the vCPU that calls until the clock reads at least deadline. */
void cpu_idle_until(uint64_t deadline);
void cpu_stop(void) __attribute__((noreturn));

void serial_start(void);
void serial_text(const char *text);
void serial_number(uint32_t number);
