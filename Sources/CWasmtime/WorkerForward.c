// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Functions of WASI that are the library's own, with ours around them: calls are counted, and what was refused is kept.
//
// The library's functions look for the memory of whoever calls them, so a call from the host finds none. Between them
// stands a small module of ours, made when it is first needed: it imports the memory of the command and the functions,
// exports that memory, and calls each function as it is called.
//
//   command ──▶ ours ──▶ small module (memory of the command) ──▶ the library's
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "WorkerInternal.h"

#define WASI "wasi_snapshot_preview1"
#define NONE 0xff
#define PATH_BYTES 4096
#define TEXT_BYTES 32768
/// Of `path_open`: which of the values say what is asked for, and what of them means to write.
enum { OPEN_FLAGS = 4, OPEN_RIGHTS = 5, OPEN_RESULT = 8 };
#define FLAGS_THAT_WRITE (1 | 8)                                 // CREAT, TRUNC
#define RIGHTS_THAT_WRITE (1ull << 6 | 1ull << 8 | 1ull << 22)  // fd_write, fd_allocate, fd_filestat_set_size

/// A function: its name and types as for `naos_define`. Of one with paths: at which of its values the descriptor of a
/// folder stands and at which the address of a path, which its length follows.
struct function {
  const char *name;
  const char *types;
  uint8_t paths[2][2];
  bool changes;
};

#define NO_PATH {{NONE, NONE}, {NONE, NONE}}, false
#define ONE_PATH(folder, path) {{folder, path}, {NONE, NONE}}

static const struct function functions[] = {
    {"path_open", "iiiiiIIii:i", ONE_PATH(0, 2), false},
    {"path_create_directory", "iii:i", ONE_PATH(0, 1), true},
    {"path_filestat_get", "iiiii:i", ONE_PATH(0, 2), false},
    {"path_filestat_set_times", "iiiiIIi:i", ONE_PATH(0, 2), true},
    {"path_link", "iiiiiii:i", {{0, 2}, {4, 5}}, true},
    {"path_readlink", "iiiiii:i", ONE_PATH(0, 1), false},
    {"path_remove_directory", "iii:i", ONE_PATH(0, 1), true},
    {"path_rename", "iiiiii:i", {{0, 1}, {3, 4}}, true},
    {"path_symlink", "iiiii:i", ONE_PATH(2, 3), true},
    {"path_unlink_file", "iii:i", ONE_PATH(0, 1), true},
    {"fd_renumber", "ii:i", NO_PATH},
    // Those from here on are of interest only where calls are counted. `proc_exit` is not among them: it is the last.
    {"args_get", "ii:i", NO_PATH},
    {"args_sizes_get", "ii:i", NO_PATH},
    {"clock_res_get", "ii:i", NO_PATH},
    {"clock_time_get", "iIi:i", NO_PATH},
    {"environ_get", "ii:i", NO_PATH},
    {"environ_sizes_get", "ii:i", NO_PATH},
    {"fd_advise", "iIIi:i", NO_PATH},
    {"fd_allocate", "iII:i", NO_PATH},
    {"fd_close", "i:i", NO_PATH},
    {"fd_datasync", "i:i", NO_PATH},
    {"fd_fdstat_get", "ii:i", NO_PATH},
    {"fd_fdstat_set_flags", "ii:i", NO_PATH},
    {"fd_fdstat_set_rights", "iII:i", NO_PATH},
    {"fd_filestat_get", "ii:i", NO_PATH},
    {"fd_filestat_set_size", "iI:i", NO_PATH},
    {"fd_filestat_set_times", "iIIi:i", NO_PATH},
    {"fd_pread", "iiiIi:i", NO_PATH},
    {"fd_prestat_dir_name", "iii:i", NO_PATH},
    {"fd_prestat_get", "ii:i", NO_PATH},
    {"fd_pwrite", "iiiIi:i", NO_PATH},
    {"fd_read", "iiii:i", NO_PATH},
    {"fd_readdir", "iiiIi:i", NO_PATH},
    {"fd_seek", "iIii:i", NO_PATH},
    {"fd_sync", "i:i", NO_PATH},
    {"fd_tell", "ii:i", NO_PATH},
    {"fd_write", "iiii:i", NO_PATH},
    {"proc_raise", "i:i", NO_PATH},
    {"sock_accept", "iii:i", NO_PATH},
    {"sock_recv", "iiiiii:i", NO_PATH},
    {"sock_send", "iiiii:i", NO_PATH},
    {"sock_shutdown", "ii:i", NO_PATH},
};
enum { OPEN = 0, RENUMBER = 10, WATCHED = 11, ALL = sizeof functions / sizeof *functions };

