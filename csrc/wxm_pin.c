/* Keeps this shared object's code loaded until the process ends. */
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
    static const char here = 0; /* an address within this object */
    Dl_info info;

    if (dladdr(&here, &info) != 0 && info.dli_fname != NULL) {
        return dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE) != NULL;
    }
#endif
    return 0;
}
