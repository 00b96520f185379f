// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
// usage: upstream PORT
// A model API of OpenAI's chat dialect with fixed answers, by the first part of the path: /kb1 and /kb10 answer one
// and ten kilobytes, /stream/N 200 chunks with N milliseconds between them (0: all at once).
#include "wire.h"

enum { chunks = 200, most_events = 256 };

typedef struct connection {
  int descriptor;
  buffer input;
  // Of a stream under way: what is still to be sent, how often and when next.
  int left;
  int64_t pause, due;
  struct connection *next, *previous;
} connection;

static int poller;
// Streams under way.
static connection streams = {.next = &streams, .previous = &streams};
static buffer small_answer, large_answer;
static char chunk[640], last_chunks[1024];

static const char *usage =
    "\"usage\":{\"prompt_tokens\":24,\"completion_tokens\":10,\"total_tokens\":34}";

static void prepare_answer(buffer *answer, size_t size) {
  buffer body = {0};
  append_text(&body,
              "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1760000000,"
              "\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
  while (body.length < size - 120) append_text(&body, "Sagas undo what they did. ");
  append_text(&body, "\"},\"finish_reason\":\"stop\",\"logprobs\":null}],");
  append_text(&body, usage);
  append_text(&body, "}");
  char head[128];
  snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n",
           body.length);
  append_text(answer, head);
  append(answer, body.bytes, body.length);
}

static int framed(char *to, size_t room, const char *event) {
  return snprintf(to, room, "%zx\r\n%s\r\n", strlen(event), event);
}

static void prepare_chunks(void) {
  const char *common = "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,"
                       "\"model\":\"gpt-4o-mini\",";
  char event[512];
  snprintf(event, sizeof event, "data: %s\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},"
           "\"finish_reason\":null}]}\n\n", common);
  framed(chunk, sizeof chunk, event);
  snprintf(event, sizeof event, "data: %s\"choices\":[],%s}\n\ndata: [DONE]\n\n", common, usage);
  int length = framed(last_chunks, sizeof last_chunks, event);
  snprintf(last_chunks + length, sizeof last_chunks - (size_t)length, "0\r\n\r\n");
}

static void end(connection *one) {
  if (one->left) {
    one->next->previous = one->previous;
    one->previous->next = one->next;
  }
  close(one->descriptor);
  free(one->input.bytes);
  free(one);
}

// Sends the next chunk; the last brings the usage with it.
static int advance(connection *one) {
  if (write_all(one->descriptor, chunk, strlen(chunk))) return -1;
  if (--one->left) return 0;
  one->next->previous = one->previous;
  one->previous->next = one->next;
  return write_all(one->descriptor, last_chunks, strlen(last_chunks));
}

static int answer(connection *one, const char *target) {
  if (!strncmp(target, "/kb10/", 6)) return write_all(one->descriptor, large_answer.bytes, large_answer.length);
  if (strncmp(target, "/stream/", 8)) return write_all(one->descriptor, small_answer.bytes, small_answer.length);
  const char *head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
  if (write_all(one->descriptor, head, strlen(head))) return -1;
  one->pause = atoi(target + 8) * 1000000LL;
  one->left = chunks;
  one->due = nanoseconds() + one->pause;
  one->next = streams.next;
  one->previous = &streams;
  streams.next->previous = one;
  streams.next = one;
  int failed = advance(one);
  while (!failed && one->left && !one->pause) failed = advance(one);
  return failed;
}

static int take(connection *one) {
  char bytes[65536];
  for (;;) {
    ssize_t count = recv(one->descriptor, bytes, sizeof bytes, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (count <= 0) return -1;
    append(&one->input, bytes, (size_t)count);
  }
  for (;;) {
    char *head_end = one->input.length ? strstr(one->input.bytes, "\r\n\r\n") : NULL;
    if (!head_end) return 0;
    const char *length = field(one->input.bytes, "content-length");
    size_t whole = (size_t)(head_end + 4 - one->input.bytes) + (length ? strtoul(length, NULL, 10) : 0);
    if (one->input.length < whole) return 0;
    char *target = strchr(one->input.bytes, ' ');
    if (!target || answer(one, target + 1)) return -1;
    drop(&one->input, whole);
  }
}

static void accept_all(int listener) {
  for (;;) {
    int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return;
    make_quick(descriptor);
    connection *one = calloc(1, sizeof *one);
    one->descriptor = descriptor;
    watch(poller, EPOLL_CTL_ADD, descriptor, EPOLLIN, one);
  }
}

int main(int count, char **words) {
  if (count != 2) return 2;
  prepare_answer(&small_answer, 1024);
  prepare_answer(&large_answer, 10240);
  prepare_chunks();
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = loopback(atoi(words[1]));
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) die("listen");
  poller = epoll_create1(EPOLL_CLOEXEC);
  watch(poller, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
  struct epoll_event events[most_events];
  for (;;) {
    int ready = epoll_wait(poller, events, most_events, streams.next == &streams ? -1 : 1);
    for (int index = 0; index < ready; index++) {
      connection *one = events[index].data.ptr;
      if (!one) accept_all(listener);
      else if (take(one)) end(one);
    }
    int64_t now = nanoseconds();
    for (connection *one = streams.next, *next; one != &streams; one = next) {
      next = one->next;
      if (one->due > now) continue;
      one->due += one->pause;
      if (advance(one)) {
        // Its socket says so again; what is left of the stream is not sent.
        if (one->left) {
          one->next->previous = one->previous;
          one->previous->next = one->next;
          one->left = 0;
        }
      }
    }
  }
}
