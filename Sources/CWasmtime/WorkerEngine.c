// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The engine and what a module is linked with. What is not needed is off: each proposal is code that can be attacked.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "WorkerInternal.h"

struct naos_worker naos_worker;

/// Parameters and results of one function, at most.
#define TYPES 16

static void set_features(wasm_config_t *config) {
  wasmtime.wasmtime_config_wasm_tail_call_set(config, true);
  wasmtime.wasmtime_config_wasm_reference_types_set(config, true);
  wasmtime.wasmtime_config_wasm_simd_set(config, true);
  wasmtime.wasmtime_config_wasm_bulk_memory_set(config, true);
  wasmtime.wasmtime_config_wasm_multi_value_set(config, true);
  wasmtime.wasmtime_config_wasm_threads_set(config, false);
  wasmtime.wasmtime_config_shared_memory_set(config, false);
  wasmtime.wasmtime_config_wasm_function_references_set(config, false);
  wasmtime.wasmtime_config_wasm_gc_set(config, false);
  wasmtime.wasmtime_config_gc_support_set(config, false);
  wasmtime.wasmtime_config_wasm_relaxed_simd_set(config, false);
  wasmtime.wasmtime_config_wasm_multi_memory_set(config, false);
  wasmtime.wasmtime_config_wasm_memory64_set(config, false);
  wasmtime.wasmtime_config_wasm_wide_arithmetic_set(config, false);
  wasmtime.wasmtime_config_wasm_exceptions_set(config, false);
  wasmtime.wasmtime_config_wasm_custom_page_sizes_set(config, false);
  wasmtime.wasmtime_config_wasm_stack_switching_set(config, false);
  wasmtime.wasmtime_config_wasm_component_model_set(config, true);
}

/// Memory for `slots` instances is reserved ahead and used again.
static void set_pool(wasm_config_t *config, uint32_t slots, uint64_t memory_bytes) {
  wasmtime_pooling_allocation_config_t *pool = wasmtime.wasmtime_pooling_allocation_config_new();
  wasmtime.wasmtime_pooling_allocation_config_total_core_instances_set(pool, slots);
  wasmtime.wasmtime_pooling_allocation_config_total_component_instances_set(pool, 1);
  wasmtime.wasmtime_pooling_allocation_config_total_memories_set(pool, slots);
  wasmtime.wasmtime_pooling_allocation_config_total_tables_set(pool, 4 * slots);
  wasmtime.wasmtime_pooling_allocation_config_total_stacks_set(pool, 0);
  wasmtime.wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, 0);
  wasmtime.wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, 4);
  wasmtime.wasmtime_pooling_allocation_config_table_elements_set(pool, NAOS_WASM_TABLE_ELEMENTS);
  wasmtime.wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, 1);
  wasmtime.wasmtime_pooling_allocation_config_max_memory_size_set(pool, (size_t)memory_bytes);
  // To write zeros over little is faster than to give pages back and fault them in anew.
  wasmtime.wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, 1 << 18);
  wasmtime.wasmtime_pooling_allocation_config_table_keep_resident_set(pool, 1 << 14);
  wasmtime.wasmtime_pooling_allocation_strategy_set(config, pool);
  wasmtime.wasmtime_pooling_allocation_config_delete(pool);
}

const char *naos_make_engine(size_t stack_bytes, uint32_t slots, uint64_t memory_bytes) {
  wasm_config_t *config = wasmtime.wasm_config_new();
  if (!config) return "there is no memory for an engine";
  set_features(config);
  wasmtime.wasmtime_config_strategy_set(config, WASMTIME_STRATEGY_CRANELIFT);
  wasmtime.wasmtime_config_parallel_compilation_set(config, false);
  wasmtime.wasmtime_config_epoch_interruption_set(config, true);
  wasmtime.wasmtime_config_native_unwind_info_set(config, false);
  wasmtime.wasmtime_config_max_wasm_stack_set(config, stack_bytes);
  // What compiled code relies on, whatever the library's own defaults are: no access leaves 4 GiB and the guard.
  wasmtime.wasmtime_config_memory_reservation_set(config, 1ull << 32);
  wasmtime.wasmtime_config_memory_guard_size_set(config, 32u << 20);
  wasmtime.wasmtime_config_memory_reservation_for_growth_set(config, 0);
  if (slots) set_pool(config, slots, memory_bytes);
  naos_worker.engine = wasmtime.wasm_engine_new_with_config(config);
  return naos_worker.engine ? NULL : "the engine cannot be made";
}

static void take(wasm_byte_vec_t *message, char *text, size_t room) {
  size_t count = message->size < room - 1 ? message->size : room - 1;
  memcpy(text, message->data, count);
  text[count] = 0;
  // A message ends with a zero byte of its own, or a line.
  size_t length = strlen(text);
  while (length > 0 && text[length - 1] == '\n') text[--length] = 0;
  wasmtime.wasm_byte_vec_delete(message);
}

void naos_take_error(wasmtime_error_t *error, char *text, size_t room) {
  wasm_byte_vec_t message;
  wasmtime.wasmtime_error_message(error, &message);
  wasmtime.wasmtime_error_delete(error);
  take(&message, text, room);
}

