/*
** Keeps this shared object's code loaded until the process ends.
**
** The object opens itself once more with RTLD_NODELETE: the handle is not kept, and
** dlclose of the others then unmaps nothing. core.so and curl.so each have a copy of
** this file, so that 'here' lies in the one that asks.
*/
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1 /* dladdr, RTLD_NODELETE */
#endif
#include "wxm_pin.h"

#include <stddef.h>
#if defined(__unix__) || defined(__APPLE__)
#include <dlfcn.h>
#endif

int wxm_pin_code(void)
{
#if defined(RTLD_NODELETE)
    /* An address within this object: data, because C99 has no cast from a function. */
    static const char here = 0;
    Dl_info info;

    if (dladdr(&here, &info) != 0 && info.dli_fname != NULL) {
        return dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE) != NULL;
    }
#endif
    return 0;
}
