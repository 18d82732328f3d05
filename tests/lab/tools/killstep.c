/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LD_PRELOAD: kills the process with SIGKILL right after its KILL_AT-th step, a step being what makes
 * a part of vmbalancer's undo last: a file of the record written to disk, renamed or removed, a note in
 * the guest's metadata, a pin. Each step is a line in the file KILL_LOG; without KILL_AT it only counts. */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS "/vmbalancer/guests"

static atomic_int steps;

static void step(const char *name)
{
    int number = atomic_fetch_add(&steps, 1) + 1;
    const char *log = getenv("KILL_LOG"), *at = getenv("KILL_AT");
    int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    if (fd >= 0) {
        dprintf(fd, "%d %s\n", number, name);
        close(fd);
    }
    if (at && number == atoi(at))
        kill(getpid(), SIGKILL);
}

static void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function)
        abort();
    return function;
}

static int is_record(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    return strstr(path, RECORDS) != NULL;
}

int fsync(int fd)
{
    int (*call)(int) = real("fsync");
    int ours = is_record(fd), result = call(fd);
    if (ours)
        step("fsync");
    return result;
}

int rename(const char *from, const char *to)
{
    int (*call)(const char *, const char *) = real("rename");
    int result = call(from, to);
    if (strstr(to, RECORDS))
        step("rename");
    return result;
}

int unlink(const char *path)
{
    int (*call)(const char *) = real("unlink");
    int result = call(path);
    if (strstr(path, RECORDS))
        step("unlink");
    return result;
}

/* libvirt's, by hand, as the lab's tools need none of its headers. */
int virDomainSetMetadata(void *domain, int type, const char *text, const char *key, const char *uri,
    unsigned flags);
int virDomainPinVcpuFlags(void *domain, unsigned vcpu, unsigned char *map, int length, unsigned flags);
int virDomainPinEmulator(void *domain, unsigned char *map, int length, unsigned flags);

int virDomainSetMetadata(void *domain, int type, const char *text, const char *key, const char *uri,
    unsigned flags)
{
    int (*call)(void *, int, const char *, const char *, const char *, unsigned) =
        real("virDomainSetMetadata");
    int result = call(domain, type, text, key, uri, flags);
    step("note");
    return result;
}

int virDomainPinVcpuFlags(void *domain, unsigned vcpu, unsigned char *map, int length, unsigned flags)
{
    int (*call)(void *, unsigned, unsigned char *, int, unsigned) = real("virDomainPinVcpuFlags");
    int result = call(domain, vcpu, map, length, flags);
    step("pin-vcpu");
    return result;
}

int virDomainPinEmulator(void *domain, unsigned char *map, int length, unsigned flags)
{
    int (*call)(void *, unsigned char *, int, unsigned) = real("virDomainPinEmulator");
    int result = call(domain, map, length, flags);
    step("pin-emulator");
    return result;
}
