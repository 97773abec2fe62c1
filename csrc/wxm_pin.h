/*
** Keeps this shared object's code loaded until the process ends. Lua unloads C modules
** when a state closes, but something may come back into them after that: a finalizer of
** the user's that Lua 5.1 runs late, a thread that libcurl left behind.
*/
#ifndef WXM_PIN_H
#define WXM_PIN_H

/* 1 when the code is pinned (again), 0 where the system has no way to. */
int wxm_pin_code(void);

#endif
