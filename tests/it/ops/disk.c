/* A disk that fails when it is told to: loaded before the C library (LD_PRELOAD) of a program that uses SQLite.
 *
 * DISK_ORDER names a file. While it is there it says "ID FILE NTH TIMES ERRNO": of the writes and syncs of the file of
 * that name (of all whose name begins so, where it ends in a star), counted since the order has this ID, those from the
 * NTH on, TIMES of them, fail with ERRNO; or, where ERRNO is 0, the first of them is done by half and the process is
 * killed. Each that fails adds a byte to the file of the same name with ".hit" at its end. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long order_id;
static long count;

static int is_meant(const char *name, const char *file) {
    size_t n = strlen(file);
    return file[n - 1] == '*' ? strncmp(name, file, n - 1) == 0 : strcmp(name, file) == 0;
}

/* `at` is where the bytes go, or -1: where the file stands. */
static int fails(int fd, const void *bytes, size_t size, off64_t at) {
    const char *order = getenv("DISK_ORDER");
    if (order == NULL) return 0;
    int saved = errno;
    int in = syscall(SYS_openat, AT_FDCWD, order, O_RDONLY | O_CLOEXEC);
    if (in < 0) { errno = saved; return 0; }
    char text[256] = {0}, file[64], link[64], path[PATH_MAX] = {0};
    long got = syscall(SYS_read, in, text, sizeof text - 1);
    syscall(SYS_close, in);
    long id, nth, times, error;
    errno = saved;
    if (got <= 0 || sscanf(text, "%ld %63s %ld %ld %ld", &id, file, &nth, &times, &error) != 5) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) < 0) { errno = saved; return 0; }
    errno = saved;
    const char *name = strrchr(path, '/');
    if (name == NULL || !is_meant(name + 1, file)) return 0;
    if (__atomic_exchange_n(&order_id, id, __ATOMIC_SEQ_CST) != id) __atomic_store_n(&count, 0, __ATOMIC_SEQ_CST);
    long n = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (n < nth || n >= nth + times) return 0;
    char hit[PATH_MAX];
    snprintf(hit, sizeof hit, "%s.hit", order);
    int out = syscall(SYS_openat, AT_FDCWD, hit, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out >= 0) { syscall(SYS_write, out, "x", 1); syscall(SYS_close, out); }
    if (error == 0) {
        if (bytes != NULL && at < 0) syscall(SYS_write, fd, bytes, size / 2);
        if (bytes != NULL && at >= 0) syscall(SYS_pwrite64, fd, bytes, size / 2, at);
        syscall(SYS_kill, getpid(), SIGKILL);
    }
    errno = (int)error;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t size) {
    return fails(fd, bytes, size, -1) ? -1 : syscall(SYS_write, fd, bytes, size);
}
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    return fails(fd, bytes, size, at) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, at);
}
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { return pwrite64(fd, bytes, size, at); }
int fsync(int fd) { return fails(fd, NULL, 0, -1) ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return fails(fd, NULL, 0, -1) ? -1 : (int)syscall(SYS_fdatasync, fd); }
int ftruncate64(int fd, off64_t size) { return fails(fd, NULL, 0, -1) ? -1 : (int)syscall(SYS_ftruncate, fd, size); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
