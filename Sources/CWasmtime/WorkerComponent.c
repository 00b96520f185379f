// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// A worker that serves the calls of a skill that is a component: `run: func(list<u8>) -> result<list<u8>, string>`. It
// imports nothing, of WASI neither: a linker with nothing in it refuses the rest.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "WorkerInternal.h"

static const char export_name[] = "run";

/// The name of the first thing that the component imports, in `name`.
static bool imports(char *name, size_t room) {
  wasmtime_component_type_t *type = wasmtime.wasmtime_component_type(naos_worker.component);
  const char *found;
  size_t count;
  wasmtime_component_extern_t *item = NULL;
  bool has = wasmtime.wasmtime_component_type_import_nth(type, naos_worker.engine, 0, &found, &count, &item);
  if (has) {
    snprintf(name, room, "%.*s", (int)(count < room ? count : room - 1), found);
    wasmtime.wasmtime_component_extern_delete(item);
  }
  wasmtime.wasmtime_component_type_delete(type);
  return has;
}

static wasmtime_component_export_index_t *export(void) {
  return wasmtime.wasmtime_component_get_export_index(naos_worker.component, NULL, export_name, sizeof export_name - 1);
}

const char *naos_check_component(void) {
  static char problem[512];
  char name[256];
  if (imports(name, sizeof name)) {
    snprintf(problem, sizeof problem, "unknown import: `%s`: a skill that is a component may import nothing", name);
    return problem;
  }
  wasmtime_component_export_index_t *index = export();
  if (!index) return "it exports no function `run: func(list<u8>) -> result<list<u8>, string>`";
  wasmtime.wasmtime_component_export_index_delete(index);
  return NULL;
}

static wasmtime_component_linker_t *nothing;
static wasmtime_component_export_index_t *entry;

static bool make_list(wasmtime_component_val_t *list, const uint8_t *bytes, size_t count) {
  *list = (wasmtime_component_val_t){.kind = WASMTIME_COMPONENT_LIST};
  list->of.list.data = calloc(count ? count : 1, sizeof *list->of.list.data);
  if (!list->of.list.data) return false;
  list->of.list.size = count;
  for (size_t index = 0; index < count; index++)
    list->of.list.data[index] = (wasmtime_component_val_t){.kind = WASMTIME_COMPONENT_U8, .of = {.u8 = bytes[index]}};
  return true;
}

/// Tells what the component gave back.
static void tell(const wasmtime_component_val_t *result, uint32_t most) {
  if (result->kind != WASMTIME_COMPONENT_RESULT)
    return naos_end_run(NAOS_WASM_INVALID, 0, "its `run` gives no result", 0, NULL, 0);
  const wasmtime_component_val_t *value = result->of.result.val;
  if (!result->of.result.is_ok) {
    char text[NAOS_WASM_TEXT_BYTES] = "";
    if (value && value->kind == WASMTIME_COMPONENT_STRING)
      snprintf(text, sizeof text, "%.*s", (int)(value->of.string.size < sizeof text ? value->of.string.size : sizeof text - 1),
               value->of.string.data);
    return naos_end_run(NAOS_WASM_EXITED, -1, text, 0, NULL, 0);
  }
  if (!value || value->kind != WASMTIME_COMPONENT_LIST)
    return naos_end_run(NAOS_WASM_INVALID, 0, "its `run` gives no bytes", 0, NULL, 0);
  size_t count = value->of.list.size;
  if (count > most || count > NAOS_WASM_COMPONENT_BYTES) return naos_end_run(NAOS_WASM_OVER_OUTPUT, 0, "", 0, NULL, 0);
  uint8_t *bytes = malloc(count ? count : 1);
  if (!bytes) return naos_end_run(NAOS_WASM_BROKEN, 0, "there is no memory for the output", 0, NULL, 0);
  for (size_t index = 0; index < count; index++) bytes[index] = value->of.list.data[index].of.u8;
  naos_end_run(NAOS_WASM_SUCCEEDED, 0, "", 0, bytes, count);
  free(bytes);
}

static void answer(uint64_t id, const uint8_t *payload, uint32_t bytes) {
  struct naos_wasm_call order = naos_begin_call(id, payload, bytes);
  uint32_t count = bytes - (uint32_t)sizeof order;
  if (count > NAOS_WASM_COMPONENT_BYTES) return naos_end_run(NAOS_WASM_OVER_OUTPUT, 0, "", 0, NULL, 0);
  wasmtime_store_t *store = naos_make_component_store(order.memory_bytes);
  wasmtime_component_val_t input, result = {.kind = 0};
  if (!store || !make_list(&input, payload + sizeof order, count))
    return naos_end_run(NAOS_WASM_BROKEN, 0, "there is no memory for an instance", 0, NULL, 0);
  wasmtime_context_t *context = wasmtime.wasmtime_store_context(store);
  wasmtime_component_instance_t instance;
  wasmtime_component_func_t function;
  wasmtime_error_t *error = wasmtime.wasmtime_component_linker_instantiate(nothing, context, naos_worker.component, &instance);
  bool found = !error && wasmtime.wasmtime_component_instance_get_func(&instance, context, entry, &function);
  if (found) error = wasmtime.wasmtime_component_func_call(&function, context, &input, 1, &result, 1);
  char text[NAOS_WASM_TEXT_BYTES];
  int64_t code = 0;
  bool has_failed = error != NULL;
  uint32_t outcome = naos_judge(error, NULL, &code, text, sizeof text);
  if (outcome != NAOS_WASM_SUCCEEDED) naos_end_run(outcome, code, text, 0, NULL, 0);
  else if (!found) naos_end_run(NAOS_WASM_INVALID, 0, "its export `run` is no function", 0, NULL, 0);
  else tell(&result, order.output_bytes);
  if (found && !has_failed) wasmtime.wasmtime_component_val_delete(&result);
  free(input.of.list.data);
  wasmtime.wasmtime_store_delete(store);
}

void naos_serve_component(void) {
  nothing = wasmtime.wasmtime_component_linker_new(naos_worker.engine);
  entry = export();
  if (!nothing || !entry) naos_give_up("the component is another one than that which was compiled");
  naos_serve_calls(answer);
}
