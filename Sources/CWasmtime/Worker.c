// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// From the start of a worker to its first frame.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "WorkerInternal.h"

/// What the threads of the worker need beside the stack of a module.
#define HOST_STACK_BYTES (2u << 20)
/// Address space of a worker that runs a module: the reservation of one memory, and what else there is.
#define RUNNER_BYTES (7ull << 30)
#define OWN_BYTES (512ull << 20)

static void limit(void) {
  struct naos_wasm_open *open = &naos_worker.open;
  uint64_t memory = open->mode == NAOS_WASM_COMMAND ? open->memory_bytes : NAOS_WASM_LARGEST_MEMORY;
  struct rlimit space = {RUNNER_BYTES, RUNNER_BYTES}, data = {memory + OWN_BYTES, memory + OWN_BYTES};
  if (setrlimit(RLIMIT_AS, &space) < 0 || setrlimit(RLIMIT_DATA, &data) < 0)
    naos_give_up("its memory cannot be limited");
}

static void fail(uint32_t outcome, const char *text) {
  naos_worker.run.reply = NAOS_WASM_ENDED;
  naos_end_run(outcome, 0, text, 0, NULL, 0);
}

/// Makes what runs modules. Returns false after a failure was told.
static bool open_engine(void) {
  struct naos_wasm_open *open = &naos_worker.open;
  limit();
  bool has_pool = open->mode != NAOS_WASM_COMMAND && open->kind != NAOS_WASM_IS_COMPONENT;
  const char *problem = naos_make_engine((size_t)open->stack_bytes, has_pool ? 1 : 0, NAOS_WASM_LARGEST_MEMORY);
  if (problem) {
    fail(NAOS_WASM_BROKEN, problem);
    return false;
  }
  naos_start_watch();
  return true;
}

/// Returns false after a failure was told.
static bool is_open(wasmtime_error_t *error) {
  if (!error) return true;
  char text[1024];
  naos_take_error(error, text, sizeof text);
  fail(NAOS_WASM_BROKEN, text);
  return false;
}

/// Opens the module that was compiled for it. Returns false after a failure was told.
static bool open_module(void) {
  if (!open_engine()) return false;
  return is_open(wasmtime.wasmtime_module_deserialize_file(naos_worker.engine, NAOS_WASM_MODULE, &naos_worker.module));
}

/// As `open_module` does.
static bool open_component(void) {
  if (!open_engine()) return false;
  return is_open(
      wasmtime.wasmtime_component_deserialize_file(naos_worker.engine, NAOS_WASM_MODULE, &naos_worker.component));
}

/// Says that it is ready, and waits for the module that it will be for. Returns false after a failure was told.
static bool adopt_module(void) {
  if (!open_engine()) return false;
  naos_send_frame(NAOS_WASM_OPENED, naos_worker.run.call, NULL, 0);
  uint8_t *bytes;
  struct naos_wasm_frame frame = naos_read_frame(&bytes);
  if (frame.kind != NAOS_WASM_ADOPT) naos_give_up("a frame is none that is due");
  naos_worker.run.call = frame.call;
  bool opened =
      is_open(wasmtime.wasmtime_module_deserialize(naos_worker.engine, bytes, frame.bytes, &naos_worker.module));
  free(bytes);
  return opened;
}

struct order {
  uint8_t *payload;
  size_t count;
};

static void *serve(void *context) {
  struct order *order = context;
  const uint8_t *rest = order->payload + sizeof naos_worker.open;
  size_t count = order->count - sizeof naos_worker.open;
  const char *problem = naos_load_wasmtime(NAOS_WASM_LIBRARY);
  if (problem) {
    fail(NAOS_WASM_BROKEN, problem);
    return NULL;
  }
  switch (naos_worker.open.mode) {
  case NAOS_WASM_COMPILE:
    naos_serve_compiler(rest, count);
    break;
  case NAOS_WASM_COMMAND:
    if (open_module()) naos_run_command(rest, count);
    break;
  case NAOS_WASM_SKILL:
    if (naos_worker.open.kind == NAOS_WASM_IS_COMPONENT) {
      if (open_component()) naos_serve_component();
    } else if (open_module()) {
      naos_serve_skill();
    }
    break;
  case NAOS_WASM_SPARE:
    if (adopt_module()) naos_serve_skill();
    break;
  default:
    naos_give_up("there is no such mode");
  }
  return NULL;
}

static noreturn void work(void) {
  struct order order;
  struct naos_wasm_frame frame = naos_read_frame(&order.payload);
  order.count = frame.bytes;
  struct naos_wasm_open *open = &naos_worker.open;
  if (frame.kind != NAOS_WASM_OPEN || order.count < sizeof *open) naos_give_up("the first frame is none");
  memcpy(open, order.payload, sizeof *open);
  naos_worker.run.call = frame.call;
  if (open->stack_bytes > NAOS_WASM_LARGEST_STACK || open->memory_bytes > NAOS_WASM_LARGEST_MEMORY)
    naos_give_up("it is given more than there is");
  pthread_attr_t attributes;
  pthread_t thread;
  if (pthread_attr_init(&attributes) != 0 ||
      pthread_attr_setstacksize(&attributes, HOST_STACK_BYTES + (size_t)open->stack_bytes) != 0 ||
      pthread_create(&thread, &attributes, serve, &order) != 0)
    naos_give_up("its runner cannot be started");
  pthread_join(thread, NULL);
  _exit(0);
}

void naos_wasm_main_if_requested(int argc, char *const *argv) {
  if (argc != 2 || strcmp(argv[1], NAOS_WASM_MARK) != 0) return;
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(NAOS_WASM_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM) {
    dprintf(STDERR_FILENO, "naos: %s is for naos itself\n", NAOS_WASM_MARK);
    _exit(2);
  }
  prctl(PR_SET_NAME, "naos-wasm");
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  work();
}

/// As for the guard: before the program's own code runs.
__attribute__((constructor)) static void worker_constructor(int argc, char **argv, char **environment) {
  (void)environment;
  naos_wasm_main_if_requested(argc, argv);
}
