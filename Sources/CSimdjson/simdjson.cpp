#include <cstring>
#include <new>
#include <simdjson.h>

#include "CSimdjson.h"

struct lt_json_parser {
    simdjson::dom::parser dom;
};

extern "C" {

lt_json_parser *lt_json_parser_make(size_t capacity) {
    auto *parser = new (std::nothrow) lt_json_parser;
    if (parser == nullptr) { return nullptr; }
    // Both halves at once: else the document's memory would grow record by record.
    auto failure = parser->dom.allocate(capacity);
    if (failure == simdjson::SUCCESS) { failure = parser->dom.doc.allocate(capacity); }
    if (failure != simdjson::SUCCESS) {
        delete parser;
        return nullptr;
    }
    return parser;
}

void lt_json_parser_free(lt_json_parser *parser) { delete parser; }

lt_json_document lt_json_parse(lt_json_parser *parser, const void *bytes, size_t length) {
    // The caller promises the padding, so simdjson need not copy (last argument).
    auto result = parser->dom.parse(static_cast<const uint8_t *>(bytes), length, false);
    if (result.error() != simdjson::SUCCESS) { return {false, nullptr, nullptr}; }
    return {true, parser->dom.doc.tape.get(), parser->dom.doc.string_buf.get()};
}

size_t lt_json_padding(void) { return simdjson::SIMDJSON_PADDING; }

bool lt_json_is_utf8(const void *bytes, size_t length) {
    return simdjson::validate_utf8(static_cast<const char *>(bytes), length);
}

bool lt_json_is_plain(const void *bytes, size_t length) {
    // In valid UTF-8 CC is the first byte of U+0300, and E1 followed by B8 to BB begins U+1E00–U+1EFF.
    typedef uint8_t block __attribute__((vector_size(16)));
    auto *text = static_cast<const uint8_t *>(bytes);
    block doubt = {};
    size_t index = 0;
    for (; index + 16 <= length; index += 16) {
        block here, next;
        memcpy(&here, text + index, 16);
        memcpy(&next, text + index + 1, 16);
        doubt |= (here == '\\') | ((here >= 0xCC) & ~((here == 0xE1) & ((next & 0xFC) == 0xB8)));
    }
    uint64_t halves[2];
    memcpy(halves, &doubt, 16);
    bool isPlain = (halves[0] | halves[1]) == 0;
    for (; index < length; index++) {
        bool isVietnamese = text[index] == 0xE1 && (text[index + 1] & 0xFC) == 0xB8;
        if (text[index] == '\\' || (text[index] >= 0xCC && !isVietnamese)) { isPlain = false; }
    }
    return isPlain;
}

}
