// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Writes the answer, or why there is none.
#include "naos.h"

static naos_buffer answer;
/// `code: message`; empty as long as there is no failure.
static naos_buffer failure;

// Bytes that grow.

void naos_append(naos_buffer *buffer, const char *bytes, size_t length) {
  if (length == 0) return;
  size_t needed;
  // There is no room for an error where there is no memory: the call ends here, and its host says so.
  if (__builtin_add_overflow(buffer->length, length, &needed)) __builtin_trap();
  if (needed > buffer->capacity) {
    size_t capacity = buffer->capacity < 256 ? 256 : buffer->capacity;
    while (capacity < needed) {
      if (__builtin_mul_overflow(capacity, (size_t)2, &capacity)) __builtin_trap();
    }
    char *grown = realloc(buffer->bytes, capacity);
    if (grown == NULL) __builtin_trap();
    buffer->bytes = grown;
    buffer->capacity = capacity;
  }
  memcpy(buffer->bytes + buffer->length, bytes, length);
  buffer->length = needed;
}

void naos_append_byte(naos_buffer *buffer, char byte) { naos_append(buffer, &byte, 1); }

void naos_append_of(naos_buffer *buffer, const char *text) { naos_append(buffer, text, strlen(text)); }

void naos_append_int(naos_buffer *buffer, int64_t number) {
  char digits[20];
  size_t start = sizeof digits;
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do digits[--start] = (char)('0' + rest % 10); while ((rest /= 10) != 0);
  if (number < 0) naos_append_byte(buffer, '-');
  naos_append(buffer, digits + start, sizeof digits - start);
}

naos_text naos_text_of(const naos_buffer *buffer) {
  naos_text text = {buffer->bytes, buffer->length};
  return text;
}

// The answer.

/// The comma before a value or a name, unless it is the first. A string ends with a quote, so the last byte tells.
static void separate(void) {
  if (answer.length == 0) return;
  char last = answer.bytes[answer.length - 1];
  if (last != '{' && last != '[' && last != ':') naos_append_byte(&answer, ',');
}

void naos_append_quoted(naos_buffer *buffer, naos_text text) {
  const char *bytes = text.bytes;
  size_t length = text.length;
  static const char digits[] = "0123456789abcdef";
  naos_append_byte(buffer, '"');
  size_t start = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    naos_append(buffer, bytes + start, i - start);
    start = i + 1;
    char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    char letter = byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte == '\t' ? 't' : byte >= 0x20 ? (char)byte : 0;
    if (letter != 0) escape[1] = letter;
    naos_append(buffer, escape, letter != 0 ? 2 : 6);
  }
  naos_append(buffer, bytes + start, length - start);
  naos_append_byte(buffer, '"');
}

static void put_quoted(const char *bytes, size_t length) { naos_append_quoted(&answer, (naos_text){bytes, length}); }

void naos_begin_object(void) { separate(); naos_append_byte(&answer, '{'); }
void naos_end_object(void) { naos_append_byte(&answer, '}'); }
void naos_begin_array(void) { separate(); naos_append_byte(&answer, '['); }
void naos_end_array(void) { naos_append_byte(&answer, ']'); }

void naos_key(naos_text key) {
  separate();
  put_quoted(key.bytes, key.length);
  naos_append_byte(&answer, ':');
}

void naos_key_of(const char *key) {
  naos_text text = {key, strlen(key)};
  naos_key(text);
}

void naos_string(naos_text text) {
  separate();
  put_quoted(text.bytes, text.length);
}

void naos_string_of(const char *text) {
  naos_text whole = {text, strlen(text)};
  naos_string(whole);
}

void naos_int(int64_t number) {
  separate();
  naos_append_int(&answer, number);
}

void naos_number(naos_text literal) {
  if (!naos_is_number(literal)) {
    naos_string(literal);
    return;
  }
  separate();
  naos_append(&answer, literal.bytes, literal.length);
}

void naos_bool(bool truth) {
  separate();
  naos_append_of(&answer, truth ? "true" : "false");
}

void naos_null(void) {
  separate();
  naos_append_of(&answer, "null");
}

void naos_value(const naos_json *value) {
  if (value == NULL) {
    naos_null();
    return;
  }
  switch (value->kind) {
    case NAOS_NULL: naos_null(); return;
    case NAOS_BOOL: naos_bool(value->truth); return;
    case NAOS_NUMBER: naos_number(value->text); return;
    case NAOS_STRING: naos_string(value->text); return;
    case NAOS_ARRAY: naos_begin_array(); break;
    case NAOS_OBJECT: naos_begin_object(); break;
  }
  for (const naos_json *element = value->first; element != NULL; element = element->next) {
    if (value->kind == NAOS_OBJECT) naos_key(element->key);
    naos_value(element);
  }
  naos_append_byte(&answer, value->kind == NAOS_OBJECT ? '}' : ']');
}

void naos_fail_with(naos_text code, naos_text message) {
  if (failure.length > 0) return;
  naos_append(&failure, code.bytes, code.length);
  naos_append(&failure, ": ", 2);
  naos_append(&failure, message.bytes, message.length);
}

void naos_fail_text(const char *code, naos_text message) {
  naos_text code_text = {code, strlen(code)};
  naos_fail_with(code_text, message);
}

void naos_fail(const char *code, const char *message) {
  naos_text text = {message, strlen(message)};
  naos_fail_text(code, text);
}

bool naos_has_failed(void) { return failure.length > 0; }
naos_text naos_failure(void) { return naos_text_of(&failure); }

naos_text naos_answer(void) {
  if (answer.length == 0) naos_fail("no_answer", "the skill has written no answer");
  return naos_text_of(&answer);
}
