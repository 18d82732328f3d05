/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lab's guest: every vCPU walks memory for ever, as the kernel command line says, and vCPU 0
 * tells on the serial line how far each has come. README.md lists the options. */
#include "machine.h"

#define MULTIBOOT_MAGIC 0x2badb002u
#define WALK_BASE 0x200000u /* behind the image and what the loader left */
#define PAGE_BYTES 4096u
#define STEP_ACCESSES 256u /* between two looks at the clock */
#define DUTY_PERIOD_US 20000u
#define BEAT_US 150000u
#define START_US 5000000u

struct multiboot {
    uint32_t flags, lower_kib, upper_kib, boot_device, command_line;
};

struct options {
    uint32_t vcpus, bytes, stride, duty;
    bool shared, spread;
};

/* A line of its own for each vCPU, so that they do not wait for one another. */
struct progress {
    volatile uint32_t running, steps, longest_us;
    uint32_t padding[29];
};

static struct options options = { .vcpus = 1, .stride = 64, .duty = 100 };
static struct progress progress[MAXIMUM_VCPUS];
static uint32_t memory_bytes;
static char command_line[1024];
extern const uint8_t image_end[];

void walker_main(uint32_t magic, const struct multiboot *information);
void walker_secondary(uint32_t vcpu);
void walker_exception(const uint32_t *frame);

static void fail(const char *what, const char *word)
{
    serial_text("walker: error: ");
    serial_text(what);
    serial_text(word);
    serial_text("\n");
    cpu_stop();
}

static bool starts(const char *text, const char *with, const char **ret_rest)
{
    while (*with)
        if (*text++ != *with++)
            return false;
    *ret_rest = text;
    return true;
}

static bool same(const char *one, const char *other)
{
    const char *rest;
    return starts(one, other, &rest) && *rest == '\0';
}

/* A whole number with an optional K, M or G; false on anything else or beyond 32 bits. */
static bool parse_number(const char *text, uint32_t *ret_number)
{
    uint64_t number = 0;
    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (uint32_t)(*text - '0');
        if (number > UINT32_MAX)
            return false;
    }
    if (*text == 'K' || *text == 'M' || *text == 'G') {
        number <<= *text == 'K' ? 10 : *text == 'M' ? 20 : 30;
        text++;
    }
    if (*text != '\0' || number > UINT32_MAX)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

static void parse_word(const char *word)
{
    static const struct {
        const char *name;
        uint32_t *value;
        uint32_t least, most;
    } numbers[] = {
        { "vcpus=", &options.vcpus, 1, MAXIMUM_VCPUS },
        { "bytes=", &options.bytes, PAGE_BYTES, 0xc0000000u },
        { "stride=", &options.stride, 4, 0x40000000u },
        { "duty=", &options.duty, 1, 100 },
    };
    const char *rest;
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        if (!starts(word, numbers[i].name, &rest))
            continue;
        if (!parse_number(rest, numbers[i].value) || *numbers[i].value < numbers[i].least ||
            *numbers[i].value > numbers[i].most)
            fail("value out of range: ", word);
        return;
    }
    if (same(word, "shared"))
        options.shared = true;
    else if (same(word, "spread"))
        options.spread = true;
    else if (!same(word, "private"))
        fail("options are vcpus= bytes= stride= duty= shared private spread, not ", word);
}

/* The loader puts the kernel's file name first. */
static void parse_command_line(const char *text)
{
    size_t length = 0;
    while (text[length] && length < sizeof(command_line) - 1) {
        command_line[length] = text[length];
        length++;
    }
    bool first = true;
    for (char *at = command_line; *at;) {
        char *word = at;
        while (*at && *at != ' ')
            at++;
        if (*at)
            *at++ = '\0';
        if (!first && *word)
            parse_word(word);
        first = false;
    }
}

static uint32_t room_bytes(void)
{
    return memory_bytes - WALK_BASE;
}

/* Where a vCPU's own piece begins. "spread" lays the pieces evenly over all memory, so that with
 * guest cells of equal size every vCPU's piece lies in its own cell. */
static uint32_t piece_start(uint32_t vcpu)
{
    if (options.shared)
        return WALK_BASE;
    if (!options.spread)
        return WALK_BASE + vcpu * options.bytes;
    uint32_t start = memory_bytes / options.vcpus * vcpu;
    return start < WALK_BASE ? WALK_BASE : start;
}

