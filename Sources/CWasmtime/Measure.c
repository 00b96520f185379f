// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// For measurements: the same engine in the calling process, without workers, frames or a sandbox. What a worker costs is what
// it takes beyond this.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "WorkerInternal.h"

static uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t resident(void) {
  FILE *file = fopen("/proc/self/statm", "re");
  unsigned long size = 0, pages = 0;
  if (file && fscanf(file, "%lu %lu", &size, &pages) != 2) pages = 0;
  if (file) fclose(file);
  return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/// Returns false after it has said why on standard error.
static bool open_skill(const char *library, const uint8_t *module, size_t count, uint32_t slots) {
  char text[1024] = "";
  const char *problem = naos_load_wasmtime(library);
  if (!problem) problem = naos_make_engine(NAOS_WASM_STACK, slots, 64u << 20);
  if (!problem) {
    wasmtime_error_t *error = wasmtime.wasmtime_module_new(naos_worker.engine, module, count, &naos_worker.module);
    if (error) naos_take_error(error, text, sizeof text);
    problem = error ? text : naos_link(NAOS_WASM_IS_SKILL);
  }
  if (problem) fprintf(stderr, "%s\n", problem);
  return !problem;
}

static bool make(wasmtime_store_t **store, wasmtime_instance_t *instance) {
  *store = naos_make_store(64u << 20);
  wasm_trap_t *trap = NULL;
  wasmtime_context_t *context = wasmtime.wasmtime_store_context(*store);
  wasmtime.wasmtime_context_set_epoch_deadline(context, UINT64_MAX / 2);
  wasmtime_error_t *error = wasmtime.wasmtime_instance_pre_instantiate(naos_worker.ready, context, instance, &trap);
  return !error && !trap;
}

static bool call(wasmtime_context_t *context, wasmtime_instance_t *instance, const uint8_t *input, uint32_t bytes) {
  wasmtime_extern_t alloc, run, memory;
  wasm_trap_t *trap = NULL;
  if (!wasmtime.wasmtime_instance_export_get(context, instance, "naos_alloc", 10, &alloc) ||
      !wasmtime.wasmtime_instance_export_get(context, instance, "naos_run", 8, &run) ||
      !wasmtime.wasmtime_instance_export_get(context, instance, "memory", 6, &memory))
    return false;
  wasmtime_val_t arguments[2] = {{.kind = WASM_I32, .of = {.i32 = (int32_t)bytes}}}, result = {.kind = WASM_I32};
  if (wasmtime.wasmtime_func_call(context, &alloc.of.func, arguments, 1, &result, 1, &trap)) return false;
  arguments[1] = arguments[0];
  arguments[0] = result;
  memcpy(wasmtime.wasmtime_memory_data(context, &memory.of.memory) + result.of.i32, input, bytes);
  return !wasmtime.wasmtime_func_call(context, &run.of.func, arguments, 2, &result, 1, &trap) && result.of.i64 >= 0;
}

int naos_wasm_measure_calls(const char *library, const uint8_t *module, size_t count, const uint8_t *input,
                            uint32_t input_bytes, uint64_t *times, size_t calls) {
  if (!open_skill(library, module, count, 1)) return -1;
  for (size_t index = 0; index < calls; index++) {
    uint64_t started = nanoseconds();
    wasmtime_store_t *store;
    wasmtime_instance_t instance;
    bool is_right = make(&store, &instance) && call(wasmtime.wasmtime_store_context(store), &instance, input, input_bytes);
    wasmtime.wasmtime_store_delete(store);
    times[index] = nanoseconds() - started;
    if (!is_right) return -1;
  }
  return 0;
}

int naos_wasm_measure_instances(const char *library, const uint8_t *module, size_t count, size_t instances,
                                uint64_t *time, uint64_t *bytes) {
  if (!open_skill(library, module, count, (uint32_t)instances)) return -1;
  uint64_t before = resident(), started = nanoseconds();
  const uint8_t input[] = "{}";
  for (size_t index = 0; index < instances; index++) {
    wasmtime_store_t *store;
    wasmtime_instance_t instance;
    if (!make(&store, &instance)) return -1;
    if (!call(wasmtime.wasmtime_store_context(store), &instance, input, 2)) return -1;
  }
  *time = nanoseconds() - started;
  *bytes = resident() - before;
  return 0;
}
