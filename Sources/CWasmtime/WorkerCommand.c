// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// A worker that runs one command: the module's `_start`, with arguments, variables, folders and streams.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "WorkerInternal.h"

/// The strings of an order, read one after the other.
struct reader {
  const char *cursor;
  const char *end;
};

static const char *next(struct reader *reader) {
  const char *found = reader->cursor;
  size_t length = strnlen(found, (size_t)(reader->end - found));
  if (found + length >= reader->end) naos_give_up("an order is cut off");
  reader->cursor += length + 1;
  return found;
}

static const char **list(struct reader *reader, uint32_t count, uint32_t step) {
  const char **found = calloc((size_t)count * step + 1, sizeof *found);
  if (!found) naos_give_up("there is no memory for an order");
  for (uint32_t index = 0; index < count * step; index++) found[index] = next(reader);
  return found;
}

static ssize_t write_stream(void *data, const unsigned char *bytes, size_t count) {
  struct naos_run *run = &naos_worker.run;
  int stream = (int)(intptr_t)data;
  if (count > run->output_left) {
    naos_violate(NAOS_WASM_OVER_OUTPUT);
    return -EFBIG;
  }
  run->output_left -= count;
  size_t written = 0;
  while (written < count) {
    ssize_t done = write(stream, bytes + written, count - written);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return -errno;
    written += (size_t)done;
  }
  return (ssize_t)count;
}

/// Returns NULL, or the folder that cannot be opened.
static const char *open_folders(wasi_config_t *wasi, struct reader *reader) {
  const char *failed = NULL;
  for (uint32_t index = 0; index < naos_worker.open.folders; index++) {
    const char *path = next(reader), *name = next(reader), *mode = next(reader);
    if (!wasmtime.wasi_config_preopen_dir(wasi, path, name, *mode == 'w') && !failed) failed = name;
    naos_label_folder(index, name, *mode == 'w');
  }
  return failed;
}

/// What a command is given. Returns NULL, or the folder that cannot be opened.
static const char *prepare(wasi_config_t *wasi, struct reader *reader) {
  struct naos_wasm_open *open = &naos_worker.open;
  const char **arguments = list(reader, open->arguments, 1);
  wasmtime.wasi_config_set_argv(wasi, open->arguments, arguments);
  const char **names = calloc((size_t)open->variables + 1, sizeof *names);
  const char **values = calloc((size_t)open->variables + 1, sizeof *values);
  if (!names || !values) naos_give_up("there is no memory for an order");
  const char *url = NULL, *token = NULL;
  for (uint32_t index = 0; index < open->variables; index++) {
    names[index] = next(reader);
    values[index] = next(reader);
    if (strcmp(names[index], "NAOS_URL") == 0) url = values[index];
    if (strcmp(names[index], "NAOS_TOKEN") == 0) token = values[index];
  }
  if (url && token) naos_set_plane(url, token);
  wasmtime.wasi_config_set_env(wasi, open->variables, names, values);
  const char *failed = open_folders(wasi, reader);
  wasm_byte_vec_t input;
  wasmtime.wasm_byte_vec_new(&input, (size_t)(reader->end - reader->cursor), reader->cursor);
  wasmtime.wasi_config_set_stdin_bytes(wasi, &input);
  wasmtime.wasi_config_set_stdout_custom(wasi, write_stream, (void *)(intptr_t)STDOUT_FILENO, NULL);
  wasmtime.wasi_config_set_stderr_custom(wasi, write_stream, (void *)(intptr_t)STDERR_FILENO, NULL);
  free(arguments);
  free(names);
  free(values);
  return failed;
}

static uint64_t memory_of(wasmtime_context_t *context, const wasmtime_instance_t *instance) {
  wasmtime_extern_t found;
  if (!wasmtime.wasmtime_instance_export_get(context, instance, "memory", 6, &found)) return 0;
  if (found.kind != WASMTIME_EXTERN_MEMORY) return 0;
  return wasmtime.wasmtime_memory_data_size(context, &found.of.memory);
}

void naos_run_command(const uint8_t *strings, size_t count) {
  struct naos_wasm_open *open = &naos_worker.open;
  char text[2048];
  const char *problem = naos_link(NAOS_WASM_IS_COMMAND);
  naos_begin_run(naos_worker.run.call, NAOS_WASM_ENDED, open->cpu_microseconds, open->wall_microseconds);
  if (problem) return naos_end_run(NAOS_WASM_INVALID, 0, problem, 0, NULL, 0);
  naos_worker.run.output_left = open->output_bytes;
  naos_worker.run.counts_calls = open->host_calls != 0;
  naos_worker.run.calls_left = open->host_calls;
  wasmtime_store_t *store = naos_make_store(open->memory_bytes);
  wasi_config_t *wasi = wasmtime.wasi_config_new();
  if (!store || !wasi) return naos_end_run(NAOS_WASM_BROKEN, 0, "there is no memory for an instance", 0, NULL, 0);
  wasmtime_context_t *context = wasmtime.wasmtime_store_context(store);
  struct reader reader = {(const char *)strings, (const char *)strings + count};
  const char *failed = prepare(wasi, &reader);
  wasmtime_error_t *error = wasmtime.wasmtime_context_set_wasi(context, wasi);
  if (failed || error) {
    snprintf(text, sizeof text, "the folder %s cannot be opened", failed ? failed : "of a grant");
    return naos_end_run(NAOS_WASM_BROKEN, 0, text, 0, NULL, 0);
  }
  wasmtime_instance_t instance;
  wasm_trap_t *trap = NULL;
  bool is_made = false;
  error = wasmtime.wasmtime_instance_pre_instantiate(naos_worker.ready, context, &instance, &trap);
  wasmtime_extern_t start;
  if (!error && !trap) {
    is_made = wasmtime.wasmtime_instance_export_get(context, &instance, "_start", 6, &start);
    if (is_made) error = wasmtime.wasmtime_func_call(context, &start.of.func, NULL, 0, NULL, 0, &trap);
  }
  int64_t code = 0;
  uint32_t outcome = naos_judge(error, trap, &code, text, sizeof text);
  naos_end_run(outcome, code, text, is_made ? memory_of(context, &instance) : 0, NULL, 0);
}
