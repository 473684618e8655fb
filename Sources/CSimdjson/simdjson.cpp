#include <cstring>
#include <new>
#include <simdjson.h>

#include "CSimdjson.h"
#include "in_place.h"

struct lt_json_parser {
    simdjson::dom::parser dom;
};

namespace {

/// A document's length and offsets into its strings are below 32 bits: a record of Kafka is shorter than this.
constexpr size_t document_bytes_max = size_t(1) << 31;

/// simdjson's words of strings are offsets to a length of 4 bytes with the text after it: ours hold both.
void rewrite_texts(uint64_t *tape, const uint8_t *strings) {
    // Word 0 holds the index after the last word.
    auto end = tape[0] & 0xFFFFFFFF;
    for (uint64_t index = 1; index < end; index++) {
        switch (uint8_t(tape[index] >> 56)) {
        case '"': {
            auto offset = tape[index] & 0x00FFFFFFFFFFFFFF;
            uint32_t length;
            memcpy(&length, strings + offset, sizeof length);
            tape[index] = lienthong::text_word(offset + sizeof length, length);
            break;
        }
        case 'l': case 'u': case 'd': index++; break;
        default: break;
        }
    }
}

const lt_json_document unparsed = {false, false, nullptr, nullptr};

/// The first stage: where strings, numbers and signs begin, and whether all is UTF-8.
bool find_structure(lt_json_parser *parser, const uint8_t *text, size_t length) {
    if (length > parser->dom.capacity() || length >= document_bytes_max) { return false; }
    auto &stages = *parser->dom.implementation;
    return stages.stage1(text, length, simdjson::stage1_mode::regular) == simdjson::SUCCESS;
}

/// The second stage.
lt_json_document read_structure(lt_json_parser *parser, lt_json_sight look) {
    auto &document = parser->dom.doc;
    if (parser->dom.implementation->stage2(document) != simdjson::SUCCESS) { return unparsed; }
    rewrite_texts(document.tape.get(), document.string_buf.get());
    return {true, look.is_plain, document.tape.get(), document.string_buf.get()};
}

}

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
    auto *text = static_cast<const uint8_t *>(bytes);
    auto &stages = *parser->dom.implementation;
    if (!find_structure(parser, text, length)) { return unparsed; }
    auto look = lt_json_look(bytes, length);
    auto *tape = parser->dom.doc.tape.get();
    if (!look.has_escapes && length <= lienthong::in_place_bytes_max
        && lienthong::read_in_place(text, stages.structural_indexes.get(), stages.n_structural_indexes, tape))
    {
        return {true, look.is_plain, tape, text};
    }
    return read_structure(parser, look);
}

lt_json_document lt_json_parse_by_simdjson(lt_json_parser *parser, const void *bytes, size_t length) {
    if (!find_structure(parser, static_cast<const uint8_t *>(bytes), length)) { return unparsed; }
    return read_structure(parser, lt_json_look(bytes, length));
}

size_t lt_json_padding(void) { return simdjson::SIMDJSON_PADDING; }

bool lt_json_is_utf8(const void *bytes, size_t length) {
    return simdjson::validate_utf8(static_cast<const char *>(bytes), length);
}

}
