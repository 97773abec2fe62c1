/*
** What the core asks of the operating system. POSIX; the header has the contracts.
** Nothing here waits but for the disk.
*/
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* getentropy, flock, mkstemp */
#endif
#include "wxm_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif

double wxm_sys_now(void)
{
    struct timespec t = {0, 0};

    /* CLOCK_REALTIME jumps when the clock is set, and deadlines would jump with it. */
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int wxm_sys_random(void *bytes, size_t n)
{
    unsigned char *p = bytes;

    while (n > 0) { /* getentropy gives 256 bytes at most, or none */
        size_t part = n < 256 ? n : 256;
        if (getentropy(p, part) != 0) {
            return -1;
        }
        p += part;
        n -= part;
    }
    return 0;
}

/*
** Writes all the bytes and brings them to the disk. 0 or an errno. Without fsync a
** crash after the rename could leave the new name with nothing behind it.
*/
static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, p, n);
        if (written < 0) {
            if (errno == EINTR) { /* a signal of the host's: nothing was written */
                continue;
            }
            return errno;
        }
        p += written; /* fewer than asked for is no error: write(2) */
        n -= (size_t)written;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

int wxm_sys_replace_file(const char *path, const void *bytes, size_t n)
{
    static const char suffix[] = ".XXXXXX";
    size_t len = strlen(path);
    /* In the same folder: rename does not go from one file system to another. */
    char *beside = malloc(len + sizeof suffix);
    int fd, failed;

    if (beside == NULL) {
        return ENOMEM;
    }
    memcpy(beside, path, len);
    memcpy(beside + len, suffix, sizeof suffix);
    fd = mkstemp(beside); /* 0600, whatever the umask gives away */
    if (fd < 0) {
        failed = errno;
        goto done;
    }
    failed = write_all(fd, bytes, n);
    /* Network file systems may report a failed write no sooner than here. */
    if (close(fd) != 0 && failed == 0) {
        failed = errno;
    }
    if (failed == 0 && rename(beside, path) != 0) {
        failed = errno;
    }
    if (failed != 0) {
        unlink(beside);
    }
done:
    free(beside);
    return failed;
}

/*
** flock, not fcntl: its lock belongs to the open file, so two in one process exclude
** each other too, and closing some other descriptor of the file does not end it.
**
** O_CLOEXEC: a child would hold the lock beyond us. O_NOFOLLOW: in a folder that others
** may write to, a link would have us make or lock a file of their choice.
*/
int wxm_sys_lock(const char *path, int *lock)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), failed;

    if (fd < 0) {
        return errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        failed = errno; /* before close, which may change it */
        close(fd);
        return failed;
    }
    *lock = fd;
    return 0;
}

void wxm_sys_unlock(int lock)
{
    close(lock); /* the file stays: taking it away would let two hold "the" lock */
}

int wxm_sys_private_file(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        return errno;
    }
    /* The effective user is the one whose rights open the file. */
    if (!S_ISREG(info.st_mode) || info.st_uid != geteuid() ||
        (info.st_mode & 077) != 0) {
        return EPERM;
    }
    return 0;
}

int wxm_sys_columns(int fd)
{
    struct winsize size;

    if (!isatty(fd)) {
        return 0;
    }
    /* Serial lines and some emulators know no size and say 0. */
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return 80;
    }
    return size.ws_col;
}
