// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// A worker that serves calls of one skill, each in a new instance.
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "WorkerInternal.h"

/// What the worker needs beside the memory of a module.
#define OWN_BYTES (512ull << 20)

/// The instance of one call.
struct instance {
  wasmtime_context_t *context;
  wasmtime_instance_t made;
  wasm_trap_t *trap;
  wasmtime_error_t *error;
};

static bool has_failed(const struct instance *instance) { return instance->trap || instance->error; }

static bool find(struct instance *instance, const char *name, wasmtime_extern_t *found) {
  return wasmtime.wasmtime_instance_export_get(instance->context, &instance->made, name, strlen(name), found);
}

static void call(struct instance *instance, const char *name, const wasmtime_val_t *arguments, size_t count,
                 wasmtime_val_t *result) {
  wasmtime_extern_t function;
  if (has_failed(instance)) return;
  if (!find(instance, name, &function)) return;
  instance->error = wasmtime.wasmtime_func_call(instance->context, &function.of.func, arguments, count, result,
                                                result ? 1 : 0, &instance->trap);
}

/// The memory of the instance, as it is now.
static bool memory(struct instance *instance, uint8_t **bytes, size_t *count) {
  wasmtime_extern_t found;
  if (!find(instance, "memory", &found)) return false;
  *bytes = wasmtime.wasmtime_memory_data(instance->context, &found.of.memory);
  *count = wasmtime.wasmtime_memory_data_size(instance->context, &found.of.memory);
  return true;
}

static wasmtime_val_t number(uint32_t value) {
  return (wasmtime_val_t){.kind = WASM_I32, .of = {.i32 = (int32_t)value}};
}

/// Gives the module its input. Returns NULL, or what the module did wrong.
static const char *give(struct instance *instance, const uint8_t *input, uint32_t count, uint32_t *place) {
  wasmtime_val_t argument = number(count), result = number(0);
  call(instance, "naos_alloc", &argument, 1, &result);
  if (has_failed(instance)) return NULL;
  uint8_t *bytes;
  size_t size;
  *place = (uint32_t)result.of.i32;
  if (count == 0) return NULL;
  if (*place == 0) return "naos_alloc has no room for the input";
  if (!memory(instance, &bytes, &size) || (uint64_t)*place + count > size)
    return "naos_alloc returned an address outside of the memory";
  memcpy(bytes + *place, input, count);
  return NULL;
}

/// Runs the skill. Returns NULL, or what the module did wrong; the output stays in its memory.
static const char *execute(struct instance *instance, const uint8_t *input, uint32_t count, int64_t *packed,
                           const uint8_t **output, size_t *output_bytes) {
  uint32_t place = 0;
  call(instance, "_initialize", NULL, 0, NULL);
  const char *problem = give(instance, input, count, &place);
  if (problem || has_failed(instance)) return problem;
  wasmtime_val_t arguments[] = {number(place), number(count)}, result = {.kind = WASM_I64};
  call(instance, "naos_run", arguments, 2, &result);
  if (has_failed(instance)) return NULL;
  *packed = result.of.i64;
  if (*packed < 0) return NULL;
  uint8_t *bytes;
  size_t size;
  uint64_t start = (uint64_t)*packed >> 32, length = (uint64_t)*packed & UINT32_MAX;
  if (!memory(instance, &bytes, &size) || start + length > size)
    return "naos_run returned bytes outside of the memory";
  *output = bytes + start;
  *output_bytes = length;
  return NULL;
}

