// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
// usage: steady PORT PATH RATE SECONDS CONNECTIONS PROMPT-BYTES stream|whole MODEL
// Asks at a constant rate, whether answers come or not; the key is in KEY. A time counts from the moment at which the
// request was due, so that a gateway that falls behind shows it (no coordinated omission); what has not come after 30 s
// more counts as that late. Prints one line:
// figures DONE REFUSED BROKEN P50 P99 P999 FIRST-P50 FIRST-P99 MOST-AT-A-TIME, times in microseconds.
#include "wire.h"

enum { most_events = 256 };

typedef struct {
  int descriptor;
  buffer input;
  // When its request was due; 0 while it is free.
  int64_t due, first;
  size_t body_start, body_left;
  int is_chunked, is_success;
} connection;

static int poller, port;
static buffer request;
static connection *all, **idle;
static size_t idle_count, connections, busy, most_busy;
static int64_t *totals, *firsts;
static size_t done, refused, broken, most;

static void prepare(const char *path, const char *model, size_t prompt, int streams) {
  const char *key = getenv("KEY");
  buffer body = {0};
  append_text(&body, "{\"model\":\"");
  append_text(&body, model);
  append_text(&body, "\",\"max_tokens\":64,");
  if (streams) append_text(&body, "\"stream\":true,\"stream_options\":{\"include_usage\":true},");
  append_text(&body, "\"messages\":[{\"role\":\"user\",\"content\":\"What does a saga do when a step fails?");
  while (body.length < prompt) append_text(&body, " And what did the one before it do?");
  append_text(&body, "\"}]}");
  char head[1024];
  snprintf(head, sizeof head,
           "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
           "authorization: Bearer %s\r\ncontent-length: %zu\r\n\r\n",
           path, port, key ? key : "none", body.length);
  append_text(&request, head);
  append(&request, body.bytes, body.length);
}

static void dial(connection *one) {
  one->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(port);
  if (connect(one->descriptor, (struct sockaddr *)&address, sizeof address)) die("connect");
  make_quick(one->descriptor);
  watch(poller, EPOLL_CTL_ADD, one->descriptor, EPOLLIN, one);
}

static void ask(connection *one, int64_t due) {
  one->due = due;
  one->first = 0;
  one->body_start = 0;
  one->input.length = 0;
  if (++busy > most_busy) most_busy = busy;
  if (write_all(one->descriptor, request.bytes, request.length)) one->is_success = 0;
}

static void finish(connection *one, int64_t now) {
  if (one->is_success && done < most) {
    totals[done] = now - one->due;
    firsts[done++] = one->first - one->due;
  } else {
    refused++;
  }
  one->due = 0;
  busy--;
  idle[idle_count++] = one;
}

static void lost(connection *one) {
  if (one->due) {
    broken++;
    busy--;
    one->due = 0;
    idle[idle_count++] = one;
  }
  close(one->descriptor);
  dial(one);
}

// Whether the whole response is there.
static int is_whole(connection *one) {
  if (!one->body_start) {
    char *end = one->input.length ? strstr(one->input.bytes, "\r\n\r\n") : NULL;
    if (!end) return 0;
    one->body_start = (size_t)(end + 4 - one->input.bytes);
    one->is_success = !strncmp(one->input.bytes, "HTTP/1.1 200", 12);
    const char *length = field(one->input.bytes, "content-length");
    one->is_chunked = !length;
    one->body_left = length ? strtoul(length, NULL, 10) : 0;
  }
  size_t body = one->input.length - one->body_start;
  if (body && !one->first) one->first = nanoseconds();
  if (!one->is_chunked) return body >= one->body_left;
  // No event ends with a carriage return, so nothing else looks like the last chunk.
  return body >= 5 && !memcmp(one->input.bytes + one->input.length - 5, "0\r\n\r\n", 5) &&
         (body == 5 || one->input.bytes[one->input.length - 6] == '\n');
}

static void take(connection *one) {
  char bytes[65536];
  for (;;) {
    ssize_t count = recv(one->descriptor, bytes, sizeof bytes, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return lost(one);
    if (!one->due) continue;
    append(&one->input, bytes, (size_t)count);
    if (is_whole(one)) return finish(one, nanoseconds());
  }
}

static void late(int64_t age) {
  if (done >= most) return;
  totals[done] = age;
  firsts[done++] = age;
}

static int by_size(const void *left, const void *right) {
  int64_t difference = *(const int64_t *)left - *(const int64_t *)right;
  return difference < 0 ? -1 : difference > 0;
}

static double microseconds(const int64_t *times, double share) {
  return done ? (double)times[(size_t)((double)(done - 1) * share)] / 1000 : 0;
}

int main(int count, char **words) {
  if (count != 9) return 2;
  port = atoi(words[1]);
  double rate = atof(words[3]), seconds = atof(words[4]);
  connections = strtoul(words[5], NULL, 10);
  prepare(words[2], words[8], strtoul(words[6], NULL, 10), !strcmp(words[7], "stream"));
  most = (size_t)(rate * seconds);
  totals = calloc(most + 1, sizeof *totals);
  firsts = calloc(most + 1, sizeof *firsts);
  all = calloc(connections, sizeof *all);
  idle = calloc(connections, sizeof *idle);
  poller = epoll_create1(EPOLL_CLOEXEC);
  for (size_t index = 0; index < connections; index++) {
    dial(&all[index]);
    idle[idle_count++] = &all[index];
  }
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  watch(poller, EPOLL_CTL_ADD, timer, EPOLLIN, NULL);
  int64_t start = nanoseconds() + 50000000, give_up = start + (int64_t)((seconds + 30) * 1e9);
  size_t asked = 0;
  struct epoll_event events[most_events];
  while (done + refused + broken < most && nanoseconds() < give_up) {
    int64_t due = start + (int64_t)((double)asked / rate * 1e9);
    if (asked < most && idle_count && due <= nanoseconds()) {
      ask(idle[--idle_count], due);
      asked++;
      continue;
    }
    if (asked < most && idle_count) {
      struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};
      timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    }
    int ready = epoll_wait(poller, events, most_events, 1000);
    for (int index = 0; index < ready; index++) {
      connection *one = events[index].data.ptr;
      uint64_t ticks;
      if (!one) (void)!read(timer, &ticks, sizeof ticks);
      else take(one);
    }
  }
  // What has not come by now is as late as that, at the least.
  int64_t now = nanoseconds();
  for (size_t index = 0; index < connections; index++)
    if (all[index].due) late(now - all[index].due);
  for (; asked < most; asked++) late(now - start - (int64_t)((double)asked / rate * 1e9));
  qsort(totals, done, sizeof *totals, by_size);
  qsort(firsts, done, sizeof *firsts, by_size);
  printf("figures %zu %zu %zu %.1f %.1f %.1f %.1f %.1f %zu\n", done, refused, broken, microseconds(totals, 0.5),
         microseconds(totals, 0.99), microseconds(totals, 0.999), microseconds(firsts, 0.5),
         microseconds(firsts, 0.99), most_busy);
}
