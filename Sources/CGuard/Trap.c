// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What the node was doing when it trapped. The text is the failing thread's own, for such signals are delivered to the
// thread that caused them; the handler copies nothing and calls only write.
#include "GuardInternal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static const int trap_signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
static int trap_fd = -1;

static _Thread_local char trap_text[NAOS_TRAP_TEXT_LIMIT] __attribute__((tls_model("initial-exec")));
static _Thread_local volatile size_t trap_count __attribute__((tls_model("initial-exec")));

void naos_trap_set_current(const char *text, size_t count) {
  // Cleared first and counted last: a trap in between writes nothing rather than half of two texts.
  trap_count = 0;
  if (!text || count == 0) return;
  if (count > NAOS_TRAP_TEXT_LIMIT) count = NAOS_TRAP_TEXT_LIMIT;
  for (size_t index = 0; index < count; index++) trap_text[index] = text[index] == '\n' ? ' ' : text[index];
  trap_count = count;
}

static void on_trap(int number) {
  int saved = errno;
  size_t count = trap_count;
  if (count > 0 && trap_fd >= 0) {
    char digits[3] = {(char)('0' + number / 10 % 10), (char)('0' + number % 10), ' '};
    struct iovec parts[3] = {{.iov_base = number < 10 ? digits + 1 : digits, .iov_len = number < 10 ? 2 : 3},
                             {.iov_base = trap_text, .iov_len = count},
                             {.iov_base = "\n", .iov_len = 1}};
    if (writev(trap_fd, parts, 3) > 0) fsync(trap_fd);
  }
  errno = saved;
  // The disposition is the default one by now (SA_RESETHAND), and the signal is not blocked (SA_NODEFER).
  raise(number);
}

int naos_trap_prepare(int fd) {
  trap_fd = fd;
  for (size_t index = 0; index < sizeof trap_signals / sizeof *trap_signals; index++) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_trap;
    // No alternative stack is set up: a stack overflow ends the process without a record.
    action.sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK;
    if (sigaction(trap_signals[index], &action, NULL) < 0) return errno;
  }
  return 0;
}