/// The small module: which functions it has, and each of them in the instance of the run.
static struct {
  bool is_made;
  bool has[ALL];
  wasmtime_func_t functions[ALL];
} between;

/// Whether the command imports the function: the small module has no others.
static void find_imports(void) {
  wasm_importtype_vec_t imports;
  wasmtime.wasmtime_module_imports(naos_worker.module, &imports);
  for (size_t index = 0; index < imports.size; index++) {
    const wasm_name_t *name = wasmtime.wasm_importtype_name(imports.data[index]);
    for (size_t known = 0; known < ALL; known++)
      if (strlen(functions[known].name) == name->size && memcmp(functions[known].name, name->data, name->size) == 0)
        between.has[known] = true;
  }
  wasmtime.wasm_importtype_vec_delete(&imports);
}

static size_t write_module(char *text, size_t room) {
  size_t length = 0;
#define ADD(...) length += (size_t)snprintf(text + length, length < room ? room - length : 0, __VA_ARGS__)
  ADD("(module (import \"naos\" \"memory\" (memory 0))");
  for (int imports = 1; imports >= 0; imports--) {
    for (size_t index = 0; index < ALL; index++) {
      const struct function *function = &functions[index];
      if (!between.has[index]) continue;
      size_t count = strcspn(function->types, ":");
      if (imports) ADD("(import \"" WASI "\" \"%s\" (func $%s", function->name, function->name);
      else ADD("(func (export \"%s\")", function->name);
      for (size_t value = 0; value < count; value++) ADD("(param %s)", function->types[value] == 'I' ? "i64" : "i32");
      ADD("(result i32)");
      if (!imports) {
        ADD("(call $%s", function->name);
        for (size_t value = 0; value < count; value++) ADD("(local.get %zu)", value);
      }
      ADD(imports ? "))" : "))");
    }
  }
  ADD("(export \"memory\" (memory 0)))");
#undef ADD
  return length;
}

/// Compiles the small module. Returns NULL where the library would not.
static wasmtime_module_t *compile(void) {
  char *text = malloc(TEXT_BYTES);
  wasm_byte_vec_t bytes;
  wasmtime_module_t *module = NULL;
  if (!text) return NULL;
  size_t length = write_module(text, TEXT_BYTES);
  wasmtime_error_t *error =
      length < TEXT_BYTES ? wasmtime.wasmtime_wat2wasm(text, length, &bytes) : wasmtime.wasmtime_error_new("too long");
  free(text);
  if (!error) {
    error = wasmtime.wasmtime_module_new(naos_worker.engine, (const uint8_t *)bytes.data, bytes.size, &module);
    wasmtime.wasm_byte_vec_delete(&bytes);
  }
  if (error) wasmtime.wasmtime_error_delete(error);
  return error ? NULL : module;
}

static bool instantiate(wasmtime_module_t *module, wasmtime_caller_t *caller, wasmtime_context_t *context) {
  wasmtime_extern_t memory;
  wasmtime_instance_t instance;
  wasm_trap_t *trap = NULL;
  if (!wasmtime.wasmtime_caller_export_get(caller, "memory", 6, &memory)) return false;
  wasmtime_linker_t *linker = wasmtime.wasmtime_linker_new(naos_worker.engine);
  wasmtime_error_t *error = wasmtime.wasmtime_linker_define_wasi(linker);
  if (!error) error = wasmtime.wasmtime_linker_define(linker, context, "naos", 4, "memory", 6, &memory);
  if (!error) error = wasmtime.wasmtime_linker_instantiate(linker, context, module, &instance, &trap);
  wasmtime.wasmtime_linker_delete(linker);
  if (error) wasmtime.wasmtime_error_delete(error);
  if (trap) wasmtime.wasm_trap_delete(trap);
  if (error || trap) return false;
  for (size_t index = 0; index < ALL; index++) {
    const char *name = functions[index].name;
    wasmtime_extern_t found;
    if (!between.has[index]) continue;
    if (!wasmtime.wasmtime_instance_export_get(context, &instance, name, strlen(name), &found)) return false;
    between.functions[index] = found.of.func;
  }
  return true;
}

