// simdjson's DOM (Debian's libsimdjson-dev 3.0.1) as a C interface. After a parse the caller reads the document's
// tape itself (simdjson doc/tape.md): one call a record, none a field.
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

/// Valid until the parser's next parse or its end.
typedef struct {
    /// False where the bytes are not one JSON document of at most 1,024 levels with 64-bit numbers.
    bool parsed;
    /// Word 0 is the root; a word is an 8-bit kind above a 56-bit payload.
    const uint64_t *tape;
    /// A string's payload is an offset here: 4 bytes of length in the machine's order, then the unescaped UTF-8.
    const uint8_t *strings;
} lt_json_document;

/// Null where memory is short. `capacity`: the bytes of the largest document expected; larger ones make it grow.
lt_json_parser *lt_json_parser_make(size_t capacity);
void lt_json_parser_free(lt_json_parser *parser);

/// `bytes` must be readable for `lt_json_padding()` bytes beyond `length`; what stands there does not matter.
lt_json_document lt_json_parse(lt_json_parser *parser, const void *bytes, size_t length);

size_t lt_json_padding(void);
bool lt_json_is_utf8(const void *bytes, size_t length);

/// Whether no text of a parsed document needs a second look: no escape (hence no NUL), and of the scalars beyond ASCII
/// only U+0080–U+02FF and U+1E00–U+1EFF, which NFC leaves as they are. One byte beyond `length` must be readable.
bool lt_json_is_plain(const void *bytes, size_t length);

#ifdef __cplusplus
}
#endif
#endif
