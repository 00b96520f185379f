// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What is used of wasmtime's C API, as version 50.0.1 has it. The layouts and prototypes were written from the bindings
// that come with that library; scripts/check-wasmtime-header.py holds the two against each other.
#ifndef NAOS_WASMTIME_H
#define NAOS_WASMTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct wasm_config_t wasm_config_t;
typedef struct wasm_engine_t wasm_engine_t;
typedef struct wasm_trap_t wasm_trap_t;
typedef struct wasm_valtype_t wasm_valtype_t;
typedef struct wasm_functype_t wasm_functype_t;
typedef struct wasm_externtype_t wasm_externtype_t;
typedef struct wasm_exporttype_t wasm_exporttype_t;
typedef struct wasm_importtype_t wasm_importtype_t;
typedef struct wasmtime_error_t wasmtime_error_t;
typedef struct wasmtime_module_t wasmtime_module_t;
typedef struct wasmtime_store_t wasmtime_store_t;
typedef struct wasmtime_context_t wasmtime_context_t;
typedef struct wasmtime_linker_t wasmtime_linker_t;
typedef struct wasmtime_instance_pre_t wasmtime_instance_pre_t;
typedef struct wasmtime_caller_t wasmtime_caller_t;
typedef struct wasmtime_pooling_allocation_config_t wasmtime_pooling_allocation_config_t;
typedef struct wasi_config_t wasi_config_t;
typedef struct wasmtime_component_t wasmtime_component_t;
typedef struct wasmtime_component_type_t wasmtime_component_type_t;
typedef struct wasmtime_component_extern_t wasmtime_component_extern_t;
typedef struct wasmtime_component_linker_t wasmtime_component_linker_t;
typedef struct wasmtime_component_export_index_t wasmtime_component_export_index_t;

typedef struct {
  size_t size;
  char *data;
} wasm_byte_vec_t;
typedef wasm_byte_vec_t wasm_name_t;
typedef struct {
  size_t size;
  wasm_valtype_t **data;
} wasm_valtype_vec_t;
typedef struct {
  size_t size;
  wasm_exporttype_t **data;
} wasm_exporttype_vec_t;
typedef struct {
  size_t size;
  wasm_importtype_t **data;
} wasm_importtype_vec_t;

typedef struct {
  uint64_t store_id;
  void *own;
} wasmtime_func_t;
typedef struct {
  uint64_t store_id;
  void *own;
} wasmtime_instance_t;
typedef struct {
  struct {
    uint64_t store_id;
    uint32_t own_first;
  };
  uint32_t own_second;
} wasmtime_memory_t;
typedef struct {
  uint8_t kind;
  union {
    wasmtime_func_t func;
    wasmtime_memory_t memory;
    uint64_t others[3];
  } of;
} wasmtime_extern_t;
typedef struct {
  uint8_t kind;
  union {
    int32_t i32;
    int64_t i64;
    uint64_t others[3];
  } of;
} wasmtime_val_t;
typedef union {
  int32_t i32;
  int64_t i64;
  uint8_t others[16];
} __attribute__((aligned(8))) wasmtime_val_raw_t;

typedef struct wasmtime_component_val_t wasmtime_component_val_t;
struct wasmtime_component_val_t {
  uint8_t kind;
  union {
    uint8_t u8;
    wasm_name_t string;
    struct {
      size_t size;
      wasmtime_component_val_t *data;
    } list;
    struct {
      bool is_ok;
      wasmtime_component_val_t *val;
    } result;
    uint64_t others[3];
  } of;
};
typedef struct {
  uint64_t store_id;
  uint64_t own;
} wasmtime_component_instance_t;
typedef struct {
  uint64_t store_id;
  uint64_t own[3];
} wasmtime_component_func_t;

enum { WASMTIME_EXTERN_FUNC = 0, WASMTIME_EXTERN_MEMORY = 3 };
enum { WASM_EXTERN_FUNC = 0, WASM_EXTERN_MEMORY = 3 };
enum { WASM_I32 = 0, WASM_I64 = 1 };
enum { WASMTIME_COMPONENT_U8 = 2, WASMTIME_COMPONENT_STRING = 12, WASMTIME_COMPONENT_LIST = 13, WASMTIME_COMPONENT_RESULT = 19 };
enum { WASMTIME_STRATEGY_CRANELIFT = 1 };
enum { WASMTIME_UPDATE_DEADLINE_CONTINUE = 0 };
enum { WASMTIME_TRAP_CODE_STACK_OVERFLOW = 0 };

typedef wasm_trap_t *(*wasmtime_func_callback_t)(void *context, wasmtime_caller_t *caller, const wasmtime_val_t *arguments,
                                                 size_t argument_count, wasmtime_val_t *results, size_t result_count);
