#include "in_place.h"

#include <cstring>

namespace lienthong {
namespace {

/// Nesting of what is read here; records of our contracts have three levels.
constexpr int levels_max = 16;
/// Any such number is within 64 bits.
constexpr int digits_max = 18;

bool ends_scalar(uint8_t byte) {
    return byte == ',' || byte == '}' || byte == ']' || byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

uint64_t word(uint8_t kind, uint64_t payload) { return uint64_t(kind) << 56 | payload; }

struct Reader {
    const uint8_t *bytes;
    const uint32_t *at;
    const uint32_t *end;
    uint64_t *tape;
    uint64_t *out;

    uint8_t here() const { return bytes[*at]; }

    /// The word of the string that begins at a structural character. Between its closing quote and the next
    /// structural character the first stage has found nothing but white space.
    uint64_t text(const uint32_t *structural) const {
        uint64_t begin = structural[0] + 1;
        uint64_t close = structural[1] - 1;
        while (bytes[close] != '"') { close--; }
        // As `text_word`, of documents too short for its bound.
        return uint64_t('"') << 56 | (close - begin) << 32 | begin;
    }

    bool put_number() {
        const uint8_t *byte = bytes + *at;
        bool is_negative = *byte == '-';
        byte += is_negative;
        const uint8_t *first = byte;
        uint64_t value = 0;
        while (uint8_t(*byte - '0') <= 9 && byte - first <= digits_max) { value = value * 10 + (*byte++ - '0'); }
        auto digits = byte - first;
        if (digits == 0 || digits > digits_max || (*first == '0' && (digits > 1 || is_negative))) { return false; }
        if (!ends_scalar(*byte)) { return false; }
        *out++ = word('l', 0);
        *out++ = is_negative ? 0 - value : value;
        at++;
        return true;
    }

    bool put_literal(const char *text, size_t length) {
        const uint8_t *byte = bytes + *at;
        if (memcmp(byte, text, length) != 0 || !ends_scalar(byte[length])) { return false; }
        *out++ = word(*byte, 0);
        at++;
        return true;
    }

    bool put_scalar() {
        switch (here()) {
        case 't': return put_literal("true", 4);
        case 'f': return put_literal("false", 5);
        case 'n': return put_literal("null", 4);
        default: return put_number();
        }
    }

    bool read();
};

bool Reader::read() {
    struct Level {
        uint64_t *open;
        uint64_t count;
        bool is_object;
    } levels[levels_max];
    int depth = 0;
    uint64_t *open;
    uint64_t count;
    bool is_object;

    // Below, whatever is not a closing brace is not the last structural character, so that another follows: only
    // where an object or list ends must the end be looked for.
    if (at == end || here() != '{' || bytes[end[-1]] != '}') { return false; }
    out = tape + 1;  // word 0 is the root's

begin:
    open = out++;
    count = 0;
    is_object = bytes[*at++] == '{';
    if (here() == (is_object ? '}' : ']')) { goto finish; }
    if (!is_object) { goto value; }

member:
    if (here() != '"' || bytes[at[1]] != ':') { return false; }
    count++;
    *out++ = text(at);
    at += 2;
    // What most members are.
    if (here() == '"') {
        *out++ = text(at);
        at++;
        if (here() != ',') { goto after; }
        at++;
        goto member;
    }
    goto nested;

value:
    count++;
    if (here() == '"') {
        *out++ = text(at++);
        goto after;
    }

nested:
    if (here() == '{' || here() == '[') {
        if (depth == levels_max) { return false; }
        levels[depth++] = {open, count, is_object};
        goto begin;
    }
    if (!put_scalar()) { return false; }

after:
    if (here() == ',') {
        at++;
        if (is_object) { goto member; }
        goto value;
    }
    if (here() != (is_object ? '}' : ']')) { return false; }

finish:
    at++;
    *out++ = word(is_object ? '}' : ']', uint64_t(open - tape));
    *open = word(is_object ? '{' : '[', (count < 0xFFFFFF ? count : 0xFFFFFF) << 32 | uint64_t(out - tape));
    if (depth > 0) {
        if (at == end) { return false; }
        depth--;
        open = levels[depth].open;
        count = levels[depth].count;
        is_object = levels[depth].is_object;
        goto after;
    }
    if (at != end) { return false; }
    tape[0] = word('r', uint64_t(out - tape) + 1);
    *out++ = word('r', 0);
    return true;
}

}

bool read_in_place(const uint8_t *bytes, const uint32_t *indexes, size_t count, uint64_t *tape) {
    return Reader{bytes, indexes, indexes + count, tape, tape}.read();
}

}
