// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Reads JSON (RFC 8259). Whatever the bytes are, it answers or complains; it never reads outside them.
#include "naos.h"

/// How deep values may lie in each other: each level is a call.
#define MAX_DEPTH 128
#define CHUNK 65536

/// Values and texts are carved from chunks, which stay until the call ends.
static char *chunk;
static size_t chunk_rest;

static void *carve(size_t size) {
  size = (size + 7) & ~(size_t)7;
  if (size > CHUNK / 4) return malloc(size);
  if (chunk_rest < size) {
    chunk = malloc(CHUNK);
    if (chunk == NULL) return NULL;
    chunk_rest = CHUNK;
  }
  void *place = chunk;
  chunk += size;
  chunk_rest -= size;
  return place;
}

typedef struct {
  const char *at;
  const char *end;
  const char *complaint;
} reader;

static const char no_memory[] = "the input is too large for the memory of the skill";

static void *complain(reader *r, const char *complaint) {
  if (r->complaint == NULL) r->complaint = complaint;
  return NULL;
}

static int peek(const reader *r) { return r->at < r->end ? (unsigned char)*r->at : -1; }

static void skip_blanks(reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
}

static bool take_word(reader *r, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) return false;
  r->at += length;
  return true;
}

static bool is_digit(int byte) { return byte >= '0' && byte <= '9'; }

/// Moves behind the number; false if there is none.
static bool take_number(reader *r) {
  if (peek(r) == '-') r->at++;
  if (!is_digit(peek(r))) return false;
  if (peek(r) == '0') {
    r->at++;
  } else {
    while (is_digit(peek(r))) r->at++;
  }
  if (peek(r) == '.') {
    r->at++;
    if (!is_digit(peek(r))) return false;
    while (is_digit(peek(r))) r->at++;
  }
  if (peek(r) == 'e' || peek(r) == 'E') {
    r->at++;
    if (peek(r) == '+' || peek(r) == '-') r->at++;
    if (!is_digit(peek(r))) return false;
    while (is_digit(peek(r))) r->at++;
  }
  return true;
}

bool naos_is_number(naos_text text) {
  reader r = {text.bytes, text.bytes + text.length, NULL};
  return take_number(&r) && r.at == r.end;
}

