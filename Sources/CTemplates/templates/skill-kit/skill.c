// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The two functions of a skill module: bytes of JSON go in, bytes of JSON come out.
#include "naos.h"

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(name) __attribute__((import_module("naos"), import_name(name)))

IMPORT("fail") void naos_host_fail(const char *bytes, size_t length);
IMPORT("log") void naos_host_log(int32_t level, const char *bytes, size_t length);

IMPORT("http") int64_t naos_host_http(const char *bytes, size_t length);
IMPORT("llm") int64_t naos_host_llm(const char *bytes, size_t length);
IMPORT("response") int32_t naos_host_response(size_t offset, char *out, size_t length);
IMPORT("kv_get") int64_t naos_host_kv_get(const char *key, size_t key_length, char *out, size_t room);
IMPORT("kv_set") int32_t naos_host_kv_set(const char *key, size_t key_length, const char *value, size_t length);

const naos_json *naos_parse(const char *bytes, size_t length, const char **complaint);
naos_text naos_answer(void);
naos_text naos_failure(void);

void naos_log(naos_log_level level, naos_text text) { naos_host_log((int32_t)level, text.bytes, text.length); }

static const naos_json *answer_of(int64_t length) {
  if (length <= 0) return NULL;
  char *bytes = malloc((size_t)length);
  if (bytes == NULL) return NULL;
  naos_host_response(0, bytes, (size_t)length);
  const char *complaint = NULL;
  return naos_parse(bytes, (size_t)length, &complaint);
}

const naos_json *naos_http(naos_text request) { return answer_of(naos_host_http(request.bytes, request.length)); }

const naos_json *naos_llm(naos_text request) { return answer_of(naos_host_llm(request.bytes, request.length)); }

/// No value is longer.
#define VALUE_BYTES 65536

naos_state naos_state_get(naos_text key, naos_text *value) {
  static char *room;
  if (room == NULL) room = malloc(VALUE_BYTES);
  if (room == NULL) return NAOS_STATE_REFUSED;
  int64_t length = naos_host_kv_get(key.bytes, key.length, room, VALUE_BYTES);
  if (length == NAOS_STATE_MISSING) return NAOS_STATE_MISSING;
  if (length < 0 || length > VALUE_BYTES) return NAOS_STATE_REFUSED;
  char *bytes = malloc((size_t)length + 1);
  if (bytes == NULL) return NAOS_STATE_REFUSED;
  memcpy(bytes, room, (size_t)length);
  bytes[length] = 0;
  *value = (naos_text){bytes, (size_t)length};
  return NAOS_STATE_DONE;
}

naos_state naos_state_set(naos_text key, naos_text value) {
  return naos_host_kv_set(key.bytes, key.length, value.bytes, value.length) == 0 ? NAOS_STATE_DONE : NAOS_STATE_REFUSED;
}

/// Memory for the input; 0 if there is not as much.
EXPORT("naos_alloc") void *naos_alloc(size_t length) { return malloc(length); }

/// Answers the input: where the answer stands in the upper 32 bits, its length in the lower ones; -1 after a failure.
EXPORT("naos_run") int64_t naos_run(const char *bytes, size_t length) {
  const char *complaint = NULL;
  const naos_json *input = naos_parse(bytes, length, &complaint);
  if (input == NULL) {
    naos_fail("invalid_json", complaint);
  } else {
    naos_skill(input);
  }
  naos_text answer = naos_answer();
  if (naos_has_failed()) {
    naos_text failure = naos_failure();
    naos_host_fail(failure.bytes, failure.length);
    return -1;
  }
  return (int64_t)((uint64_t)(uintptr_t)answer.bytes << 32 | answer.length);
}
