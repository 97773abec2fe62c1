/*
** SHA-1 (FIPS 180-4): names token stores' keys without showing the secret, and signs
** JS-SDK pages as WeCom asks. Not for anything that needs collision resistance.
*/
#ifndef WXM_SHA1_H
#define WXM_SHA1_H

#include <stddef.h>

/* Writes the digest of 'n' bytes as 40 lower-case hex digits; no NUL. */
void wxm_sha1_hex(char to[40], const void *bytes, size_t n);

#endif
