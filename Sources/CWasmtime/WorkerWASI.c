// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// WASI preview 1 for commands: the library's, with own functions in the place of those that an epoch does not reach. Waits
// end at the deadlines of the run; random bytes come in pieces; a yield is one. Around others of the library's stand those
// of WorkerForward.c.
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "WorkerInternal.h"

enum { SUCCESS = 0, FAULT = 21, INVALID = 28, IO = 29 };

#define SUBSCRIPTION_BYTES 48
#define EVENT_BYTES 32
#define SUBSCRIPTIONS 4096
#define RANDOM_PIECE 65536
/// A wait looks at the deadlines this often.
#define PIECE_NANOSECONDS 20000000u

bool naos_memory_of(wasmtime_caller_t *caller, uint8_t **bytes, size_t *count) {
  wasmtime_extern_t found;
  if (!wasmtime.wasmtime_caller_export_get(caller, "memory", 6, &found)) return false;
  if (found.kind != WASMTIME_EXTERN_MEMORY) return false;
  const wasmtime_context_t *context = wasmtime.wasmtime_caller_context(caller);
  *bytes = wasmtime.wasmtime_memory_data(context, &found.of.memory);
  *count = wasmtime.wasmtime_memory_data_size(context, &found.of.memory);
  return true;
}

static bool fits(size_t memory, uint32_t address, uint64_t count) {
  return (uint64_t)address + count <= (uint64_t)memory;
}

static uint64_t load64(const uint8_t *place) {
  uint64_t value;
  memcpy(&value, place, sizeof value);
  return value;
}
static uint16_t load16(const uint8_t *place) {
  uint16_t value;
  memcpy(&value, place, sizeof value);
  return value;
}

static uint64_t now(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0) return 0;
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

enum { CLOCK = 0, FD_READ = 1, FD_WRITE = 2 };

/// What a subscription to a clock waits for yet, in nanoseconds; false for a clock that there is not.
static bool remaining(const uint8_t *subscription, uint64_t started, uint64_t *left) {
  uint32_t clock;
  memcpy(&clock, subscription + 16, sizeof clock);
  if (clock > 1) return false;
  uint64_t timeout = load64(subscription + 24);
  bool is_absolute = load16(subscription + 40) & 1;
  uint64_t passed = is_absolute ? now(clock == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC) : now(CLOCK_MONOTONIC) - started;
  *left = timeout > passed ? timeout - passed : 0;
  return true;
}

/// Copies what a subscription has come to into an event.
static void tell(uint8_t *event, const uint8_t *subscription, uint16_t error) {
  memset(event, 0, EVENT_BYTES);
  memcpy(event, subscription, 8);
  memcpy(event + 8, &error, sizeof error);
  event[10] = subscription[8];
}

/// One look at all subscriptions: those that are due become events. `shortest` is what is to be waited for else.
static uint32_t look(const uint8_t *subscriptions, uint8_t *events, uint32_t count, uint64_t started, uint64_t *shortest) {
  uint32_t told = 0;
  *shortest = UINT64_MAX;
  for (uint32_t index = 0; index < count; index++) {
    const uint8_t *subscription = subscriptions + (size_t)index * SUBSCRIPTION_BYTES;
    uint8_t kind = subscription[8];
    uint64_t left = 0;
    // Files and streams of a command are always ready.
    bool is_known = kind == FD_READ || kind == FD_WRITE || (kind == CLOCK && remaining(subscription, started, &left));
    if (is_known && left > 0) {
      if (left < *shortest) *shortest = left;
      continue;
    }
    tell(events + (size_t)told * EVENT_BYTES, subscription, is_known ? SUCCESS : INVALID);
    told++;
  }
  return told;
}

static wasm_trap_t *poll_oneoff(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  wasm_trap_t *over = naos_count_call();
  if (over) return over;
  uint32_t in = (uint32_t)values[0].i32, out = (uint32_t)values[1].i32, number = (uint32_t)values[2].i32,
           told_at = (uint32_t)values[3].i32;
  uint8_t *memory;
  size_t size;
  values[0].i32 = FAULT;
  if (!naos_memory_of(caller, &memory, &size)) return NULL;
  values[0].i32 = INVALID;
  if (number == 0 || number > SUBSCRIPTIONS) return NULL;
  values[0].i32 = FAULT;
  if (!fits(size, in, (uint64_t)number * SUBSCRIPTION_BYTES) || !fits(size, out, (uint64_t)number * EVENT_BYTES) ||
      !fits(size, told_at, 4))
    return NULL;
  // The module may have both at the same place.
  static uint8_t subscriptions[SUBSCRIPTIONS * SUBSCRIPTION_BYTES];
  memcpy(subscriptions, memory + in, (size_t)number * SUBSCRIPTION_BYTES);
  uint64_t started = now(CLOCK_MONOTONIC), shortest;
  uint32_t told;
  while ((told = look(subscriptions, memory + out, number, started, &shortest)) == 0) {
    wasm_trap_t *trap = naos_interrupted();
    if (trap) return trap;
    struct timespec piece = {.tv_nsec = (long)(shortest < PIECE_NANOSECONDS ? shortest : PIECE_NANOSECONDS)};
    nanosleep(&piece, NULL);
  }
  memcpy(memory + told_at, &told, sizeof told);
  values[0].i32 = SUCCESS;
  return NULL;
}

static wasm_trap_t *random_get(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  wasm_trap_t *over = naos_count_call();
  if (over) return over;
  uint32_t place = (uint32_t)values[0].i32, left = (uint32_t)values[1].i32;
  uint8_t *memory;
  size_t size;
  values[0].i32 = FAULT;
  if (!naos_memory_of(caller, &memory, &size) || !fits(size, place, left)) return NULL;
  while (left > 0) {
    wasm_trap_t *trap = naos_interrupted();
    if (trap) return trap;
    ssize_t got = getrandom(memory + place, left < RANDOM_PIECE ? left : RANDOM_PIECE, 0);
    if (got < 0 && errno == EINTR) continue;
    values[0].i32 = IO;
    if (got <= 0) return NULL;
    place += (uint32_t)got;
    left -= (uint32_t)got;
  }
  values[0].i32 = SUCCESS;
  return NULL;
}

static wasm_trap_t *yield(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)caller;
  (void)count;
  wasm_trap_t *over = naos_count_call();
  if (over) return over;
  sched_yield();
  values[0].i32 = SUCCESS;
  return naos_interrupted();
}

wasmtime_error_t *naos_define_wasi(void) {
  static const char name[] = "wasi_snapshot_preview1";
  wasmtime.wasmtime_linker_allow_shadowing(naos_worker.linker, true);
  wasmtime_error_t *error = wasmtime.wasmtime_linker_define_wasi(naos_worker.linker);
  if (!error) error = naos_define(name, "poll_oneoff", "iiii:i", poll_oneoff);
  if (!error) error = naos_define(name, "random_get", "ii:i", random_get);
  if (!error) error = naos_define(name, "sched_yield", ":i", yield);
  if (!error) error = naos_define_forward();
  wasmtime.wasmtime_linker_allow_shadowing(naos_worker.linker, false);
  return error;
}
