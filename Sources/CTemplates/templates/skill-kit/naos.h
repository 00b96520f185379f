// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What a skill is written with. A skill gets one JSON value and answers one, or an error: it defines
// `void naos_skill(const naos_json *input)`, which writes its answer with the functions below.
#ifndef NAOS_H
#define NAOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// UTF-8, not ended by a NUL.
typedef struct {
  const char *bytes;
  size_t length;
} naos_text;

typedef enum {
  NAOS_NULL,
  NAOS_BOOL,
  /// Its literal is kept as it was written, so that no digit is lost.
  NAOS_NUMBER,
  NAOS_STRING,
  NAOS_ARRAY,
  NAOS_OBJECT
} naos_kind;

/// A JSON value that was read; the elements of arrays and the members of objects are a list.
typedef struct naos_json {
  naos_kind kind;
  bool truth;
  /// Elements or members.
  size_t count;
  /// Of a member of an object.
  naos_text key;
  /// A string's characters, a number's literal.
  naos_text text;
  struct naos_json *first;
  struct naos_json *next;
} naos_json;

/// Defined by the skill.
void naos_skill(const naos_json *input);

// Reading. Each takes NULL, so that calls can be nested, and says NULL or false where there is nothing of the kind.

/// The member of that name; NULL for null, too: an absent member and a null one mean the same.
const naos_json *naos_get(const naos_json *object, const char *key);
/// Whether the value is a string, which is then put into `text`.
bool naos_get_text(const naos_json *object, const char *key, naos_text *text);
/// Whether the value is a number without a fraction that fits.
bool naos_integer(const naos_json *value, int64_t *result);
bool naos_is(naos_text text, const char *other);
bool naos_same(naos_text one, naos_text other);

// Writing, in the order of the text; commas are set where they belong.

void naos_begin_object(void);
void naos_end_object(void);
void naos_begin_array(void);
void naos_end_array(void);
/// The value of the member is written next.
void naos_key(naos_text key);
void naos_key_of(const char *key);
void naos_string(naos_text text);
void naos_string_of(const char *text);
void naos_int(int64_t number);
/// A literal that is a number in JSON; anything else is written as a string.
void naos_number(naos_text literal);
void naos_bool(bool truth);
void naos_null(void);
/// A value as it was read.
void naos_value(const naos_json *value);

/// Makes an error the answer, whatever was or will be written; the first one holds.
///
/// `code` is for programs: lower case letters and underscores. `message` is for whoever reads it.
void naos_fail(const char *code, const char *message);
void naos_fail_text(const char *code, naos_text message);
bool naos_has_failed(void);

typedef enum { NAOS_LOG_DEBUG, NAOS_LOG_INFO, NAOS_LOG_WARNING, NAOS_LOG_ERROR } naos_log_level;

/// A line for whoever runs the skill; it is no part of the answer.
void naos_log(naos_log_level level, naos_text text);

/// Sends a request to a host of `net` in skill.yaml: `{"method", "url", "headers", "body"}`, as JSON. The answer is
/// `{"succeeded", "content"}`; NULL: there is no way to send any, or no memory for the answer.
const naos_json *naos_http(naos_text request);

/// Asks a model of `models` in skill.yaml: the body of a chat completion, as JSON. The answer is `{"succeeded",
/// "content"}`, with the `body` of the completion in the content, or `error` and `code`; NULL: there is no way to ask any.
const naos_json *naos_llm(naos_text request);

/// What came of reading or writing a value of `state` in skill.yaml.
typedef enum { NAOS_STATE_DONE = 0, NAOS_STATE_MISSING = -1, NAOS_STATE_REFUSED = -2 } naos_state;

/// A value that was kept, of any earlier call; `value` is set if there is one.
naos_state naos_state_get(naos_text key, naos_text *value);

/// Keeps a value. Refused also if this call has read the key, and somebody else has written it since: read it again.
naos_state naos_state_set(naos_text key, naos_text value);

/// Whether the whole text is a number as JSON writes them.
bool naos_is_number(naos_text text);

// Bytes that grow.

typedef struct {
  char *bytes;
  size_t length;
  size_t capacity;
} naos_buffer;

void naos_append(naos_buffer *buffer, const char *bytes, size_t length);
void naos_append_byte(naos_buffer *buffer, char byte);
void naos_append_of(naos_buffer *buffer, const char *text);
void naos_append_int(naos_buffer *buffer, int64_t number);
/// A text as JSON writes it, in quotes.
void naos_append_quoted(naos_buffer *buffer, naos_text text);
naos_text naos_text_of(const naos_buffer *buffer);

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *one, const void *other, size_t length);
size_t strlen(const char *text);

#endif
