// A tape written straight from the structural characters that simdjson's first stage finds, without copying a string.
#ifndef LIENTHONG_IN_PLACE_H
#define LIENTHONG_IN_PLACE_H
#include <cstddef>
#include <cstdint>

namespace lienthong {

/// Texts of this length and more are written on the tape as this long; a record is shorter.
constexpr uint64_t text_length_max = 0xFFFFFF;

/// A tape's word of a text of `length` bytes at `offset`.
inline uint64_t text_word(uint64_t offset, uint64_t length) {
    return uint64_t('"') << 56 | (length < text_length_max ? length : text_length_max) << 32 | offset;
}

/// Longer documents are not for `read_in_place`, so that none of their texts reaches `text_length_max`.
constexpr size_t in_place_bytes_max = 1 << 20;

/// Writes the tape of an object whose strings have no escapes, or returns false without a verdict: then simdjson's
/// second stage must read the document. It never says true of what that stage refuses.
/// - `indexes`, `count`: as simdjson's first stage left them, having found no fault in `bytes`.
/// - `tape`: with room for `length` + 3 words.
bool read_in_place(const uint8_t *bytes, const uint32_t *indexes, size_t count, uint64_t *tape);

}

#endif
