// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Pipes, polling, threads and hardening: system calls that Swift cannot make in safety.
#include "GuardInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WAIT_CAPACITY 64
/// Enough for receivers that decode and format; a receiver does not recurse.
#define THREAD_STACK_BYTES (2u << 20)

int naos_output_pipe(int *read_end, int *write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return errno;
  // The ends are two open files: the agent's stays a blocking one, as programs expect.
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
    int error = errno;
    close(ends[0]);
    close(ends[1]);
    return error;
  }
  *read_end = ends[0];
  *write_end = ends[1];
  return 0;
}

int naos_poller_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
int naos_poller_wakeup_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void naos_poller_wake(int wakeup) {
  uint64_t one = 1;
  while (write(wakeup, &one, sizeof one) < 0 && errno == EINTR) {}
}

void naos_poller_drain_wakeup(int wakeup) {
  uint64_t count;
  while (read(wakeup, &count, sizeof count) < 0 && errno == EINTR) {}
}

int naos_poller_add(int poller, int fd, uint64_t token) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = token}};
  return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

int naos_poller_watch_writes(int poller, int fd, uint64_t token, bool writes) {
  struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0u), .data = {.u64 = token}};
  return epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : errno;
}

void naos_poller_remove(int poller, int fd) { epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL); }

int naos_poller_wait(int poller, uint64_t *tokens, int capacity, int timeout_milliseconds) {
  struct epoll_event events[WAIT_CAPACITY];
  int count = epoll_wait(poller, events, capacity < WAIT_CAPACITY ? capacity : WAIT_CAPACITY, timeout_milliseconds);
  for (int index = 0; index < count; index++) tokens[index] = events[index].data.u64;
  return count < 0 ? 0 : count;
}

struct thread {
  char name[16];
  void (*body)(void *);
  void *context;
};

static void *run_thread(void *pointer) {
  struct thread thread = *(struct thread *)pointer;
  free(pointer);
  prctl(PR_SET_NAME, thread.name);
  thread.body(thread.context);
  return NULL;
}

int naos_thread_start(const char *name, void (*body)(void *), void *context) {
  struct thread *thread = calloc(1, sizeof *thread);
  if (!thread) return ENOMEM;
  for (size_t index = 0; index + 1 < sizeof thread->name && name[index]; index++) thread->name[index] = name[index];
  thread->body = body;
  thread->context = context;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t created;
  int error = pthread_create(&created, &attributes, run_thread, thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (error) free(thread);
  return error;
}

int naos_make_undumpable(void) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  return prctl(PR_SET_DUMPABLE, 0) == 0 ? 0 : errno;
}

bool naos_is_dumpable(void) { return prctl(PR_GET_DUMPABLE) != 0; }

int naos_ignore_sigpipe(void) { return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? errno : 0; }

int naos_die_with_parent(int parent, int signal) {
  if (prctl(PR_SET_PDEATHSIG, signal) < 0) return errno;
  return getppid() == parent ? 0 : ESRCH;
}
