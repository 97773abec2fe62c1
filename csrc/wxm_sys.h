/*
** What the core asks of the operating system: a clock that only goes forward, and
** randomness. Everything else in the core takes them as arguments.
*/
#ifndef WXM_SYS_H
#define WXM_SYS_H

#include <stddef.h>

/* Seconds since some fixed moment; never goes back. */
double wxm_sys_now(void);

/* Fills 'n' bytes from the OS's generator. 0, or -1 where there is none to be had. */
int wxm_sys_random(void *bytes, size_t n);

#endif
