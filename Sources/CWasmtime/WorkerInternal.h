// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// A worker: one process, in a sandbox, for one module. It reads frames from its standard input, which is a socket, and
// answers there; its other two streams are the module's.
//
//   main thread     waits for the end
//   runner          reads frames and runs the module, on a stack whose size is known
//   watch           moves the engine's epoch, and ends the process when the runner is stuck where no epoch reaches
#ifndef NAOS_WORKER_INTERNAL_H
#define NAOS_WORKER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdnoreturn.h>

#include "CWasmtime.h"
#include "Wasmtime.h"

/// The socket to the node.
#define NAOS_WASM_SOCKET 0
/// How often the epoch moves.
#define NAOS_WASM_TICK_NANOSECONDS 5000000L
/// How long after its deadline a run that no epoch reaches is ended by the watch; the node does so at 100 ms.
#define NAOS_WASM_GRACE_MICROSECONDS 50000
/// The exit status of a worker that was ended by its own watch.
#define NAOS_WASM_WATCHED 70
/// The descriptor of the first folder of a command; the others follow.
#define NAOS_WASM_FIRST_FOLDER 3

/// One run of a module, from its start to its end.
struct naos_run {
  uint64_t call;
  /// The kind of frame that tells its end.
  uint32_t reply;
  /// On the runner's processor clock and on the monotonic clock; 0: without.
  uint64_t cpu_deadline;
  uint64_t wall_deadline;
  uint64_t cpu_started;
  /// Why it is being ended; `NAOS_WASM_SUCCEEDED`: it is not.
  _Atomic uint32_t violation;
  uint64_t output_left;
  /// False: calls of the host are not counted.
  bool counts_calls;
  uint32_t calls_left;
  uint32_t lines_left;
  uint32_t dropped_lines;
  /// `NAOS_WASM_OFFERS_…`.
  uint32_t offers;
  /// What the module said of its failure.
  char text[NAOS_WASM_TEXT_BYTES];
  size_t text_bytes;
  char *log;
  size_t log_bytes;
  size_t log_room;
};

struct naos_worker {
  wasm_engine_t *engine;
  struct naos_wasm_open open;
  wasmtime_module_t *module;
  wasmtime_component_t *component;
  wasmtime_linker_t *linker;
  wasmtime_instance_pre_t *ready;
  struct naos_run run;
};
extern struct naos_worker naos_worker;

// WorkerFrames.c
/// Reads one frame with its payload, which is `malloc`ed; ends the process if there is none, or a wrong one.
struct naos_wasm_frame naos_read_frame(uint8_t **payload);
/// Sends a frame made of some parts.
struct naos_part {
  const void *bytes;
  size_t count;
};
void naos_send_frame(uint32_t kind, uint64_t call, const struct naos_part *parts, size_t count);
/// Sends the end of the run from another thread than the runner, if that one does not send just now.
void naos_send_end_for_runner(uint32_t outcome);
/// Waits until there is something to read, or a deadline of the monotonic clock in microseconds has passed.
bool naos_wait_for_frame(uint64_t deadline);
/// Ends the worker: the node asked for nothing that there is.
noreturn void naos_give_up(const char *why);

// WorkerEngine.c
/// Makes the engine; `slots` instances are kept ready, 0: none. Returns NULL, or what is wrong.
const char *naos_make_engine(size_t stack_bytes, uint32_t slots, uint64_t memory_bytes);
/// The message of an error, cut to what fits; the error is deleted.
void naos_take_error(wasmtime_error_t *error, char *text, size_t room);
void naos_take_trap(wasm_trap_t *trap, char *text, size_t room);
/// Defines a function of the host. `types` are its parameters and, behind a colon, its results: `i` or `I`.
wasmtime_error_t *naos_define(const char *module, const char *name, const char *types,
                              wasmtime_func_unchecked_callback_t function);
