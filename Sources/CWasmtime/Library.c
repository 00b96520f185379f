// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The library is opened when it is first needed and never closed. Whoever calls has made sure that it is the right one.
#include "Wasmtime.h"

#include <dlfcn.h>

struct naos_wasmtime wasmtime;

// The layouts of version 50.0.1 on a machine of 64 bits.
_Static_assert(sizeof(wasmtime_func_t) == 16 && sizeof(wasmtime_instance_t) == 16, "functions and instances");
_Static_assert(sizeof(wasmtime_memory_t) == 24 && offsetof(wasmtime_memory_t, own_second) == 16, "memories");
_Static_assert(sizeof(wasmtime_extern_t) == 32 && offsetof(wasmtime_extern_t, of) == 8, "externals");
_Static_assert(sizeof(wasmtime_val_t) == 32 && offsetof(wasmtime_val_t, of) == 8, "values");
_Static_assert(sizeof(wasmtime_val_raw_t) == 16, "raw values");
_Static_assert(sizeof(wasmtime_component_val_t) == 32 && offsetof(wasmtime_component_val_t, of.result.val) == 16, "values");
_Static_assert(sizeof(wasmtime_component_func_t) == 32 && sizeof(wasmtime_component_instance_t) == 16, "of components");

const char *naos_load_wasmtime(const char *path) {
  static bool is_loaded;
  if (is_loaded) return NULL;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return dlerror();
#define NAOS_FIND(result, name, parameters) \
  *(void **)(&wasmtime.name) = dlsym(library, #name); \
  if (!wasmtime.name) return "it lacks the function " #name;
  NAOS_WASMTIME_FUNCTIONS(NAOS_FIND)
#undef NAOS_FIND
  is_loaded = true;
  return NULL;
}
