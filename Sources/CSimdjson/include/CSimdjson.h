// simdjson (Debian's libsimdjson-dev 3.0.1) as a C interface. After a parse the caller reads the document's tape
// itself: one call a record, none a field.
#ifndef LIENTHONG_CSIMDJSON_H
#define LIENTHONG_CSIMDJSON_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Reuses its memory from document to document; for one thread at a time.
typedef struct lt_json_parser lt_json_parser;

/// What one look at all bytes of a document tells. In a valid one, escapes are only in strings.
typedef struct {
    bool has_escapes;
    /// No text needs a second look: no escape (hence no NUL), and of the scalars beyond ASCII only U+0080–U+02FF and
    /// U+1E00–U+1EFF, which NFC leaves as they are. Of valid UTF-8 only.
    bool is_plain;
} lt_json_sight;

/// Valid until the parser's next parse or its end, and while the bytes are.
typedef struct {
    /// False where the bytes are not one JSON document of at most 1,024 levels with 64-bit numbers.
    bool parsed;
    /// As in `lt_json_sight`.
    bool is_plain;
    /// simdjson's tape (doc/tape.md), save for the strings. Word 0 is the root; a word is an 8-bit kind above a 56-bit
    /// payload. A string's payload is its length in 24 bits (the greatest number stands for more) above its offset in
    /// `strings` in 32.
    const uint64_t *tape;
    /// Where the texts of strings are, unescaped: within the parser, or the very bytes where none has an escape. They
    /// are readable for `lt_json_padding()` bytes beyond the last of them.
    const uint8_t *strings;
} lt_json_document;

/// Null where memory is short. `capacity`: the bytes of the largest document; larger ones are not parsed, nor such of
/// 2 GiB and more, which no record of Kafka has.
lt_json_parser *lt_json_parser_make(size_t capacity);
void lt_json_parser_free(lt_json_parser *parser);

/// `bytes` must be readable for `lt_json_padding()` bytes beyond `length`; what stands there does not matter.
lt_json_document lt_json_parse(lt_json_parser *parser, const void *bytes, size_t length);

/// The same by simdjson's second stage always, which copies all strings: the slow way of `lt_json_parse` for whatever
/// is out of the ordinary, and the measure of its quick one.
lt_json_document lt_json_parse_by_simdjson(lt_json_parser *parser, const void *bytes, size_t length);

/// `bytes` as for `lt_json_parse`.
lt_json_sight lt_json_look(const void *bytes, size_t length);

size_t lt_json_padding(void);
bool lt_json_is_utf8(const void *bytes, size_t length);

#ifdef __cplusplus
}
#endif
#endif