static void check_options(void)
{
    uint32_t pieces = options.shared ? 1 : options.vcpus;
    if (options.bytes == 0)
        options.bytes = room_bytes() / pieces & ~(PAGE_BYTES - 1);
    if (options.spread && options.bytes > memory_bytes / options.vcpus - WALK_BASE)
        options.bytes = memory_bytes / options.vcpus - WALK_BASE;
    if ((uint64_t)options.bytes * pieces > room_bytes())
        fail("memory is too small for ", "bytes= of every vCPU; it needs 2M more than they");
    if (options.stride >= options.bytes)
        fail("stride= must be less than bytes=", "");
}

static void touch_all(void)
{
    for (uint32_t at = WALK_BASE; at < memory_bytes; at += PAGE_BYTES)
        *(volatile uint32_t *)(uintptr_t)at = at;
}

/* "beat 12 vcpu 0 pass 345 gap 67 vcpu 1 pass ...": pass counts steps, gap is the longest time in
 * microseconds that the vCPU went without one since the last beat. */
static void print_beat(uint32_t beat)
{
    serial_text("beat ");
    serial_number(beat);
    for (uint32_t i = 0; i < options.vcpus; i++) {
        serial_text(" vcpu ");
        serial_number(i);
        serial_text(" pass ");
        serial_number(progress[i].steps);
        serial_text(" gap ");
        serial_number(progress[i].longest_us);
        progress[i].longest_us = 0;
    }
    serial_text("\n");
}

static uint32_t step(uint32_t start, uint32_t offset)
{
    for (uint32_t i = 0; i < STEP_ACCESSES; i++) {
        *(volatile uint32_t *)(uintptr_t)(start + offset) += 1;
        offset += options.stride;
        if (offset > options.bytes - 4)
            offset = 0;
    }
    return offset;
}

static void walk(uint32_t vcpu)
{
    struct progress *mine = &progress[vcpu];
    const uint32_t start = piece_start(vcpu);
    const uint64_t busy = clock_from_us(DUTY_PERIOD_US / 100 * options.duty);
    const uint64_t period = clock_from_us(DUTY_PERIOD_US);
    uint64_t last = clock_read(), begin = last, next_beat = last;
    uint32_t offset = 0, beat = 0;
    for (;;) {
        offset = step(start, offset);
        uint64_t now = clock_read();
        uint32_t gap = clock_to_us(now - last);
        if (gap > mine->longest_us)
            mine->longest_us = gap;
        mine->steps++;
        if (vcpu == 0 && now >= next_beat) {
            print_beat(++beat);
            next_beat = now + clock_from_us(BEAT_US);
            now = clock_read();
        }
        if (options.duty < 100 && now - begin >= busy) {
            cpu_idle_until(begin + period);
            begin = now = clock_read();
        }
        last = now;
    }
}

void walker_secondary(uint32_t vcpu)
{
    if (vcpu >= options.vcpus)
        cpu_stop();
    cpu_start();
    progress[vcpu].running = 1;
    while (!progress[0].running)
        __asm__ volatile("pause");
    walk(vcpu);
}

static void start_others(void)
{
    uint64_t end = clock_read() + clock_from_us(START_US);
    cpu_start_others();
    for (uint32_t i = 1; i < options.vcpus; i++)
        while (!progress[i].running)
            if (clock_read() > end)
                fail("the machine has fewer vCPUs than ", "vcpus=");
}

void walker_exception(const uint32_t *frame)
{
    serial_text("walker: error: exception; stack");
    for (int i = 0; i < 4; i++) {
        serial_text(" ");
        serial_number(frame[i]);
    }
    serial_text("\n");
    cpu_stop();
}

void walker_main(uint32_t magic, const struct multiboot *information)
{
    serial_start();
    if (magic != MULTIBOOT_MAGIC || !(information->flags & 1))
        fail("not started by multiboot, or without the memory's size", "");
    if (information->flags & 4)
        parse_command_line((const char *)(uintptr_t)information->command_line);
    memory_bytes = 0x100000u + information->upper_kib * 1024u;
    if (memory_bytes < WALK_BASE + 0x100000u || (uintptr_t)image_end > WALK_BASE)
        fail("the machine needs at least 3 MiB", "");
    check_options();
    if (!clock_start())
        fail("no ACPI timer at port 0x608; give the guest <features><acpi/></features>", "");
    cpu_start();
    touch_all();
    if (options.vcpus > 1)
        start_others();
    serial_text("ready\n");
    progress[0].running = 1;
    walk(0);
}
