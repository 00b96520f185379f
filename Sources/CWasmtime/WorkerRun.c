// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// One run and its deadlines. The watch moves the epoch, at which compiled code asks whether it may go on; the answer looks
// at the processor time of the runner's thread and at the clock. What no epoch reaches, a call of the system or one
// instruction over much memory, the watch ends together with the process.
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "WorkerInternal.h"

static pthread_t runner;
static clockid_t runner_clock;
static _Atomic bool is_running;
static _Atomic bool is_parked;
static sem_t unpark;

/// Ticks after a run for which the watch stays awake: the next run need not wake it.
#define IDLE_TICKS 20

static uint64_t microseconds(clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) != 0) return 0;
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t naos_monotonic_microseconds(void) { return microseconds(CLOCK_MONOTONIC); }

/// Which limit of time the run is over, by more than `grace`.
static uint32_t overdue(const struct naos_run *run, uint64_t grace) {
  if (run->cpu_deadline && microseconds(runner_clock) > run->cpu_deadline + grace) return NAOS_WASM_OVER_CPU;
  if (run->wall_deadline && naos_monotonic_microseconds() > run->wall_deadline + grace) return NAOS_WASM_OVER_WALL;
  return NAOS_WASM_SUCCEEDED;
}

static void *watch(void *unused) {
  (void)unused;
  int idle = 0;
  for (;;) {
    if (!atomic_load(&is_running) && ++idle > IDLE_TICKS) {
      atomic_store(&is_parked, true);
      // Either this thread takes back that it is parked, or the runner does and wakes it.
      if (!atomic_load(&is_running) || !atomic_exchange(&is_parked, false))
        while (sem_wait(&unpark) != 0) {}
      idle = 0;
    }
    struct timespec tick = {.tv_nsec = NAOS_WASM_TICK_NANOSECONDS};
    nanosleep(&tick, NULL);
    if (!atomic_load(&is_running)) continue;
    idle = 0;
    wasmtime.wasmtime_engine_increment_epoch(naos_worker.engine);
    uint32_t outcome = overdue(&naos_worker.run, NAOS_WASM_GRACE_MICROSECONDS);
    if (outcome == NAOS_WASM_SUCCEEDED || !atomic_load(&is_running)) continue;
    naos_send_end_for_runner(outcome);
    _exit(NAOS_WASM_WATCHED);
  }
  return NULL;
}

void naos_start_watch(void) {
  runner = pthread_self();
  pthread_t thread;
  if (pthread_getcpuclockid(runner, &runner_clock) != 0 || sem_init(&unpark, 0, 0) != 0 ||
      pthread_create(&thread, NULL, watch, NULL) != 0)
    naos_give_up("its watch cannot be started");
  pthread_detach(thread);
}

void naos_begin_run(uint64_t call, uint32_t reply, uint64_t cpu_microseconds, uint64_t wall_microseconds) {
  struct naos_run *run = &naos_worker.run;
  run->call = call;
  run->reply = reply;
  run->cpu_started = microseconds(CLOCK_THREAD_CPUTIME_ID);
  run->cpu_deadline = cpu_microseconds ? run->cpu_started + cpu_microseconds : 0;
  run->wall_deadline = wall_microseconds ? naos_monotonic_microseconds() + wall_microseconds : 0;
  atomic_store(&run->violation, NAOS_WASM_SUCCEEDED);
  run->dropped_lines = 0;
  run->text_bytes = 0;
  run->log_bytes = 0;
  atomic_store(&is_running, true);
  if (atomic_exchange(&is_parked, false)) sem_post(&unpark);
}

void naos_end_run(uint32_t outcome, int64_t code, const char *text, uint64_t memory_bytes, const uint8_t *output,
                  size_t output_bytes) {
  struct naos_run *run = &naos_worker.run;
  atomic_store(&is_running, false);
  const uint8_t *denials;
  size_t denied_bytes = naos_denials(&denials, true);
  struct naos_wasm_end end = {
      .outcome = outcome,
      .text_bytes = (uint32_t)strlen(text),
      .code = code,
      .cpu_microseconds = microseconds(CLOCK_THREAD_CPUTIME_ID) - run->cpu_started,
      .memory_bytes = memory_bytes,
      .log_bytes = (uint32_t)run->log_bytes,
      .dropped_lines = run->dropped_lines,
      .output_bytes = (uint32_t)output_bytes,
      .denied_bytes = (uint32_t)denied_bytes,
  };
  struct naos_part parts[] = {{&end, sizeof end},
                              {text, end.text_bytes},
                              {run->log, run->log_bytes},
                              {output, output_bytes},
                              {denials, denied_bytes}};
  naos_send_frame(run->reply, run->call, parts, 5);
}

