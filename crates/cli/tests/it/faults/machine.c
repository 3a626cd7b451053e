/*
 * What a machine does to a process: a clock that is off, a disk that is full for a while, a sync that fails.
 *
 * Preloaded into processes of the fault suite. In the environment: FAULTS_CLOCK, seconds that the wall clock is ahead;
 * FAULTS_SYNC, how many in a thousand syncs fail; FAULTS_DISK, "bytes,writes": after so many bytes that many writes to
 * files find the disk full; FAULTS_SEED; FAULTS_MET, a file that gets a letter for each fault that was met.
 *
 * A sync that fails loses what it could not write: by chance the last writes since the file's last good sync are taken
 * back, all of them or some, or none. What a write overwrote is put back, and so is the file's length. That is sound for
 * every file that is written by write, pwrite and ftruncate, through one descriptor at a time, and synced through that
 * one: the segments and the cursor of a bridge's spool, and SQLite's databases with their write-ahead logs, each of
 * which one connection writes. It is not for what has no such sync, and nothing is taken back there: names (a file that
 * was made, renamed or removed stays so, though the sync of its directory fails), memory that is mapped (SQLite's -shm,
 * which does not outlive its processes), and files that nobody syncs.
 *
 * Syncs that do not fail do nothing, and a process that is killed loses nothing that it wrote: the processes end, the
 * machine goes on. What a machine forgets that loses its power is not shown here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
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

static unsigned long long draw(void)
{
    unsigned long long z = seed + (atomic_fetch_add(&drawn, 1) + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

/* A machine that cannot keep note of what it may have to take back shows nothing: the suite looks for such a line. */
static void give_up(const char *why)
{
    dprintf(2, "panicked at machine.c: %s: error %d\n", why, errno);
    abort();
}

/* What a file was before it was written to. */
struct before {
    struct before *earlier;
    off_t file_length, from;
    size_t length;
    char bytes[];
};

#define FILES 4096
/* By descriptor: which file it is, and what was written to it since its last good sync. */
static struct noted {
    dev_t device;
    ino_t inode;
    struct before *last;
} noted[FILES];
static pthread_mutex_t noting = PTHREAD_MUTEX_INITIALIZER;

static void forget(struct noted *of)
{
    while (of->last) {
        struct before *last = of->last;
        of->last = last->earlier;
        free(last);
    }
}

/* Where it is noted what is written to a file; nowhere if it is none, or if no sync fails here. */
static struct noted *note_of(int file, struct stat *found)
{
    struct noted *of;
    if (sync_per_mille == 0 || file < 0 || file >= FILES || file == met || fstat(file, found) != 0 ||
        !S_ISREG(found->st_mode))
        return NULL;
    of = &noted[file];
    if (of->device != found->st_dev || of->inode != found->st_ino) {
        forget(of);
        of->device = found->st_dev;
        of->inode = found->st_ino;
    }
    return of;
}

/* The same file to read and write at any place. Of one that can be already, no second descriptor is opened: closing that
 * would give up the locks that SQLite has on it. */
static int any_place(int file)
{
    int flags = fcntl(file, F_GETFL), opened;
    char path[32];
    if ((flags & O_ACCMODE) == O_RDWR && !(flags & O_APPEND))
        return file;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    opened = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (opened < 0)
        give_up("a file cannot be opened again");
    return opened;
}

static void leave_place(int file, int opened)
{
    if (opened != file)
        syscall(SYS_close, opened);
}

/* Keeps note of what is between two places of a file that is so long. */
static struct before *read_before(int file, off_t from, off_t to, off_t file_length)
{
    size_t length = from < file_length ? (size_t)((to < file_length ? to : file_length) - from) : 0, read = 0;
    struct before *before = malloc(sizeof *before + length);
    if (!before)
        give_up("there is no memory");
    before->file_length = file_length;
    before->from = from;
    before->length = length;
    if (length > 0) {
        int opened = any_place(file);
        while (read < length) {
            ssize_t some = pread(opened, before->bytes + read, length - read, from + (off_t)read);
            if (some <= 0)
                give_up("a file cannot be read");
            read += (size_t)some;
        }
        leave_place(file, opened);
    }
    return before;
}

