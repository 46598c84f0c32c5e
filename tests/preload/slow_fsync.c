/* A disk on which making data durable takes long, for measurements of any server:
 *
 *   cc -O2 -shared -fPIC -o /tmp/slow_fsync.so tests/preload/slow_fsync.c -ldl
 *   SLOW_FSYNC_US=1000 LD_PRELOAD=/tmp/slow_fsync.so redis-server ...
 *
 * Every fsync and fdatasync takes SLOW_FSYNC_US microseconds more than it does. They overlap as
 * on a disk with many queues; with SLOW_FSYNC_SERIAL=1 the disk does one at a time, and who syncs
 * meanwhile waits behind it. Nothing else is slower, and what syncs by other means is not. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;
static long delay_us;
static int is_serial;
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void prepare(void) {
    const char *delay = getenv("SLOW_FSYNC_US"), *serial = getenv("SLOW_FSYNC_SERIAL");
    delay_us = delay ? atol(delay) : 0;
    is_serial = serial && atoi(serial);
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
}

static int slowly(int (*sync)(int), int fd) {
    struct timespec left = {delay_us / 1000000, delay_us % 1000000 * 1000};
    if (is_serial) pthread_mutex_lock(&disk);
    int result = sync(fd), reason = errno;
    while (delay_us > 0 && nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
    if (is_serial) pthread_mutex_unlock(&disk);
    errno = reason;
    return result;
}

int fsync(int fd) { return slowly(real_fsync, fd); }

int fdatasync(int fd) { return slowly(real_fdatasync, fd); }