void naos_violate(uint32_t outcome) {
  uint32_t none = NAOS_WASM_SUCCEEDED;
  atomic_compare_exchange_strong(&naos_worker.run.violation, &none, outcome);
  wasmtime.wasmtime_engine_increment_epoch(naos_worker.engine);
}

wasm_trap_t *naos_trap(const char *text) { return wasmtime.wasmtime_trap_new(text, strlen(text)); }

wasm_trap_t *naos_interrupted(void) {
  struct naos_run *run = &naos_worker.run;
  uint32_t outcome = overdue(run, 0);
  if (outcome != NAOS_WASM_SUCCEEDED) naos_violate(outcome);
  return atomic_load(&run->violation) == NAOS_WASM_SUCCEEDED ? NULL : naos_trap("over a limit");
}

static wasmtime_error_t *at_epoch(wasmtime_context_t *context, void *data, uint64_t *delta, uint8_t *kind) {
  (void)context;
  (void)data;
  struct naos_run *run = &naos_worker.run;
  *delta = 1;
  *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
  uint32_t outcome = overdue(run, 0), none = NAOS_WASM_SUCCEEDED;
  if (outcome != NAOS_WASM_SUCCEEDED) atomic_compare_exchange_strong(&run->violation, &none, outcome);
  if (atomic_load(&run->violation) == NAOS_WASM_SUCCEEDED) return NULL;
  return wasmtime.wasmtime_error_new("over a limit");
}

static wasmtime_store_t *make_store(uint64_t memory_bytes, int64_t instances, int64_t tables) {
  wasmtime_store_t *store = wasmtime.wasmtime_store_new(naos_worker.engine, NULL, NULL);
  if (!store) return NULL;
  // Elements of each table, then the counts of instances, tables and memories.
  wasmtime.wasmtime_store_limiter(store, (int64_t)memory_bytes, NAOS_WASM_TABLE_ELEMENTS, instances, tables, 1);
  wasmtime.wasmtime_store_epoch_deadline_callback(store, at_epoch, NULL, NULL);
  wasmtime.wasmtime_context_set_epoch_deadline(wasmtime.wasmtime_store_context(store), 1);
  return store;
}

wasmtime_store_t *naos_make_store(uint64_t memory_bytes) { return make_store(memory_bytes, 4, 4); }

wasmtime_store_t *naos_make_component_store(uint64_t memory_bytes) { return make_store(memory_bytes, 200, 40); }

uint32_t naos_judge(wasmtime_error_t *error, wasm_trap_t *trap, int64_t *code, char *text, size_t room) {
  uint32_t violation = atomic_load(&naos_worker.run.violation);
  uint32_t outcome = NAOS_WASM_SUCCEEDED;
  text[0] = 0;
  if (error) {
    int status;
    if (wasmtime.wasmtime_error_exit_status(error, &status)) {
      outcome = NAOS_WASM_EXITED;
      *code = status;
      wasmtime.wasmtime_error_delete(error);
    } else {
      naos_take_error(error, text, room);
      // Of a component a trap comes as an error, without its code.
      outcome = strstr(text, "call stack exhausted") ? NAOS_WASM_OVER_STACK : NAOS_WASM_TRAPPED;
    }
  } else if (trap) {
    uint8_t reason;
    bool is_stack = wasmtime.wasmtime_trap_code(trap, &reason) && reason == WASMTIME_TRAP_CODE_STACK_OVERFLOW;
    outcome = is_stack ? NAOS_WASM_OVER_STACK : NAOS_WASM_TRAPPED;
    naos_take_trap(trap, text, room);
  }
  // A module that went over a limit was ended for that, whatever it made of it.
  return violation == NAOS_WASM_SUCCEEDED ? outcome : violation;
}