static void end_call(struct instance *instance, const char *problem, int64_t packed, const uint8_t *output,
                     size_t output_bytes, uint32_t most) {
  struct naos_run *run = &naos_worker.run;
  char text[NAOS_WASM_TEXT_BYTES];
  int64_t code = 0;
  uint8_t *bytes;
  size_t size = 0;
  if (has_failed(instance) && !instance->context) size = 0;
  else if (!memory(instance, &bytes, &size)) size = 0;
  uint32_t outcome = naos_judge(instance->error, instance->trap, &code, text, sizeof text);
  if (outcome == NAOS_WASM_SUCCEEDED && problem) {
    naos_end_run(NAOS_WASM_TRAPPED, 0, problem, size, NULL, 0);
  } else if (outcome == NAOS_WASM_SUCCEEDED && packed < 0) {
    run->text[run->text_bytes] = 0;
    naos_end_run(NAOS_WASM_EXITED, packed, run->text, size, NULL, 0);
  } else if (outcome == NAOS_WASM_SUCCEEDED && output_bytes > most) {
    naos_end_run(NAOS_WASM_OVER_OUTPUT, 0, "", size, NULL, 0);
  } else if (outcome == NAOS_WASM_SUCCEEDED) {
    naos_end_run(NAOS_WASM_SUCCEEDED, 0, "", size, output, output_bytes);
  } else {
    naos_end_run(outcome, code, text, size, NULL, 0);
  }
}

static void limit_memory(uint64_t bytes) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_DATA, &limit) < 0) naos_give_up("its memory cannot be limited");
  limit.rlim_cur = bytes + OWN_BYTES;
  if (setrlimit(RLIMIT_DATA, &limit) < 0) naos_give_up("its memory cannot be limited");
}

struct naos_wasm_call naos_begin_call(uint64_t id, const uint8_t *payload, uint32_t bytes) {
  struct naos_wasm_call order;
  if (bytes < sizeof order) naos_give_up("a call is cut off");
  memcpy(&order, payload, sizeof order);
  if (order.memory_bytes > NAOS_WASM_LARGEST_MEMORY) naos_give_up("a call asks for too much memory");
  struct naos_run *run = &naos_worker.run;
  limit_memory(order.memory_bytes);
  naos_begin_run(id, NAOS_WASM_RESULT, order.cpu_microseconds, order.wall_microseconds);
  run->counts_calls = true;
  run->calls_left = order.host_calls;
  run->lines_left = order.log_lines;
  run->offers = order.offers;
  naos_forget_answer();
  return order;
}

static void answer(uint64_t id, const uint8_t *payload, uint32_t bytes) {
  struct naos_wasm_call order = naos_begin_call(id, payload, bytes);
  struct instance instance = {.trap = NULL, .error = NULL};
  wasmtime_store_t *store = naos_make_store(order.memory_bytes);
  if (!store) return naos_end_run(NAOS_WASM_BROKEN, 0, "there is no memory for an instance", 0, NULL, 0);
  wasmtime_context_t *context = wasmtime.wasmtime_store_context(store);
  instance.error = wasmtime.wasmtime_instance_pre_instantiate(naos_worker.ready, context, &instance.made, &instance.trap);
  const uint8_t *output = NULL;
  size_t output_bytes = 0;
  int64_t packed = 0;
  const char *problem = NULL;
  if (!has_failed(&instance)) {
    instance.context = context;
    problem = execute(&instance, payload + sizeof order, bytes - (uint32_t)sizeof order, &packed, &output, &output_bytes);
  }
  end_call(&instance, problem, packed, output, output_bytes, order.output_bytes);
  wasmtime.wasmtime_store_delete(store);
}

noreturn void naos_serve_calls(void (*answer)(uint64_t id, const uint8_t *payload, uint32_t bytes)) {
  naos_send_frame(NAOS_WASM_OPENED, naos_worker.run.call, NULL, 0);
  for (;;) {
    uint8_t *payload;
    struct naos_wasm_frame frame = naos_read_frame(&payload);
    if (frame.kind != NAOS_WASM_CALL) naos_give_up("a frame is none that is due");
    answer(frame.call, payload, frame.bytes);
    free(payload);
  }
}

void naos_serve_skill(void) {
  const char *problem = naos_link(NAOS_WASM_IS_SKILL);
  naos_worker.run.reply = NAOS_WASM_ENDED;
  if (problem) return naos_end_run(NAOS_WASM_INVALID, 0, problem, 0, NULL, 0);
  naos_serve_calls(answer);
}
