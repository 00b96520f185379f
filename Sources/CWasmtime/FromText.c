// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// For tests and measurements: modules from their text form.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "WorkerInternal.h"

ptrdiff_t naos_wasm_from_text(const char *library, const char *text, size_t count, uint8_t **bytes, char *problem,
                              size_t room) {
  const char *failed = naos_load_wasmtime(library);
  if (failed) {
    snprintf(problem, room, "%s", failed);
    return -1;
  }
  wasm_byte_vec_t made;
  wasmtime_error_t *error = wasmtime.wasmtime_wat2wasm(text, count, &made);
  if (error) {
    naos_take_error(error, problem, room);
    return -1;
  }
  size_t size = made.size;
  *bytes = malloc(size ? size : 1);
  if (*bytes) memcpy(*bytes, made.data, size);
  wasmtime.wasm_byte_vec_delete(&made);
  return *bytes ? (ptrdiff_t)size : -1;
}