/// One that gets `context` at each call.
wasmtime_error_t *naos_define_with(const char *module, const char *name, const char *types,
                                   wasmtime_func_unchecked_callback_t function, void *context);
/// Whether the module exports a function of that type; 0: no such export, -1: another one.
int naos_exports(const char *name, const char *types);
bool naos_exports_memory(void);
/// Links the module with everything that its kind may import. Returns NULL, or what is wrong with the module.
const char *naos_link(uint32_t kind);

// WorkerRun.c
/// A store with the limits of a run.
wasmtime_store_t *naos_make_store(uint64_t memory_bytes);
/// One for a component, which is many modules.
wasmtime_store_t *naos_make_component_store(uint64_t memory_bytes);
uint64_t naos_monotonic_microseconds(void);
void naos_begin_run(uint64_t call, uint32_t reply, uint64_t cpu_microseconds, uint64_t wall_microseconds);
/// Ends the run: everything about its end but its output is told; `error` and `trap` are taken.
void naos_end_run(uint32_t outcome, int64_t code, const char *text, uint64_t memory_bytes, const uint8_t *output,
                  size_t output_bytes);
/// What an error or a trap of the module means. `text` gets the words.
uint32_t naos_judge(wasmtime_error_t *error, wasm_trap_t *trap, int64_t *code, char *text, size_t room);
/// Ends the run at the next check of the epoch.
void naos_violate(uint32_t outcome);
/// A trap for a host function whose run has to end, or NULL while it may go on.
wasm_trap_t *naos_interrupted(void);
void naos_start_watch(void);
wasm_trap_t *naos_trap(const char *text);

// WorkerDenials.c
/// A path as a command gives it: seen from the folder that it has opened as `descriptor`.
struct naos_path {
  uint32_t descriptor;
  const char *text;
};
/// Says which folders a command was given, one after the other.
void naos_label_folder(uint32_t index, const char *path, bool is_writable);
void naos_label_opened(uint32_t descriptor, const struct naos_path *path);
void naos_label_moved(uint32_t from, uint32_t to);
/// Keeps what the library refused, if its `error` is a refusal; `changes`: something was to be written.
void naos_refused(const struct naos_path *path, bool changes, int32_t error);
/// All that was refused, as the end of a run tells it. Only `patiently` it waits for the runner.
size_t naos_denials(const uint8_t **bytes, bool patiently);

// WorkerCompile.c, WorkerCommand.c, WorkerSkill.c, WorkerHost.c, WorkerWASI.c, WorkerForward.c
void naos_serve_compiler(const uint8_t *module, size_t count);
void naos_run_command(const uint8_t *strings, size_t count);
void naos_serve_skill(void);
/// Reads the order of a call, and begins it; ends the worker if there is something wrong with it.
struct naos_wasm_call naos_begin_call(uint64_t id, const uint8_t *payload, uint32_t bytes);
/// Answers one call after the other.
noreturn void naos_serve_calls(void (*answer)(uint64_t id, const uint8_t *payload, uint32_t bytes));
// WorkerComponent.c
/// What is wrong with a component that was compiled, or NULL.
const char *naos_check_component(void);
void naos_serve_component(void);
wasmtime_error_t *naos_define_host(void);
/// Forgets what a request was answered: nothing of it is for the next call.
void naos_forget_answer(void);
wasmtime_error_t *naos_define_wasi(void);
/// Puts our functions around those of the library that may be refused or, where calls are counted, around all.
wasmtime_error_t *naos_define_forward(void);
/// Counts a call of the host. Returns a trap if the run has to end.
wasm_trap_t *naos_count_call(void);
/// What commands may import of `naos`: the agent plane.
wasmtime_error_t *naos_define_plane(void);
/// Says where the agent plane is, and by which key it knows the run.
void naos_set_plane(const char *url, const char *token);
/// The memory that the module exports, at this moment.
bool naos_memory_of(wasmtime_caller_t *caller, uint8_t **bytes, size_t *count);

#endif
