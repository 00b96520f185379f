// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
// What the steady client and the upstream share: time, sockets, growing buffers, the heads of HTTP/1.1 messages.
#ifndef NAOS_BENCH_WIRE_H
#define NAOS_BENCH_WIRE_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  char *bytes;
  size_t length, room;
} buffer;

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static inline void append(buffer *to, const void *bytes, size_t length) {
  if (to->length + length + 1 > to->room) {
    to->room = (to->length + length + 1) * 2;
    to->bytes = realloc(to->bytes, to->room);
    if (!to->bytes) die("realloc");
  }
  memcpy(to->bytes + to->length, bytes, length);
  to->length += length;
  to->bytes[to->length] = 0;
}

static inline void drop(buffer *from, size_t length) {
  memmove(from->bytes, from->bytes + length, from->length - length);
  from->length -= length;
  if (from->bytes) from->bytes[from->length] = 0;
}

static inline void append_text(buffer *to, const char *text) { append(to, text, strlen(text)); }

// Writes everything; a peer that is slow to read is waited for.
static inline int write_all(int descriptor, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t count = send(descriptor, bytes, length, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) {
      struct pollfd wait = {descriptor, POLLOUT, 0};
      poll(&wait, 1, 1000);
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return -1;
    bytes += count;
    length -= (size_t)count;
  }
  return 0;
}

static inline void make_quick(int descriptor) {
  int on = 1, size = 1 << 20;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
}

static inline struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// The value of a field of the head, or null; the head ends with an empty line.
static inline const char *field(const char *head, const char *name) {
  size_t length = strlen(name);
  for (const char *line = strstr(head, "\r\n"); line && strncmp(line, "\r\n\r\n", 4); line = strstr(line + 2, "\r\n"))
    if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':') {
      const char *value = line + 3 + length;
      while (*value == ' ') value++;
      return value;
    }
  return NULL;
}

static inline void watch(int poller, int operation, int descriptor, uint32_t events, void *data) {
  struct epoll_event event = {.events = events, .data.ptr = data};
  if (epoll_ctl(poller, operation, descriptor, &event)) die("epoll_ctl");
}
#endif