void naos_take_trap(wasm_trap_t *trap, char *text, size_t room) {
  wasm_byte_vec_t message;
  wasmtime.wasm_trap_message(trap, &message);
  wasmtime.wasm_trap_delete(trap);
  take(&message, text, room);
}

static uint8_t kind_of(char letter) { return letter == 'I' ? WASM_I64 : WASM_I32; }

static void make_types(wasm_valtype_vec_t *types, const char *letters, size_t count) {
  wasm_valtype_t *values[TYPES];
  for (size_t index = 0; index < count; index++) values[index] = wasmtime.wasm_valtype_new(kind_of(letters[index]));
  wasmtime.wasm_valtype_vec_new(types, count, values);
}

wasmtime_error_t *naos_define(const char *module, const char *name, const char *types,
                              wasmtime_func_unchecked_callback_t function) {
  return naos_define_with(module, name, types, function, NULL);
}

wasmtime_error_t *naos_define_with(const char *module, const char *name, const char *types,
                                   wasmtime_func_unchecked_callback_t function, void *context) {
  const char *colon = strchr(types, ':');
  wasm_valtype_vec_t parameters, results;
  make_types(&parameters, types, (size_t)(colon - types));
  make_types(&results, colon + 1, strlen(colon + 1));
  wasm_functype_t *type = wasmtime.wasm_functype_new(&parameters, &results);
  wasmtime_error_t *error = wasmtime.wasmtime_linker_define_func_unchecked(
      naos_worker.linker, module, strlen(module), name, strlen(name), type, function, context, NULL);
  wasmtime.wasm_functype_delete(type);
  return error;
}

static bool has_types(const wasm_valtype_vec_t *types, const char *letters, size_t count) {
  if (types->size != count) return false;
  for (size_t index = 0; index < count; index++)
    if (wasmtime.wasm_valtype_kind(types->data[index]) != kind_of(letters[index])) return false;
  return true;
}

static bool is_named(const wasm_name_t *name, const char *text) {
  return name->size == strlen(text) && memcmp(name->data, text, name->size) == 0;
}

int naos_exports(const char *name, const char *types) {
  const char *colon = strchr(types, ':');
  wasm_exporttype_vec_t exports;
  wasmtime.wasmtime_module_exports(naos_worker.module, &exports);
  int found = 0;
  for (size_t index = 0; index < exports.size; index++) {
    if (!is_named(wasmtime.wasm_exporttype_name(exports.data[index]), name)) continue;
    const wasm_externtype_t *type = wasmtime.wasm_exporttype_type(exports.data[index]);
    found = -1;
    if (wasmtime.wasm_externtype_kind(type) != WASM_EXTERN_FUNC) continue;
    const wasm_functype_t *function = wasmtime.wasm_externtype_as_functype_const(type);
    if (has_types(wasmtime.wasm_functype_params(function), types, (size_t)(colon - types)) &&
        has_types(wasmtime.wasm_functype_results(function), colon + 1, strlen(colon + 1)))
      found = 1;
  }
  wasmtime.wasm_exporttype_vec_delete(&exports);
  return found;
}

bool naos_exports_memory(void) {
  wasm_exporttype_vec_t exports;
  wasmtime.wasmtime_module_exports(naos_worker.module, &exports);
  bool found = false;
  for (size_t index = 0; index < exports.size; index++)
    if (is_named(wasmtime.wasm_exporttype_name(exports.data[index]), "memory") &&
        wasmtime.wasm_externtype_kind(wasmtime.wasm_exporttype_type(exports.data[index])) == WASM_EXTERN_MEMORY)
      found = true;
  wasmtime.wasm_exporttype_vec_delete(&exports);
  return found;
}

/// What of the exports of its kind a module lacks; NULL: nothing.
static const char *missing(uint32_t kind) {
  if (!naos_exports_memory()) return "it exports no `memory`";
  if (kind == NAOS_WASM_IS_COMMAND)
    return naos_exports("_start", ":") == 1 ? NULL : "it exports no function `_start: () -> ()`, so it is no command";
  if (naos_exports("naos_alloc", "i:i") != 1) return "it exports no function `naos_alloc: (i32) -> i32`";
  if (naos_exports("naos_run", "ii:I") != 1) return "it exports no function `naos_run: (i32, i32) -> i64`";
  if (naos_exports("_initialize", ":") < 0) return "its export `_initialize` is no function `() -> ()`";
  return NULL;
}

const char *naos_link(uint32_t kind) {
  static char problem[1024];
  const char *lacks = missing(kind);
  if (lacks) return lacks;
  naos_worker.linker = wasmtime.wasmtime_linker_new(naos_worker.engine);
  // Nothing of `wasi:http` or `wasi:sockets` is ever linked: their defaults reach everything.
  wasmtime_error_t *error = kind == NAOS_WASM_IS_COMMAND ? naos_define_wasi() : naos_define_host();
  if (!error && kind == NAOS_WASM_IS_COMMAND) error = naos_define_plane();
  if (!error)
    error = wasmtime.wasmtime_linker_instantiate_pre(naos_worker.linker, naos_worker.module, &naos_worker.ready);
  if (!error) return NULL;
  naos_take_error(error, problem, sizeof problem);
  return problem;
}
