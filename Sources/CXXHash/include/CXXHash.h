// XXH3 (libxxhash, header only): the fingerprint of a record's content. Not cryptographic: it finds
// accidental differences, it does not resist a forger.
#ifndef LIENTHONG_CXXHASH_H
#define LIENTHONG_CXXHASH_H
#include <stddef.h>
#include <stdint.h>

uint64_t lt_hash64(const void *bytes, size_t length, uint64_t seed);

#endif
