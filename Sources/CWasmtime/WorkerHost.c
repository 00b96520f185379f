// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What a skill may import: docs/reference/wasm.md. Every address is checked; each call counts.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "WorkerInternal.h"

#define REFUSED (-2)
#define LEVELS 4
#define LEVEL_INFO 1

/// The bytes that a module points to, while its memory stays as it is.
static bool bytes_at(wasmtime_caller_t *caller, int32_t address, int32_t count, uint8_t **bytes) {
  uint8_t *memory;
  size_t size;
  if (!naos_memory_of(caller, &memory, &size)) return false;
  if ((uint64_t)(uint32_t)address + (uint32_t)count > size) return false;
  *bytes = memory + (uint32_t)address;
  return true;
}

wasm_trap_t *naos_count_call(void) {
  struct naos_run *run = &naos_worker.run;
  if (!run->counts_calls) return NULL;
  if (run->calls_left == 0) naos_violate(NAOS_WASM_OVER_CALLS);
  else run->calls_left--;
  if (atomic_load(&run->violation) != NAOS_WASM_SUCCEEDED) return naos_trap("over a limit");
  return NULL;
}

static bool offers(uint32_t what) { return (naos_worker.run.offers & what) != 0; }

static wasm_trap_t *outside(void) { return naos_trap("an address outside of the memory was given to the host"); }

/// UTF-8 is not cut in the middle of a character.
static uint32_t cut(const uint8_t *bytes, uint32_t count, uint32_t most) {
  if (count <= most) return count;
  while (most > 0 && (bytes[most] & 0xc0) == 0x80) most--;
  return most;
}

static bool keep_line(struct naos_run *run, uint32_t level, const uint8_t *bytes, uint32_t count) {
  size_t needed = run->log_bytes + 8 + count;
  if (needed > run->log_room) {
    size_t room = needed < 4096 ? 4096 : 2 * needed;
    char *more = realloc(run->log, room);
    if (!more) return false;
    run->log = more;
    run->log_room = room;
  }
  memcpy(run->log + run->log_bytes, &level, sizeof level);
  memcpy(run->log + run->log_bytes + 4, &count, sizeof count);
  memcpy(run->log + run->log_bytes + 8, bytes, count);
  run->log_bytes = needed;
  return true;
}

static wasm_trap_t *host_log(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  struct naos_run *run = &naos_worker.run;
  wasm_trap_t *trap = naos_count_call();
  if (trap) return trap;
  uint8_t *bytes;
  uint32_t length = (uint32_t)values[2].i32, level = (uint32_t)values[0].i32;
  if (!bytes_at(caller, values[1].i32, values[2].i32, &bytes)) return outside();
  length = cut(bytes, length, NAOS_WASM_TEXT_BYTES);
  bool is_kept = run->lines_left > 0 && keep_line(run, level < LEVELS ? level : LEVEL_INFO, bytes, length);
  if (is_kept) run->lines_left--;
  else run->dropped_lines++;
  return NULL;
}

static wasm_trap_t *host_fail(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  struct naos_run *run = &naos_worker.run;
  wasm_trap_t *trap = naos_count_call();
  if (trap) return trap;
  uint8_t *bytes;
  if (!bytes_at(caller, values[0].i32, values[1].i32, &bytes)) return outside();
  run->text_bytes = cut(bytes, (uint32_t)values[1].i32, NAOS_WASM_TEXT_BYTES - 1);
  memcpy(run->text, bytes, run->text_bytes);
  return NULL;
}

static wasm_trap_t *host_time(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)caller;
  (void)count;
  wasm_trap_t *trap = naos_count_call();
  if (trap) return trap;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  values[0].i64 = ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000) * 1000000;
  return NULL;
}

/// Asks the node, and waits for its answer until the deadline of the run. The payload of the answer is the caller's.
static wasm_trap_t *ask(uint32_t question, const struct naos_part *key, const struct naos_part *value, uint8_t **answer,
                        size_t *count) {
  struct naos_run *run = &naos_worker.run;
  struct naos_wasm_ask asked = {.question = question, .key_bytes = (uint32_t)key->count};
  struct naos_part parts[] = {{&asked, sizeof asked}, *key, *value};
  naos_send_frame(NAOS_WASM_ASK, run->call, parts, 3);
  if (!naos_wait_for_frame(run->wall_deadline)) {
    naos_violate(NAOS_WASM_OVER_WALL);
    return naos_trap("over a limit");
  }
  struct naos_wasm_frame frame = naos_read_frame(answer);
  if (frame.kind != NAOS_WASM_ANSWER || frame.call != run->call || frame.bytes < sizeof(struct naos_wasm_answer))
    naos_give_up("the answer to a question is none");
  *count = frame.bytes;
  return NULL;
}

