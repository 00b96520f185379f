// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Frames, as the worker reads and sends them.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "WorkerInternal.h"

/// Whoever has it sends one frame to its end.
static pthread_mutex_t sending = PTHREAD_MUTEX_INITIALIZER;

int naos_wasm_pair(int *ours, int *theirs) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return errno;
  int flags = fcntl(pair[0], F_GETFL);
  if (flags < 0 || fcntl(pair[0], F_SETFL, flags | O_NONBLOCK) < 0) {
    int error = errno;
    close(pair[0]);
    close(pair[1]);
    return error;
  }
  *ours = pair[0];
  *theirs = pair[1];
  return 0;
}

noreturn void naos_give_up(const char *why) {
  dprintf(STDERR_FILENO, "naos: the worker ends: %s\n", why);
  _exit(71);
}

static void read_exactly(void *place, size_t count) {
  char *cursor = place;
  while (count > 0) {
    ssize_t got = recv(NAOS_WASM_SOCKET, cursor, count, 0);
    if (got < 0 && errno == EINTR) continue;
    // The node has let go of it.
    if (got <= 0) _exit(0);
    cursor += got;
    count -= (size_t)got;
  }
}

struct naos_wasm_frame naos_read_frame(uint8_t **payload) {
  struct naos_wasm_frame frame;
  read_exactly(&frame, sizeof frame);
  if (frame.bytes > NAOS_WASM_FRAME_BYTES) naos_give_up("a frame is too long");
  *payload = malloc(frame.bytes ? frame.bytes : 1);
  if (!*payload) naos_give_up("there is no memory for a frame");
  read_exactly(*payload, frame.bytes);
  return frame;
}

bool naos_wait_for_frame(uint64_t deadline) {
  for (;;) {
    int patience = -1;
    if (deadline) {
      uint64_t now = naos_monotonic_microseconds();
      if (now >= deadline) return false;
      patience = (int)((deadline - now) / 1000) + 1;
    }
    struct pollfd ready = {.fd = NAOS_WASM_SOCKET, .events = POLLIN};
    int count = poll(&ready, 1, patience);
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) return false;
  }
}

static void send_all(const void *bytes, size_t count, bool more) {
  const char *cursor = bytes;
  while (count > 0) {
    ssize_t sent = send(NAOS_WASM_SOCKET, cursor, count, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) _exit(0);
    cursor += sent;
    count -= (size_t)sent;
  }
}

static void send_parts(uint32_t kind, uint64_t call, const struct naos_part *parts, size_t count) {
  size_t bytes = 0;
  for (size_t index = 0; index < count; index++) bytes += parts[index].count;
  // A short frame goes out in one piece: its reader wakes up once.
  char piece[4096];
  struct naos_wasm_frame frame = {.bytes = (uint32_t)bytes, .kind = kind, .call = call};
  memcpy(piece, &frame, sizeof frame);
  size_t filled = sizeof frame;
  for (size_t index = 0; index < count; index++) {
    if (parts[index].count <= sizeof piece - filled) {
      if (parts[index].count) memcpy(piece + filled, parts[index].bytes, parts[index].count);
      filled += parts[index].count;
      continue;
    }
    send_all(piece, filled, true);
    filled = 0;
    send_all(parts[index].bytes, parts[index].count, index + 1 < count);
  }
  if (filled) send_all(piece, filled, false);
}

void naos_send_frame(uint32_t kind, uint64_t call, const struct naos_part *parts, size_t count) {
  pthread_mutex_lock(&sending);
  send_parts(kind, call, parts, count);
  pthread_mutex_unlock(&sending);
}

void naos_send_end_for_runner(uint32_t outcome) {
  struct naos_run *run = &naos_worker.run;
  if (pthread_mutex_trylock(&sending) != 0) return;
  const uint8_t *denials;
  size_t denied_bytes = naos_denials(&denials, false);
  struct naos_wasm_end end = {.outcome = outcome, .denied_bytes = (uint32_t)denied_bytes};
  struct naos_part parts[] = {{&end, sizeof end}, {denials, denied_bytes}};
  send_parts(run->reply, run->call, parts, 2);
}
