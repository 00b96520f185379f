// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// A worker that compiles; the node starts one for each module. Compilers are large and modules are hostile, so it has a sandbox, two
// gibibytes and a minute; what comes out of it is run for the same module only, and in a sandbox too.
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "WorkerInternal.h"

#define COMPILER_SECONDS 60
#define COMPILER_BYTES (2ull << 30)
#define FUNCTION_SECTION 3

/// A number of up to 32 bits in LEB128; false where there is none.
static bool read_number(const uint8_t **cursor, const uint8_t *end, uint32_t *number) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 35 && *cursor < end; shift += 7) {
    uint8_t byte = *(*cursor)++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte & 0x80) continue;
    *number = (uint32_t)value;
    return value <= UINT32_MAX;
  }
  return false;
}

/// Whether at least eight bytes begin as a component does: its layer stands in the place of a module's version.
static bool is_component(const uint8_t *module) {
  static const uint8_t layer[] = {0x0d, 0, 1, 0};
  return memcmp(module + 4, layer, sizeof layer) == 0;
}

/// Looks at what decides before anything is compiled. Returns NULL, or what is wrong.
static const char *look_at(const uint8_t *module, size_t count) {
  static const uint8_t magic[] = {0, 'a', 's', 'm'};
  if (count < 8 || memcmp(module, magic, sizeof magic) != 0) return "it is not WebAssembly";
  if (is_component(module)) {
    if (naos_worker.open.kind != NAOS_WASM_IS_COMPONENT)
      return "it is a component, and agents are core modules: build a command for wasm32-wasip1, or make a skill of it";
    return NULL;
  }
  if (naos_worker.open.kind == NAOS_WASM_IS_COMPONENT) return "it is no component";
  const uint8_t version[] = {1, 0, 0, 0};
  if (memcmp(module + 4, version, sizeof version) != 0) return "it is of an unknown version of WebAssembly";
  const uint8_t *cursor = module + 8, *end = module + count;
  while (cursor < end) {
    uint8_t section = *cursor++;
    uint32_t size, functions;
    if (!read_number(&cursor, end, &size) || size > (size_t)(end - cursor)) return "it is cut off";
    const uint8_t *inside = cursor;
    cursor += size;
    if (section != FUNCTION_SECTION) continue;
    if (!read_number(&inside, cursor, &functions)) return "it is cut off";
    if (functions > NAOS_WASM_FUNCTIONS) return "it has more than 100,000 functions";
  }
  return NULL;
}

/// Sets the limits and makes the engine, once. Returns NULL, or what is wrong.
static const char *prepare(void) {
  if (naos_worker.engine) return NULL;
  struct rlimit memory = {COMPILER_BYTES, COMPILER_BYTES}, time = {COMPILER_SECONDS, COMPILER_SECONDS + 1};
  if (setrlimit(RLIMIT_AS, &memory) < 0 || setrlimit(RLIMIT_CPU, &time) < 0) return "the compiler cannot be limited";
  return naos_make_engine(NAOS_WASM_STACK, 0, 0);
}

static void refuse(uint32_t outcome, const char *text) {
  naos_worker.run.reply = NAOS_WASM_ENDED;
  naos_end_run(outcome, 0, text, 0, NULL, 0);
}

/// Compiles a component. Returns false after it was refused.
static bool compile_component(const uint8_t *component, size_t count, wasm_byte_vec_t *artifact) {
  char text[1024];
  wasmtime_error_t *error = wasmtime.wasmtime_component_new(naos_worker.engine, component, count, &naos_worker.component);
  const char *problem = error ? text : naos_check_component();
  if (error) naos_take_error(error, text, sizeof text);
  if (problem) {
    refuse(NAOS_WASM_INVALID, problem);
    return false;
  }
  error = wasmtime.wasmtime_component_serialize(naos_worker.component, artifact);
  if (!error) return true;
  naos_take_error(error, text, sizeof text);
  refuse(NAOS_WASM_BROKEN, text);
  return false;
}

/// Compiles a core module. Returns false after it was refused.
static bool compile_module(const uint8_t *module, size_t count, wasm_byte_vec_t *artifact) {
  char text[1024];
  wasmtime_error_t *error = wasmtime.wasmtime_module_new(naos_worker.engine, module, count, &naos_worker.module);
  const char *problem = error ? text : naos_link(naos_worker.open.kind);
  if (error) naos_take_error(error, text, sizeof text);
  if (problem) {
    refuse(NAOS_WASM_INVALID, problem);
    return false;
  }
  error = wasmtime.wasmtime_module_serialize(naos_worker.module, artifact);
  if (!error) return true;
  naos_take_error(error, text, sizeof text);
  refuse(NAOS_WASM_BROKEN, text);
  return false;
}

static void compile(const uint8_t *module, size_t count) {
  const char *problem = look_at(module, count);
  if (problem) return refuse(NAOS_WASM_INVALID, problem);
  problem = prepare();
  if (problem) return refuse(NAOS_WASM_BROKEN, problem);
  wasm_byte_vec_t artifact;
  bool is_made = naos_worker.open.kind == NAOS_WASM_IS_COMPONENT ? compile_component(module, count, &artifact)
                                                                  : compile_module(module, count, &artifact);
  if (!is_made) return;
  if (artifact.size > NAOS_WASM_ARTIFACT_BYTES) {
    refuse(NAOS_WASM_INVALID, "compiled, it is larger than 256 MiB");
  } else {
    struct naos_part part = {artifact.data, artifact.size};
    naos_send_frame(NAOS_WASM_ARTIFACT, naos_worker.run.call, &part, 1);
  }
  wasmtime.wasm_byte_vec_delete(&artifact);
}

static void forget(void) {
  if (naos_worker.ready) wasmtime.wasmtime_instance_pre_delete(naos_worker.ready);
  if (naos_worker.linker) wasmtime.wasmtime_linker_delete(naos_worker.linker);
  if (naos_worker.module) wasmtime.wasmtime_module_delete(naos_worker.module);
  naos_worker.ready = NULL;
  naos_worker.linker = NULL;
  naos_worker.module = NULL;
  if (naos_worker.component) wasmtime.wasmtime_component_delete(naos_worker.component);
  naos_worker.component = NULL;
}

void naos_serve_compiler(const uint8_t *module, size_t count) {
  compile(module, count);
  for (;;) {
    forget();
    uint8_t *payload;
    struct naos_wasm_frame frame = naos_read_frame(&payload);
    if (frame.kind != NAOS_WASM_OPEN || frame.bytes < sizeof naos_worker.open) naos_give_up("a frame is none that is due");
    memcpy(&naos_worker.open, payload, sizeof naos_worker.open);
    naos_worker.run.call = frame.call;
    compile(payload + sizeof naos_worker.open, frame.bytes - sizeof naos_worker.open);
    free(payload);
  }
}
