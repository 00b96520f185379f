// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Workers for WebAssembly: processes that compile a module or run one, and what they and the node say to each other.
#ifndef CWASMTIME_H
#define CWASMTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The argument by which the program is a worker: `naos __wasm-worker`.
#define NAOS_WASM_MARK "__wasm-worker"

/// Becomes a worker if the program was started as one, and then never returns. A constructor of this library calls it
/// too, before the program's own code runs.
void naos_wasm_main_if_requested(int argc, char *_Nullable const *_Nonnull argv);

/// Where a worker finds the library and the compiled module in its sandbox.
#define NAOS_WASM_LIBRARY "/run/naos-wasm/libwasmtime.so"
#define NAOS_WASM_MODULE "/run/naos-wasm/module"

/// The version of everything that a compiled module depends on beside the library: the settings of the engine.
#define NAOS_WASM_SETTINGS 2

// ---- Frames ------------------------------------------------------------------------------------------------------
//
//   0       4       8              16
//   ┌───────┬───────┬──────────────┬─────────────────┐
//   │ bytes │ kind  │ call         │ payload …       │   numbers little-endian; `bytes` is that of the payload
//   └───────┴───────┴──────────────┴─────────────────┘
//
// The node asks, the worker answers; one call at a time. Whoever gets a frame that is longer than it may be, of a kind
// that is not due, or of another call, ends: the worker itself, or by the node.

struct naos_wasm_frame {
  uint32_t bytes;
  uint32_t kind;
  uint64_t call;
};

/// A frame to a worker has at most so many bytes: a module, an input.
#define NAOS_WASM_FRAME_BYTES (280u << 20)
/// A compiled module has at most so many.
#define NAOS_WASM_ARTIFACT_BYTES (256u << 20)
#define NAOS_WASM_MODULE_BYTES (32u << 20)
#define NAOS_WASM_FUNCTIONS 100000u
#define NAOS_WASM_TEXT_BYTES 8192u
#define NAOS_WASM_KEY_BYTES 256u
#define NAOS_WASM_VALUE_BYTES 65536u
/// What a skill asks its host to send, or to ask a model.
#define NAOS_WASM_REQUEST_BYTES (2u << 20)
#define NAOS_WASM_TABLE_ELEMENTS 100000
#define NAOS_WASM_LARGEST_MEMORY (2047ull << 20)
/// The input and the output of a component: each byte of them is 32 in the worker.
#define NAOS_WASM_COMPONENT_BYTES (4u << 20)
#define NAOS_WASM_LARGEST_STACK (1024u << 10)
#define NAOS_WASM_STACK (512u << 10)

enum {
  // From the node.
  NAOS_WASM_OPEN = 1,
  NAOS_WASM_CALL = 2,
  NAOS_WASM_ANSWER = 3,
  /// To a worker that was started without a module: the compiled module that it is for from now on.
  NAOS_WASM_ADOPT = 4,
  // From a worker.
  NAOS_WASM_OPENED = 16,
  NAOS_WASM_ARTIFACT = 17,
  NAOS_WASM_ENDED = 18,
  NAOS_WASM_RESULT = 19,
  NAOS_WASM_ASK = 20,
};

enum {
  NAOS_WASM_COMPILE = 1,
  NAOS_WASM_COMMAND = 2,
  NAOS_WASM_SKILL = 3,
  /// Of a skill that is not known yet: the engine is made, and the module comes with `ADOPT`.
  NAOS_WASM_SPARE = 4,
};
/// What a module is to be.
enum { NAOS_WASM_IS_COMMAND = 1, NAOS_WASM_IS_SKILL = 2, NAOS_WASM_IS_COMPONENT = 3 };

/// The payload of `OPEN`. Of `COMPILE` the module follows; of `COMMAND` strings, each ended by a zero byte: the
/// arguments, the names and values of variables, and for each folder its path here, its name for the module and `r` or
/// `w`; and then the standard input.
struct naos_wasm_open {
  uint32_t mode;
  /// Of `COMPILE` and `SKILL`: what the module is to be.
  uint32_t kind;
  uint64_t memory_bytes;
  uint64_t stack_bytes;
  uint64_t cpu_microseconds;
  uint64_t wall_microseconds;
  uint64_t output_bytes;
  uint32_t arguments;
  uint32_t variables;
  uint32_t folders;
  /// Calls of its host; 0: as many as it likes.
  uint32_t host_calls;
};