/* Adds a note, if what it is of was done. */
static void note(struct noted *of, struct before *before, int was_done)
{
    if (was_done) {
        before->earlier = of->last;
        of->last = before;
    } else {
        free(before);
    }
}

/* Takes back some of the last writes. */
static int take_back(int file, struct noted *of)
{
    unsigned long long count = 0, lost;
    struct before *each;
    int opened;
    for (each = of->last; each; each = each->earlier)
        count++;
    lost = draw() % (count + 1);
    if (lost == 0)
        return 0;
    opened = any_place(file);
    for (; lost > 0; lost--) {
        struct before *last = of->last;
        size_t put = 0;
        while (put < last->length) {
            long some = syscall(SYS_pwrite64, opened, last->bytes + put, last->length - put, last->from + (off_t)put);
            if (some <= 0)
                give_up("a write cannot be taken back");
            put += (size_t)some;
        }
        if (syscall(SYS_ftruncate, opened, last->file_length) != 0)
            give_up("a length cannot be taken back");
        of->last = last->earlier;
        free(last);
    }
    leave_place(file, opened);
    return 1;
}

static int synced(int file)
{
    struct stat found;
    struct noted *of;
    int fails = (long long)(draw() % 1000) < sync_per_mille;
    pthread_mutex_lock(&noting);
    of = note_of(file, &found);
    if (of && !fails)
        forget(of);
    if (of && fails && take_back(file, of))
        meet('l');
    pthread_mutex_unlock(&noting);
    if (!fails)
        return 0;
    meet('s');
    errno = EIO;
    return -1;
}

int fsync(int file)
{
    return synced(file);
}

int fdatasync(int file)
{
    return synced(file);
}

int close(int file)
{
    if (sync_per_mille > 0 && file >= 0 && file < FILES) {
        pthread_mutex_lock(&noting);
        forget(&noted[file]);
        pthread_mutex_unlock(&noting);
    }
    return (int)syscall(SYS_close, file);
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

static ssize_t plain_write(int file, const void *bytes, size_t length, off_t from)
{
    return from < 0 ? syscall(SYS_write, file, bytes, length) : syscall(SYS_pwrite64, file, bytes, length, from);
}

/* Writes at a place, or where the descriptor is if that is negative. */
static ssize_t noted_write(int file, const void *bytes, size_t length, off_t from)
{
    struct stat found;
    struct noted *of;
    ssize_t outcome;
    if (disk_is_full(file, length))
        return -1;
    if (sync_per_mille == 0)
        return plain_write(file, bytes, length, from);
    pthread_mutex_lock(&noting);
    of = note_of(file, &found);
    if (of) {
        int appends = fcntl(file, F_GETFL) & O_APPEND;
        off_t at = appends ? found.st_size : from < 0 ? lseek(file, 0, SEEK_CUR) : from;
        struct before *before = read_before(file, at, at + (off_t)length, found.st_size);
        outcome = plain_write(file, bytes, length, from);
        note(of, before, outcome > 0);
    }
    pthread_mutex_unlock(&noting);
    return of ? outcome : plain_write(file, bytes, length, from);
}

ssize_t write(int file, const void *bytes, size_t length)
{
    return noted_write(file, bytes, length, -1);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t from)
{
    return noted_write(file, bytes, length, from);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t from)
{
    return noted_write(file, bytes, length, from);
}

int ftruncate64(int file, off64_t length)
{
    struct stat found;
    struct noted *of;
    int outcome;
    pthread_mutex_lock(&noting);
    of = note_of(file, &found);
    if (of) {
        struct before *before = read_before(file, length, found.st_size, found.st_size);
        outcome = (int)syscall(SYS_ftruncate, file, length);
        note(of, before, outcome == 0);
    } else {
        outcome = (int)syscall(SYS_ftruncate, file, length);
    }
    pthread_mutex_unlock(&noting);
    return outcome;
}

int ftruncate(int file, off_t length)
{
    return ftruncate64(file, length);
}