/// Calls the library's function with the values of the call, and leaves its result in their place.
static wasm_trap_t *pass(size_t index, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  wasmtime_context_t *context = wasmtime.wasmtime_caller_context(caller);
  if (!between.is_made) {
    find_imports();
    wasmtime_module_t *module = compile();
    if (module) between.is_made = instantiate(module, caller, context);
    if (module) wasmtime.wasmtime_module_delete(module);
    // The library's function is not called past this one: without it nothing is done at all.
    if (!between.is_made) return naos_trap("the host's functions cannot be reached");
  }
  wasm_trap_t *trap = NULL;
  wasmtime_error_t *error =
      wasmtime.wasmtime_func_call_unchecked(context, &between.functions[index], values, count, &trap);
  if (!error) return trap;
  char text[1024];
  naos_take_error(error, text, sizeof text);
  return naos_trap(text);
}

/// Reads a path that the command asks for. False: it has none there, or one that the library refuses for its length.
static bool read_path(const uint8_t place[2], wasmtime_caller_t *caller, const wasmtime_val_raw_t *values, char *text,
                      struct naos_path *path) {
  uint8_t *memory;
  size_t size;
  if (place[0] == NONE || !naos_memory_of(caller, &memory, &size)) return false;
  uint32_t address = (uint32_t)values[place[1]].i32, count = (uint32_t)values[place[1] + 1].i32;
  if (count >= PATH_BYTES || (uint64_t)address + count > size) return false;
  memcpy(text, memory + address, count);
  text[count] = 0;
  *path = (struct naos_path){(uint32_t)values[place[0]].i32, text};
  return true;
}

/// Gives the descriptor that `path_open` has made the path that it was asked for.
static void keep_opened(const struct naos_path *path, wasmtime_caller_t *caller, uint32_t address) {
  uint8_t *memory;
  size_t size;
  uint32_t descriptor;
  if (!naos_memory_of(caller, &memory, &size) || (uint64_t)address + sizeof descriptor > size) return;
  memcpy(&descriptor, memory + address, sizeof descriptor);
  naos_label_opened(descriptor, path);
}

static wasm_trap_t *forward(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  static char texts[2][PATH_BYTES];
  const struct function *function = context;
  size_t index = (size_t)(function - functions);
  struct naos_path paths[2];
  bool has[2];
  wasm_trap_t *trap = naos_count_call();
  if (trap) return trap;
  for (int which = 0; which < 2; which++)
    has[which] = read_path(function->paths[which], caller, values, texts[which], &paths[which]);
  bool changes = function->changes;
  uint32_t first = (uint32_t)values[0].i32, second = count > 1 ? (uint32_t)values[1].i32 : 0, result_at = 0;
  if (index == OPEN) {
    changes = ((uint32_t)values[OPEN_FLAGS].i32 & FLAGS_THAT_WRITE) != 0 ||
              ((uint64_t)values[OPEN_RIGHTS].i64 & RIGHTS_THAT_WRITE) != 0;
    result_at = (uint32_t)values[OPEN_RESULT].i32;
  }
  trap = pass(index, caller, values, count);
  if (trap) return trap;
  int32_t error = values[0].i32;
  if (error == 0 && index == OPEN && has[0]) keep_opened(&paths[0], caller, result_at);
  if (error == 0 && index == RENUMBER) naos_label_moved(first, second);
  // Of two paths the library does not say which one it refused: the one that is made counts.
  if (error != 0 && has[1]) naos_refused(&paths[1], changes, error);
  else if (error != 0 && has[0]) naos_refused(&paths[0], changes, error);
  return NULL;
}

wasmtime_error_t *naos_define_forward(void) {
  size_t count = naos_worker.open.host_calls ? ALL : WATCHED;
  wasmtime_error_t *error = NULL;
  for (size_t index = 0; !error && index < count; index++)
    error = naos_define_with(WASI, functions[index].name, functions[index].types, forward, (void *)&functions[index]);
  return error;
}
