/*
 * UTF-8 (RFC 3629): what others wrote is looked at before it is quoted or shown.
 */
#ifndef SRV_UTF8_H
#define SRV_UTF8_H

#include <stddef.h>
#include <stdint.h>

/** Bytes of the character that terminated text `at` begins with, and its code point; 0 if it is none. */
size_t srv_utf8_decode(const char *at, uint32_t *point);

#endif
