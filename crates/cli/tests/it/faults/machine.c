/*
 * What a machine does to a process: a clock that is off, a disk that is full for a while, a sync that fails.
 *
 * Preloaded into processes of the fault suite. In the environment: FAULTS_CLOCK, seconds that the wall clock is ahead;
 * FAULTS_SYNC, how many in a thousand syncs fail; FAULTS_DISK, "bytes,writes": after so many bytes that many writes to
 * files find the disk full; FAULTS_SEED; FAULTS_MET, a file that gets a letter for each fault that was met.
 *
 * Syncs that do not fail do nothing: the processes are killed, the machine is not, and what is written is written.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long ahead, bytes_left, writes_failing, sync_per_mille;
static unsigned long long seed;
static int met = -1;
static atomic_llong written, failed;
static atomic_ullong drawn;

static long long number(const char *name)
{
    const char *text = getenv(name);
    return text ? atoll(text) : 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *disk = getenv("FAULTS_DISK"), *path = getenv("FAULTS_MET");
    ahead = number("FAULTS_CLOCK");
    sync_per_mille = number("FAULTS_SYNC");
    seed = (unsigned long long)number("FAULTS_SEED");
    if (disk) {
        char *rest;
        bytes_left = strtoll(disk, &rest, 10);
        writes_failing = *rest ? atoll(rest + 1) : 0;
    }
    if (path)
        met = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void meet(char letter)
{
    if (met >= 0)
        syscall(SYS_write, met, &letter, 1);
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int outcome = (int)syscall(SYS_clock_gettime, clock, at);
    if (outcome == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += ahead;
    return outcome;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

static int sync_fails(void)
{
    unsigned long long z = seed + (atomic_fetch_add(&drawn, 1) + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    if ((long long)(z % 1000) >= sync_per_mille)
        return 0;
    meet('s');
    errno = EIO;
    return -1;
}

int fsync(int file)
{
    (void)file;
    return sync_fails();
}

int fdatasync(int file)
{
    (void)file;
    return sync_fails();
}

static int disk_is_full(int file, size_t length)
{
    struct stat found;
    if (writes_failing == 0 || file == met || fstat(file, &found) != 0 || !S_ISREG(found.st_mode))
        return 0;
    if (atomic_fetch_add(&written, (long long)length) + (long long)length <= bytes_left)
        return 0;
    if (atomic_fetch_add(&failed, 1) >= writes_failing)
        return 0;
    meet('d');
    errno = ENOSPC;
    return 1;
}

ssize_t write(int file, const void *bytes, size_t length)
{
    return disk_is_full(file, length) ? -1 : syscall(SYS_write, file, bytes, length);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t from)
{
    return disk_is_full(file, length) ? -1 : syscall(SYS_pwrite64, file, bytes, length, from);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t from)
{
    return pwrite64(file, bytes, length, from);
}