/// The payload of `CALL`; the input follows.
struct naos_wasm_call {
  uint64_t memory_bytes;
  uint64_t cpu_microseconds;
  uint64_t wall_microseconds;
  uint32_t output_bytes;
  uint32_t host_calls;
  uint32_t log_lines;
  /// What of its host the call reaches beside its log: `NAOS_WASM_OFFERS_…`.
  uint32_t offers;
};
enum { NAOS_WASM_OFFERS_STATE = 1, NAOS_WASM_OFFERS_REQUESTS = 2, NAOS_WASM_OFFERS_MODELS = 4 };

/// How a module ended.
enum {
  NAOS_WASM_SUCCEEDED = 0,
  /// A command: its exit code is `code`. A skill: it returned the negative `code`.
  NAOS_WASM_EXITED = 1,
  NAOS_WASM_TRAPPED = 2,
  NAOS_WASM_OVER_CPU = 3,
  NAOS_WASM_OVER_WALL = 4,
  NAOS_WASM_OVER_OUTPUT = 5,
  NAOS_WASM_OVER_CALLS = 6,
  /// The module cannot be run at all.
  NAOS_WASM_INVALID = 7,
  /// The library or the machine would not.
  NAOS_WASM_BROKEN = 8,
  NAOS_WASM_OVER_STACK = 9,
};

/// The payload of `ENDED` and of `RESULT`. There follow `text_bytes` of why; of `RESULT` then the lines of log, each as
/// its level and its length, both u32, and its bytes; and then the output. Of `ENDED` the denials follow.
struct naos_wasm_end {
  uint32_t outcome;
  uint32_t text_bytes;
  int64_t code;
  uint64_t cpu_microseconds;
  /// The size of the memory when it ended; 0: it had none.
  uint64_t memory_bytes;
  uint32_t log_bytes;
  uint32_t dropped_lines;
  uint32_t output_bytes;
  uint32_t denied_bytes;
};

/// What a denial is about. A path is told as the module sees it.
enum {
  /// Something was to be read, or to be changed, that is not granted.
  NAOS_WASM_DENIED_READ = 1,
  NAOS_WASM_DENIED_WRITE = 2,
  /// Something was to be changed in a folder that is granted for reading.
  NAOS_WASM_DENIED_READ_ONLY = 3,
  /// It is in a granted folder, and refused nevertheless: a link leads out of it, or it is kept from everybody.
  NAOS_WASM_DENIED_WITHIN = 4,
  /// It has as many files open as it may have.
  NAOS_WASM_DENIED_FILES = 5,
  /// All for which there was no room.
  NAOS_WASM_DENIED_OTHERS = 6,
};
/// Different denials that a worker tells; the last one is that of all others.
#define NAOS_WASM_DENIALS 101u
#define NAOS_WASM_DENIED_BYTES 256u
/// One denial: its path follows.
struct naos_wasm_denied {
  uint32_t kind;
  uint32_t count;
  uint32_t bytes;
};
#define NAOS_WASM_DENIED_ROOM (NAOS_WASM_DENIALS * (12u + NAOS_WASM_DENIED_BYTES))

enum { NAOS_WASM_GET = 1, NAOS_WASM_SET = 2, NAOS_WASM_SEND = 3, NAOS_WASM_MODEL = 4 };
/// The payload of `ASK`: the key and, to set one, the value follow; to send a request or to ask a model, without a key,
/// what is asked for.
struct naos_wasm_ask {
  uint32_t question;
  uint32_t key_bytes;
};
/// The payload of `ANSWER`: what was got, or answered, follows.
struct naos_wasm_answer {
  int64_t result;
};

/// A pair of connected sockets: ours does not block; both are close-on-exec. Returns 0 or an errno value.
int naos_wasm_pair(int *_Nonnull ours, int *_Nonnull theirs);

// ---- For tests and measurements ----------------------------------------------------------------------------------

/// Makes a module of its text form by the library at `library`. Returns the count of bytes, which are `free`d by the
/// caller, or -1, and then `problem` says why.
ptrdiff_t naos_wasm_from_text(const char *_Nonnull library, const char *_Nonnull text, size_t count,
                              uint8_t *_Nullable *_Nonnull bytes, char *_Nonnull problem, size_t room);

/// Calls a skill in this process, each time in a new instance, and stores how many nanoseconds each took. -1: it failed.
int naos_wasm_measure_calls(const char *_Nonnull library, const uint8_t *_Nonnull module, size_t count,
                            const uint8_t *_Nonnull input, uint32_t input_bytes, uint64_t *_Nonnull times, size_t calls);

/// Makes so many instances in this process, calls each once and keeps them. -1: it failed.
int naos_wasm_measure_instances(const char *_Nonnull library, const uint8_t *_Nonnull module, size_t count,
                                size_t instances, uint64_t *_Nonnull time, uint64_t *_Nonnull bytes);

#endif
