#define XXH_INLINE_ALL
#include <xxhash.h>

#include "CXXHash.h"

uint64_t lt_hash64(const void *bytes, size_t length, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, length, seed);
}