/// Four hexadecimal digits; -1 if they are none.
static int32_t take_hex(reader *r) {
  if (r->end - r->at < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; i++) {
    char c = *r->at++;
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

static char *put_scalar(char *to, uint32_t scalar) {
  if (scalar < 0x80) {
    *to++ = (char)scalar;
  } else if (scalar < 0x800) {
    *to++ = (char)(0xC0 | scalar >> 6);
    *to++ = (char)(0x80 | (scalar & 0x3F));
  } else if (scalar < 0x10000) {
    *to++ = (char)(0xE0 | scalar >> 12);
    *to++ = (char)(0x80 | (scalar >> 6 & 0x3F));
    *to++ = (char)(0x80 | (scalar & 0x3F));
  } else {
    *to++ = (char)(0xF0 | scalar >> 18);
    *to++ = (char)(0x80 | (scalar >> 12 & 0x3F));
    *to++ = (char)(0x80 | (scalar >> 6 & 0x3F));
    *to++ = (char)(0x80 | (scalar & 0x3F));
  }
  return to;
}

/// The length of the well-formed UTF-8 sequence at `at`; 0 if there is none.
static size_t sequence(const unsigned char *at, const unsigned char *end) {
  unsigned char lead = at[0];
  if (lead < 0x80) return 1;
  size_t length = lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
  if (length == 0 || (size_t)(end - at) < length) return 0;
  unsigned char least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (at[1] < least || at[1] > most) return 0;
  for (size_t i = 2; i < length; i++) {
    if ((at[i] & 0xC0) != 0x80) return 0;
  }
  return length;
}

/// The escape behind a backslash, written to `to`; NULL after a complaint.
static char *take_escape(reader *r, char *to) {
  int byte = peek(r);
  r->at++;
  switch (byte) {
    case '"': case '\\': case '/': *to++ = (char)byte; return to;
    case 'b': *to++ = '\b'; return to;
    case 'f': *to++ = '\f'; return to;
    case 'n': *to++ = '\n'; return to;
    case 'r': *to++ = '\r'; return to;
    case 't': *to++ = '\t'; return to;
    case 'u': break;
    default: return complain(r, "there is an unknown escape in a string");
  }
  int32_t unit = take_hex(r);
  if (unit < 0) return complain(r, "an escape in a string lacks its four digits");
  if (unit < 0xD800 || unit > 0xDFFF) return put_scalar(to, (uint32_t)unit);
  // A surrogate means something only with the other half behind it.
  if (unit > 0xDBFF || !take_word(r, "\\u")) return complain(r, "a string holds half of a surrogate pair");
  int32_t low = take_hex(r);
  if (low < 0xDC00 || low > 0xDFFF) return complain(r, "a string holds half of a surrogate pair");
  return put_scalar(to, 0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00));
}

static bool take_string(reader *r, naos_text *text) {
  r->at++;
  // An escape is never shorter than what it stands for, so the raw length has room enough.
  const char *end = r->at;
  while (end < r->end && *end != '"') end += *end == '\\' ? 2 : 1;
  if (end >= r->end) return complain(r, "a string has no end");
  char *bytes = carve((size_t)(end - r->at) + 1);
  if (bytes == NULL) return complain(r, no_memory);
  char *to = bytes;
  while (peek(r) != '"') {
    unsigned char byte = (unsigned char)*r->at;
    if (byte < 0x20) return complain(r, "a string holds a control character");
    if (byte == '\\') {
      r->at++;
      to = take_escape(r, to);
      if (to == NULL) return false;
      continue;
    }
    size_t length = sequence((const unsigned char *)r->at, (const unsigned char *)r->end);
    if (length == 0) return complain(r, "a string is not UTF-8");
    memcpy(to, r->at, length);
    to += length;
    r->at += length;
  }
  r->at++;
  text->bytes = bytes;
  text->length = (size_t)(to - bytes);
  return true;
}

static naos_json *take_value(reader *r, int depth);

/// Elements up to `close`, or members.
static naos_json *take_elements(reader *r, naos_json *value, char close, int depth) {
  naos_json **tail = &value->first;
  r->at++;
  skip_blanks(r);
  if (peek(r) == close) {
    r->at++;
    return value;
  }
  for (;;) {
    naos_text key = {NULL, 0};
    if (close == '}') {
      skip_blanks(r);
      if (peek(r) != '"') return complain(r, "a member of an object has no name");
      if (!take_string(r, &key)) return NULL;
      skip_blanks(r);
      if (peek(r) != ':') return complain(r, "a member of an object has no colon");
      r->at++;
    }
    naos_json *element = take_value(r, depth + 1);
    if (element == NULL) return NULL;
    element->key = key;
    *tail = element;
    tail = &element->next;
    value->count++;
    skip_blanks(r);
    int byte = peek(r);
    r->at++;
    if (byte == close) return value;
    if (byte != ',') return complain(r, close == '}' ? "an object has no end" : "an array has no end");
  }
}

static naos_json *take_value(reader *r, int depth) {
  skip_blanks(r);
  if (depth > MAX_DEPTH) return complain(r, "the input is nested too deeply");
  naos_json *value = carve(sizeof(naos_json));
  if (value == NULL) return complain(r, no_memory);
  memset(value, 0, sizeof(naos_json));
  int byte = peek(r);
  if (byte == '{') {
    value->kind = NAOS_OBJECT;
    return take_elements(r, value, '}', depth);
  }
  if (byte == '[') {
    value->kind = NAOS_ARRAY;
    return take_elements(r, value, ']', depth);
  }
  if (byte == '"') {
    value->kind = NAOS_STRING;
    return take_string(r, &value->text) ? value : NULL;
  }
  if (byte == '-' || is_digit(byte)) {
    value->kind = NAOS_NUMBER;
    value->text.bytes = r->at;
    if (!take_number(r)) return complain(r, "there is a number that is none in JSON");
    value->text.length = (size_t)(r->at - value->text.bytes);
    return value;
  }
  if (take_word(r, "null")) return value;
  value->kind = NAOS_BOOL;
  value->truth = byte == 't';
  if (take_word(r, "true") || take_word(r, "false")) return value;
  return complain(r, byte < 0 ? "the input ends early" : "there is something that is no JSON value");
}

const naos_json *naos_parse(const char *bytes, size_t length, const char **complaint) {
  reader r = {bytes, bytes + length, NULL};
  naos_json *value = take_value(&r, 0);
  if (value != NULL) {
    skip_blanks(&r);
    if (r.at != r.end) value = complain(&r, "there is more behind the value");
  }
  *complaint = r.complaint;
  return value;
}

// Looking into what was read.

bool naos_same(naos_text one, naos_text other) {
  return one.length == other.length && memcmp(one.bytes, other.bytes, one.length) == 0;
}

bool naos_is(naos_text text, const char *other) {
  naos_text wanted = {other, strlen(other)};
  return naos_same(text, wanted);
}

const naos_json *naos_get(const naos_json *object, const char *key) {
  if (object == NULL || object->kind != NAOS_OBJECT) return NULL;
  for (const naos_json *member = object->first; member != NULL; member = member->next) {
    if (naos_is(member->key, key)) return member->kind == NAOS_NULL ? NULL : member;
  }
  return NULL;
}

bool naos_get_text(const naos_json *object, const char *key, naos_text *text) {
  const naos_json *value = naos_get(object, key);
  if (value == NULL || value->kind != NAOS_STRING) return false;
  *text = value->text;
  return true;
}

bool naos_integer(const naos_json *value, int64_t *result) {
  if (value == NULL || value->kind != NAOS_NUMBER) return false;
  const char *at = value->text.bytes, *end = at + value->text.length;
  bool is_negative = *at == '-';
  if (is_negative) at++;
  int64_t sum = 0;
  for (; at < end; at++) {
    // Counted below zero, where there is one number more.
    if (!is_digit(*at) || __builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, *at - '0', &sum)) {
      return false;
    }
  }
  if (!is_negative && __builtin_sub_overflow((int64_t)0, sum, &sum)) return false;
  *result = sum;
  return true;
}