typedef wasm_trap_t *(*wasmtime_func_unchecked_callback_t)(void *context, wasmtime_caller_t *caller,
                                                           wasmtime_val_raw_t *values, size_t count);
typedef wasmtime_error_t *(*naos_epoch_callback)(wasmtime_context_t *context, void *data, uint64_t *delta, uint8_t *kind);
typedef ssize_t (*naos_write_callback)(void *data, const unsigned char *bytes, size_t count);
typedef void (*naos_finalizer)(void *data);

/// Each function: its result, its name, its parameters.
#define NAOS_WASMTIME_FUNCTIONS(F) \
  F(wasm_config_t *, wasm_config_new, (void)) \
  F(void, wasm_config_delete, (wasm_config_t *)) \
  F(wasm_engine_t *, wasm_engine_new_with_config, (wasm_config_t *)) \
  F(void, wasm_engine_delete, (wasm_engine_t *)) \
  F(void, wasmtime_config_epoch_interruption_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_max_wasm_stack_set, (wasm_config_t *, size_t)) \
  F(void, wasmtime_config_wasm_threads_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_shared_memory_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_tail_call_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_reference_types_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_function_references_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_gc_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_gc_support_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_simd_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_relaxed_simd_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_bulk_memory_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_multi_value_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_multi_memory_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_memory64_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_wide_arithmetic_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_exceptions_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_custom_page_sizes_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_stack_switching_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_wasm_component_model_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_strategy_set, (wasm_config_t *, uint8_t)) \
  F(void, wasmtime_config_parallel_compilation_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_native_unwind_info_set, (wasm_config_t *, bool)) \
  F(void, wasmtime_config_memory_reservation_set, (wasm_config_t *, uint64_t)) \
  F(void, wasmtime_config_memory_guard_size_set, (wasm_config_t *, uint64_t)) \
  F(void, wasmtime_config_memory_reservation_for_growth_set, (wasm_config_t *, uint64_t)) \
  F(wasmtime_pooling_allocation_config_t *, wasmtime_pooling_allocation_config_new, (void)) \
  F(void, wasmtime_pooling_allocation_config_delete, (wasmtime_pooling_allocation_config_t *)) \
  F(void, wasmtime_pooling_allocation_config_total_memories_set, (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_total_tables_set, (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_total_stacks_set, (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_total_core_instances_set, \
    (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_total_component_instances_set, \
    (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_total_gc_heaps_set, (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_max_tables_per_module_set, \
    (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_table_elements_set, (wasmtime_pooling_allocation_config_t *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_max_memories_per_module_set, \
    (wasmtime_pooling_allocation_config_t *, uint32_t)) \
  F(void, wasmtime_pooling_allocation_config_max_memory_size_set, (wasmtime_pooling_allocation_config_t *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_linear_memory_keep_resident_set, \
    (wasmtime_pooling_allocation_config_t *, size_t)) \
  F(void, wasmtime_pooling_allocation_config_table_keep_resident_set, (wasmtime_pooling_allocation_config_t *, size_t)) \
  F(void, wasmtime_pooling_allocation_strategy_set, (wasm_config_t *, const wasmtime_pooling_allocation_config_t *)) \
  F(void, wasmtime_engine_increment_epoch, (wasm_engine_t *)) \
  F(wasmtime_error_t *, wasmtime_module_new, (wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **)) \
  F(void, wasmtime_module_delete, (wasmtime_module_t *)) \
  F(wasmtime_error_t *, wasmtime_module_serialize, (wasmtime_module_t *, wasm_byte_vec_t *)) \
  F(wasmtime_error_t *, wasmtime_module_deserialize, \
    (wasm_engine_t *, const uint8_t *, size_t, wasmtime_module_t **)) \
  F(wasmtime_error_t *, wasmtime_module_deserialize_file, (wasm_engine_t *, const char *, wasmtime_module_t **)) \
  F(void, wasmtime_module_exports, (const wasmtime_module_t *, wasm_exporttype_vec_t *)) \
  F(void, wasmtime_module_imports, (const wasmtime_module_t *, wasm_importtype_vec_t *)) \
  F(wasmtime_store_t *, wasmtime_store_new, (wasm_engine_t *, void *, naos_finalizer)) \
  F(void, wasmtime_store_delete, (wasmtime_store_t *)) \
  F(wasmtime_context_t *, wasmtime_store_context, (wasmtime_store_t *)) \
  F(void, wasmtime_store_limiter, (wasmtime_store_t *, int64_t, int64_t, int64_t, int64_t, int64_t)) \
  F(void, wasmtime_store_epoch_deadline_callback, (wasmtime_store_t *, naos_epoch_callback, void *, naos_finalizer)) \
  F(void, wasmtime_context_set_epoch_deadline, (wasmtime_context_t *, uint64_t)) \
  F(wasmtime_error_t *, wasmtime_context_set_wasi, (wasmtime_context_t *, wasi_config_t *)) \
  F(wasmtime_linker_t *, wasmtime_linker_new, (wasm_engine_t *)) \
  F(void, wasmtime_linker_delete, (wasmtime_linker_t *)) \
  F(void, wasmtime_linker_allow_shadowing, (wasmtime_linker_t *, bool)) \
  F(wasmtime_error_t *, wasmtime_linker_define_wasi, (wasmtime_linker_t *)) \
  F(wasmtime_error_t *, wasmtime_linker_define_func_unchecked, \
    (wasmtime_linker_t *, const char *, size_t, const char *, size_t, const wasm_functype_t *, \
     wasmtime_func_unchecked_callback_t, void *, naos_finalizer)) \
  F(wasmtime_error_t *, wasmtime_linker_define, \
    (wasmtime_linker_t *, wasmtime_context_t *, const char *, size_t, const char *, size_t, const wasmtime_extern_t *)) \
  F(wasmtime_error_t *, wasmtime_linker_instantiate, \
    (const wasmtime_linker_t *, wasmtime_context_t *, const wasmtime_module_t *, wasmtime_instance_t *, wasm_trap_t **)) \
  F(wasmtime_error_t *, wasmtime_linker_instantiate_pre, \
    (const wasmtime_linker_t *, const wasmtime_module_t *, wasmtime_instance_pre_t **)) \
  F(void, wasmtime_instance_pre_delete, (wasmtime_instance_pre_t *)) \
  F(wasmtime_error_t *, wasmtime_instance_pre_instantiate, \
    (const wasmtime_instance_pre_t *, wasmtime_context_t *, wasmtime_instance_t *, wasm_trap_t **)) \
  F(bool, wasmtime_instance_export_get, \
    (wasmtime_context_t *, const wasmtime_instance_t *, const char *, size_t, wasmtime_extern_t *)) \
  F(wasmtime_error_t *, wasmtime_func_call, \
    (wasmtime_context_t *, const wasmtime_func_t *, const wasmtime_val_t *, size_t, wasmtime_val_t *, size_t, \
     wasm_trap_t **)) \
  F(wasmtime_error_t *, wasmtime_func_call_unchecked, \
    (wasmtime_context_t *, const wasmtime_func_t *, wasmtime_val_raw_t *, size_t, wasm_trap_t **)) \
  F(bool, wasmtime_caller_export_get, (wasmtime_caller_t *, const char *, size_t, wasmtime_extern_t *)) \
  F(wasmtime_context_t *, wasmtime_caller_context, (wasmtime_caller_t *)) \
  F(uint8_t *, wasmtime_memory_data, (const wasmtime_context_t *, const wasmtime_memory_t *)) \
  F(size_t, wasmtime_memory_data_size, (const wasmtime_context_t *, const wasmtime_memory_t *)) \
  F(wasmtime_error_t *, wasmtime_error_new, (const char *)) \
  F(void, wasmtime_error_delete, (wasmtime_error_t *)) \
  F(void, wasmtime_error_message, (const wasmtime_error_t *, wasm_name_t *)) \
  F(bool, wasmtime_error_exit_status, (const wasmtime_error_t *, int *)) \
  F(wasm_trap_t *, wasmtime_trap_new, (const char *, size_t)) \
  F(bool, wasmtime_trap_code, (const wasm_trap_t *, uint8_t *)) \
  F(void, wasm_trap_delete, (wasm_trap_t *)) \
  F(void, wasm_trap_message, (const wasm_trap_t *, wasm_byte_vec_t *)) \
  F(void, wasm_byte_vec_new, (wasm_byte_vec_t *, size_t, const char *)) \
  F(void, wasm_byte_vec_delete, (wasm_byte_vec_t *)) \
  F(wasm_valtype_t *, wasm_valtype_new, (uint8_t)) \
  F(uint8_t, wasm_valtype_kind, (const wasm_valtype_t *)) \
  F(void, wasm_valtype_vec_new, (wasm_valtype_vec_t *, size_t, wasm_valtype_t *const *)) \
  F(wasm_functype_t *, wasm_functype_new, (wasm_valtype_vec_t *, wasm_valtype_vec_t *)) \
  F(void, wasm_functype_delete, (wasm_functype_t *)) \
  F(const wasm_valtype_vec_t *, wasm_functype_params, (const wasm_functype_t *)) \
  F(const wasm_valtype_vec_t *, wasm_functype_results, (const wasm_functype_t *)) \
  F(const wasm_name_t *, wasm_exporttype_name, (const wasm_exporttype_t *)) \
  F(const wasm_externtype_t *, wasm_exporttype_type, (const wasm_exporttype_t *)) \
  F(void, wasm_exporttype_vec_delete, (wasm_exporttype_vec_t *)) \
  F(const wasm_name_t *, wasm_importtype_module, (const wasm_importtype_t *)) \
  F(const wasm_name_t *, wasm_importtype_name, (const wasm_importtype_t *)) \
  F(const wasm_externtype_t *, wasm_importtype_type, (const wasm_importtype_t *)) \
  F(void, wasm_importtype_vec_delete, (wasm_importtype_vec_t *)) \
  F(uint8_t, wasm_externtype_kind, (const wasm_externtype_t *)) \
  F(const wasm_functype_t *, wasm_externtype_as_functype_const, (const wasm_externtype_t *)) \
  F(wasi_config_t *, wasi_config_new, (void)) \
  F(bool, wasi_config_set_argv, (wasi_config_t *, size_t, const char **)) \
  F(bool, wasi_config_set_env, (wasi_config_t *, size_t, const char **, const char **)) \
  F(void, wasi_config_set_stdin_bytes, (wasi_config_t *, wasm_byte_vec_t *)) \
  F(void, wasi_config_set_stdout_custom, (wasi_config_t *, naos_write_callback, void *, naos_finalizer)) \
  F(void, wasi_config_set_stderr_custom, (wasi_config_t *, naos_write_callback, void *, naos_finalizer)) \
  F(bool, wasi_config_preopen_dir, (wasi_config_t *, const char *, const char *, bool)) \
  F(wasmtime_error_t *, wasmtime_component_new, (const wasm_engine_t *, const uint8_t *, size_t, wasmtime_component_t **)) \
  F(void, wasmtime_component_delete, (wasmtime_component_t *)) \
  F(wasmtime_error_t *, wasmtime_component_serialize, (const wasmtime_component_t *, wasm_byte_vec_t *)) \
  F(wasmtime_error_t *, wasmtime_component_deserialize_file, \
    (const wasm_engine_t *, const char *, wasmtime_component_t **)) \
  F(wasmtime_component_type_t *, wasmtime_component_type, (const wasmtime_component_t *)) \
  F(void, wasmtime_component_type_delete, (wasmtime_component_type_t *)) \
  F(bool, wasmtime_component_type_import_nth, \
    (const wasmtime_component_type_t *, const wasm_engine_t *, size_t, const char **, size_t *, \
     wasmtime_component_extern_t **)) \
  F(void, wasmtime_component_extern_delete, (wasmtime_component_extern_t *)) \
  F(wasmtime_component_export_index_t *, wasmtime_component_get_export_index, \
    (const wasmtime_component_t *, const wasmtime_component_export_index_t *, const char *, size_t)) \
  F(void, wasmtime_component_export_index_delete, (wasmtime_component_export_index_t *)) \
  F(wasmtime_component_linker_t *, wasmtime_component_linker_new, (const wasm_engine_t *)) \
  F(wasmtime_error_t *, wasmtime_component_linker_instantiate, \
    (const wasmtime_component_linker_t *, wasmtime_context_t *, const wasmtime_component_t *, \
     wasmtime_component_instance_t *)) \
  F(bool, wasmtime_component_instance_get_func, \
    (const wasmtime_component_instance_t *, wasmtime_context_t *, const wasmtime_component_export_index_t *, \
     wasmtime_component_func_t *)) \
  F(wasmtime_error_t *, wasmtime_component_func_call, \
    (const wasmtime_component_func_t *, wasmtime_context_t *, const wasmtime_component_val_t *, size_t, \
     wasmtime_component_val_t *, size_t)) \
  F(void, wasmtime_component_val_delete, (wasmtime_component_val_t *)) \
  F(wasmtime_error_t *, wasmtime_wat2wasm, (const char *, size_t, wasm_byte_vec_t *))

/// The functions of the one library that was loaded: `wasmtime.wasm_engine_delete(engine)`.
struct naos_wasmtime {
#define NAOS_MEMBER(result, name, parameters) result(*name) parameters;
  NAOS_WASMTIME_FUNCTIONS(NAOS_MEMBER)
#undef NAOS_MEMBER
};
extern struct naos_wasmtime wasmtime;

/// Loads the library at `path` and finds every function. Returns NULL, or what is wrong, for people.
const char *naos_load_wasmtime(const char *path);

#endif
