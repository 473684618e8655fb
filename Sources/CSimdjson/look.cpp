#include <cstring>

#include "CSimdjson.h"

namespace {

typedef uint8_t block __attribute__((vector_size(64)));
constexpr size_t block_bytes = sizeof(block);

/// A block from the middle of it keeps as many of a text's last bytes as there are.
struct Keep {
    uint8_t bytes[2 * block_bytes];
    constexpr Keep() : bytes() {
        for (size_t index = 0; index < block_bytes; index++) { bytes[index] = 0xFF; }
    }
};
constexpr Keep keep;

bool any(const uint64_t (&words)[block_bytes / 8]) {
    uint64_t all = 0;
    for (auto word : words) { all |= word; }
    return all != 0;
}

}

extern "C" {

// One compilation for each width of vectors; the processor at hand decides when the program starts.
#if defined(__x86_64__)
__attribute__((target_clones("default", "avx2", "avx512bw")))
#endif
lt_json_sight lt_json_look(const void *bytes, size_t length) {
    // In valid UTF-8 CC is the first byte of U+0300, and E1 followed by B8 to BB begins U+1E00–U+1EFF.
    auto *text = static_cast<const uint8_t *>(bytes);
    block escapes = {}, doubts = {};
    for (size_t index = 0; index < length; index += block_bytes) {
        block here, next;
        memcpy(&here, text + index, block_bytes);
        memcpy(&next, text + index + 1, block_bytes);
        if (length - index < block_bytes) {
            block mask;
            memcpy(&mask, keep.bytes + block_bytes - (length - index), block_bytes);
            here &= mask;
        }
        escapes |= block(here == '\\');
        doubts |= block((here >= 0xCC) & ~((here == 0xE1) & ((next & 0xFC) == 0xB8)));
    }
    // Vectors are handed to no function: how that is done depends on the width.
    uint64_t escape_words[block_bytes / 8], doubt_words[block_bytes / 8];
    memcpy(escape_words, &escapes, block_bytes);
    memcpy(doubt_words, &doubts, block_bytes);
    bool has_escapes = any(escape_words);
    return {has_escapes, !has_escapes && !any(doubt_words)};
}

}