static wasm_trap_t *kv_get(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  wasm_trap_t *trap = naos_count_call();
  if (trap) return trap;
  uint8_t *key, *out, *answer;
  uint32_t length = (uint32_t)values[1].i32, room = (uint32_t)values[3].i32;
  if (!bytes_at(caller, values[0].i32, values[1].i32, &key) || !bytes_at(caller, values[2].i32, values[3].i32, &out))
    return outside();
  if (!offers(NAOS_WASM_OFFERS_STATE) || length == 0 || length > NAOS_WASM_KEY_BYTES) {
    values[0].i64 = REFUSED;
    return NULL;
  }
  size_t size;
  struct naos_part named = {key, length}, nothing = {NULL, 0};
  trap = ask(NAOS_WASM_GET, &named, &nothing, &answer, &size);
  if (trap) return trap;
  struct naos_wasm_answer head;
  memcpy(&head, answer, sizeof head);
  size_t value = size - sizeof head;
  // Nothing of the module ran meanwhile, so its memory is where it was.
  if (head.result >= 0 && value <= room && value > 0) memcpy(out, answer + sizeof head, value);
  values[0].i64 = head.result >= 0 ? (int64_t)value : head.result;
  free(answer);
  return NULL;
}

static wasm_trap_t *kv_set(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  wasm_trap_t *trap = naos_count_call();
  if (trap) return trap;
  uint8_t *key, *value, *answer;
  uint32_t length = (uint32_t)values[1].i32, bytes = (uint32_t)values[3].i32;
  if (!bytes_at(caller, values[0].i32, values[1].i32, &key) || !bytes_at(caller, values[2].i32, values[3].i32, &value))
    return outside();
  if (!offers(NAOS_WASM_OFFERS_STATE) || length == 0 || length > NAOS_WASM_KEY_BYTES || bytes > NAOS_WASM_VALUE_BYTES) {
    values[0].i32 = REFUSED;
    return NULL;
  }
  size_t size;
  struct naos_part named = {key, length}, kept = {value, bytes};
  trap = ask(NAOS_WASM_SET, &named, &kept, &answer, &size);
  if (trap) return trap;
  struct naos_wasm_answer head;
  memcpy(&head, answer, sizeof head);
  values[0].i32 = head.result == 0 ? 0 : REFUSED;
  free(answer);
  return NULL;
}

/// What the last request, or the last question to a model, was answered.
static uint8_t *said;
static size_t said_bytes;

void naos_forget_answer(void) {
  free(said);
  said = NULL;
  said_bytes = 0;
}

/// Has the node do something whose answer is kept for `response`.
static wasm_trap_t *ask_for(uint32_t question, uint32_t offer, wasmtime_caller_t *caller, wasmtime_val_raw_t *values) {
  wasm_trap_t *trap = naos_count_call();
  if (trap) return trap;
  uint8_t *request, *answer;
  uint32_t length = (uint32_t)values[1].i32;
  if (!bytes_at(caller, values[0].i32, values[1].i32, &request)) return outside();
  naos_forget_answer();
  values[0].i64 = REFUSED;
  if (!offers(offer) || length == 0 || length > NAOS_WASM_REQUEST_BYTES) return NULL;
  size_t size;
  struct naos_part nothing = {NULL, 0}, asked = {request, length};
  trap = ask(question, &nothing, &asked, &answer, &size);
  if (trap) return trap;
  struct naos_wasm_answer head;
  memcpy(&head, answer, sizeof head);
  if (head.result == 0) {
    said = answer;
    said_bytes = size - sizeof head;
    values[0].i64 = (int64_t)said_bytes;
  } else {
    free(answer);
  }
  return NULL;
}

static wasm_trap_t *http(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  return ask_for(NAOS_WASM_SEND, NAOS_WASM_OFFERS_REQUESTS, caller, values);
}

static wasm_trap_t *llm(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  return ask_for(NAOS_WASM_MODEL, NAOS_WASM_OFFERS_MODELS, caller, values);
}

static wasm_trap_t *response(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  wasm_trap_t *trap = naos_count_call();
  if (trap) return trap;
  uint8_t *out;
  uint32_t offset = (uint32_t)values[0].i32, room = (uint32_t)values[2].i32;
  if (!bytes_at(caller, values[1].i32, values[2].i32, &out)) return outside();
  size_t left = offset < said_bytes ? said_bytes - offset : 0;
  size_t copied = left < room ? left : room;
  if (copied) memcpy(out, said + sizeof(struct naos_wasm_answer) + offset, copied);
  values[0].i32 = (int32_t)copied;
  return NULL;
}

wasmtime_error_t *naos_define_host(void) {
  static const struct {
    const char *name, *types;
    wasmtime_func_unchecked_callback_t function;
  } functions[] = {{"log", "iii:", host_log},
                   {"fail", "ii:", host_fail},
                   {"time", ":I", host_time},
                   {"kv_get", "iiii:I", kv_get},
                   {"kv_set", "iiii:i", kv_set},
                   {"http", "ii:I", http},
                   {"llm", "ii:I", llm},
                   {"response", "iii:i", response}};
  wasmtime_error_t *error = NULL;
  for (size_t index = 0; !error && index < sizeof functions / sizeof *functions; index++)
    error = naos_define("naos", functions[index].name, functions[index].types, functions[index].function);
  return error;
}
