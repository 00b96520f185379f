// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The agent plane, for commands: one request at a time, to the one address that the sandbox has. The gateway knows the run by
// the key, so what is asked is journaled, paid for and replayed like a request of any other agent.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "WorkerInternal.h"

enum { UNREACHABLE = -1, REFUSED = -2, MALFORMED = -3 };

#define PATH_BYTES 2048
#define BODY_BYTES (16u << 20)
/// What an answer may have, its head included.
#define ANSWER_BYTES (16u << 20)
/// A wait looks at the deadlines this often.
#define PIECE_MILLISECONDS 20

static char key[512];
static struct sockaddr_in place;
static bool is_known;

/// The last answer: its body stands in `answer` from `body` on.
static char *answer;
static size_t answer_bytes, body, body_bytes;

void naos_set_plane(const char *url, const char *token) {
  unsigned port;
  char host[64];
  if (sscanf(url, "http://%63[0-9.]:%u", host, &port) != 2 || port > 65535 || strlen(token) >= sizeof key) return;
  place = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &place.sin_addr) != 1) return;
  strcpy(key, token);
  is_known = true;
}

/// Waits for the socket in pieces. Returns false with a trap once the run has to end.
static bool wait_for(int socket, short events, wasm_trap_t **trap) {
  for (;;) {
    if ((*trap = naos_interrupted())) return false;
    struct pollfd ready = {.fd = socket, .events = events};
    int count = poll(&ready, 1, PIECE_MILLISECONDS);
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) return true;
  }
}

static bool send_whole(int socket, const char *bytes, size_t count, wasm_trap_t **trap) {
  while (count > 0) {
    ssize_t sent = send(socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes += sent;
      count -= (size_t)sent;
    } else if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!wait_for(socket, POLLOUT, trap)) return false;
    } else {
      return false;
    }
  }
  return true;
}

/// Reads to the end: the request asked for the connection to be closed.
static bool receive_whole(int socket, wasm_trap_t **trap) {
  size_t room = 0;
  answer_bytes = 0;
  for (;;) {
    if (answer_bytes + 1 >= room) {
      if (room >= ANSWER_BYTES) return false;
      size_t larger = room ? 2 * room : 65536;
      char *more = realloc(answer, larger);
      if (!more) return false;
      answer = more;
      room = larger;
    }
    if (!wait_for(socket, POLLIN, trap)) return false;
    ssize_t got = recv(socket, answer + answer_bytes, room - answer_bytes - 1, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return false;
    if (got == 0) break;
    answer_bytes += (size_t)got;
  }
  answer[answer_bytes] = 0;
  return answer_bytes > 0;
}

/// Joins the pieces of a body that was sent in pieces, in its place.
static bool join_chunks(void) {
  size_t from = body, to = body;
  for (;;) {
    char *end;
    unsigned long size = strtoul(answer + from, &end, 16);
    char *line = strstr(end, "\r\n");
    if (end == answer + from || !line || size > answer_bytes) return false;
    from = (size_t)(line - answer) + 2;
    if (size == 0) break;
    if (size > answer_bytes - from || answer_bytes - from - size < 2) return false;
    memmove(answer + to, answer + from, size);
    to += size;
    from += size + 2;
  }
  body_bytes = to - body;
  return true;
}

/// Finds the status and the body. Returns the status, or MALFORMED.
static int64_t read_answer(void) {
  int status;
  char *end = strstr(answer, "\r\n\r\n");
  if (!end || sscanf(answer, "HTTP/1.%*1[01] %3d", &status) != 1) return MALFORMED;
  body = (size_t)(end - answer) + 4;
  body_bytes = answer_bytes - body;
  *end = 0;
  bool is_chunked = strcasestr(answer, "\r\ntransfer-encoding: chunked") != NULL;
  if (is_chunked && !join_chunks()) return MALFORMED;
  return status;
}

static bool is_path(const char *path) {
  if (*path != '/') return false;
  for (; *path; path++)
    if (*path <= ' ' || *path > '~') return false;
  return true;
}

static int64_t exchange(const char *method, const char *path, const char *content, uint32_t count, wasm_trap_t **trap) {
  char head[PATH_BYTES + 1024];
  int length = snprintf(head, sizeof head,
                        "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                        "Content-Length: %u\r\nConnection: close\r\n\r\n",
                        method, path, key, count);
  if (length < 0 || (size_t)length >= sizeof head) return REFUSED;
  int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0) return UNREACHABLE;
  bool is_whole = connect(socket_fd, (struct sockaddr *)&place, sizeof place) == 0 &&
                  send_whole(socket_fd, head, (size_t)length, trap) && send_whole(socket_fd, content, count, trap) &&
                  receive_whole(socket_fd, trap);
  close(socket_fd);
  return is_whole ? read_answer() : UNREACHABLE;
}

static wasm_trap_t *request(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  wasm_trap_t *over = naos_count_call();
  if (over) return over;
  static const char *const methods[] = {"GET", "POST", "PUT"};
  uint32_t method = (uint32_t)values[0].i32, path_at = (uint32_t)values[1].i32, path_bytes = (uint32_t)values[2].i32,
           content_at = (uint32_t)values[3].i32, content_bytes = (uint32_t)values[4].i32;
  uint8_t *memory;
  size_t size;
  body_bytes = 0;
  if (!naos_memory_of(caller, &memory, &size) || (uint64_t)path_at + path_bytes > size ||
      (uint64_t)content_at + content_bytes > size)
    return naos_trap("an address outside of the memory was given to the host");
  char path[PATH_BYTES];
  values[0].i64 = REFUSED;
  if (!is_known || method >= sizeof methods / sizeof *methods || path_bytes >= sizeof path || content_bytes > BODY_BYTES)
    return NULL;
  memcpy(path, memory + path_at, path_bytes);
  path[path_bytes] = 0;
  if (strlen(path) != path_bytes || !is_path(path)) return NULL;
  wasm_trap_t *trap = NULL;
  int64_t status = exchange(methods[method], path, (const char *)memory + content_at, content_bytes, &trap);
  if (trap) return trap;
  values[0].i64 = status < 0 ? status : status << 32 | (int64_t)body_bytes;
  return NULL;
}

static wasm_trap_t *response(void *context, wasmtime_caller_t *caller, wasmtime_val_raw_t *values, size_t count) {
  (void)context;
  (void)count;
  wasm_trap_t *over = naos_count_call();
  if (over) return over;
  uint32_t offset = (uint32_t)values[0].i32, out = (uint32_t)values[1].i32, room = (uint32_t)values[2].i32;
  uint8_t *memory;
  size_t size;
  if (!naos_memory_of(caller, &memory, &size) || (uint64_t)out + room > size)
    return naos_trap("an address outside of the memory was given to the host");
  size_t left = offset < body_bytes ? body_bytes - offset : 0;
  size_t copied = left < room ? left : room;
  if (copied) memcpy(memory + out, answer + body + offset, copied);
  values[0].i32 = (int32_t)copied;
  return NULL;
}

wasmtime_error_t *naos_define_plane(void) {
  wasmtime_error_t *error = naos_define("naos", "request", "iiiii:I", request);
  return error ? error : naos_define("naos", "response", "iii:i", response);
}
