// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The warden: a process that sleeps until its guard is gone, and then ends what the guard left. It is for the one case
// that neither the node nor the guard can tend to, both killed at once while an agent has a process that forked out of
// reach of PDEATHSIG. It also ends what earlier guards left whose warden was killed too.
#include "GuardInternal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWEEP_INTERVAL_MILLISECONDS 10
/// How long the warden stays for processes that SIGKILL does not remove.
#define PATIENCE_MILLISECONDS 10000

static void rest(void) { poll(NULL, 0, SWEEP_INTERVAL_MILLISECONDS); }

/// Ends everything with the mark or in a group of `tag`. One empty sweep can miss a process that is born meanwhile.
static void end_leftovers(const char *tag) {
  int64_t patience_ends = naos_milliseconds() + PATIENCE_MILLISECONDS;
  for (int empty = 0; empty < 2 && naos_milliseconds() < patience_ends;) {
    int groups = naos_end_groups(tag);
    int marked = naos_kill_leftovers(tag, NULL, 0, 0);
    empty = groups == 0 && marked == 0 ? empty + 1 : 0;
    if (empty < 2) rest();
  }
}

static void end_earlier_leftovers(void) {
  int64_t patience_ends = naos_milliseconds() + PATIENCE_MILLISECONDS;
  while (naos_end_groups(NULL) > 0 && naos_milliseconds() < patience_ends) rest();
}

static _Noreturn void watch(const char *tag, int guard) {
  prctl(PR_SET_NAME, NAOS_GUARD_WARDEN_NAME);
  prctl(PR_SET_DUMPABLE, 0);
  if (chdir("/") < 0) _exit(1);
  end_earlier_leftovers();
  struct pollfd ended = {.fd = guard, .events = POLLIN};
  while (poll(&ended, 1, -1) < 1) {}
  end_leftovers(tag);
  _exit(0);
}

pid_t naos_start_warden(const struct naos_guard *guard) {
  int report[2];
  int pidfd = naos_pidfd_open(guard->pid);
  if (pidfd < 0) return 0;
  if (pipe2(report, O_CLOEXEC) < 0) {
    close(pidfd);
    return 0;
  }
  pid_t warden = 0;
  pid_t between = fork();
  if (between == 0) {
    // A session of its own, and not the guard's child: it is neither an agent nor a stray.
    setsid();
    pid_t child = fork();
    if (child != 0) {
      if (child > 0 && write(report[1], &child, sizeof child) < 0) _exit(1);
      _exit(0);
    }
    // Above all not the node's socket, whose end is what says that the guard is gone.
    if (dup2(pidfd, NAOS_GUARD_SOCKET) < 0) _exit(1);
    syscall(SYS_close_range, (unsigned)NAOS_GUARD_SOCKET + 1, ~0u, 0u);
    watch(guard->tag, NAOS_GUARD_SOCKET);
  }
  close(report[1]);
  if (between > 0) {
    if (read(report[0], &warden, sizeof warden) != sizeof warden) warden = 0;
    waitpid(between, NULL, 0);
  }
  close(report[0]);
  close(pidfd);
  return warden;
}
