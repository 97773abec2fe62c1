/*
** What the core asks of the operating system: a clock that only goes forward,
** randomness, files that are replaced whole, locks between processes, the terminal.
** Everything else in the core takes clock and randomness as arguments. Functions that
** can fail return 0 or an errno.
*/
#ifndef WXM_SYS_H
#define WXM_SYS_H

#include <stddef.h>

/* Seconds since some fixed moment; never goes back. */
double wxm_sys_now(void);

/* Fills 'n' bytes from the OS's generator. 0, or -1 where there is none to be had. */
int wxm_sys_random(void *bytes, size_t n);

/*
** Makes the file hold these bytes, readable by its owner alone (0600): they are written
** to a new file beside it, brought to the disk, and put in its place in one step. A
** reader sees the old bytes or the new ones; after a failure the old ones are still
** there and nothing is left beside them.
*/
int wxm_sys_replace_file(const char *path, const void *bytes, size_t n);

/*
** Takes the lock that the file stands for, and makes the file if there is none; never
** waits. 0: '*lock' is what wxm_sys_unlock wants. EWOULDBLOCK: another holds it, in
** this process or another. The lock ends with its process.
*/
int wxm_sys_lock(const char *path, int *lock);

/* Lets a lock go, once for each that was taken. The file stays. */
void wxm_sys_unlock(int lock);

/*
** May a secret stand in this file? 0 when it is a regular file that belongs to this
** user and gives others no rights; EPERM when not; else why it cannot be looked at.
*/
int wxm_sys_private_file(const char *path);

/* Columns of the terminal behind a descriptor; 0: it is none, 80: it won't say. */
int wxm_sys_columns(int fd);

#endif
