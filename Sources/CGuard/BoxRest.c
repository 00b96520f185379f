// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The end of a sandbox: what its main process left running is ended, and counted. The first process of the namespace does
// that, for all who are left become its children and nobody can fork out of its sight; the keeper waits, and has
// the kernel end the namespace if that takes long.
#include "BoxInternal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// Helpers that end by themselves when whoever started them has ended are given so long to do that.
#define GRACE_MILLISECONDS 100
/// And that long, the first process, before the kernel ends them all.
#define PATIENCE_MILLISECONDS 5000

/// The next who ended: above 0 where somebody had, 0 where nobody has, and below 0 once nobody is left. There may always be
/// somebody, so between one and the next everything else has its turn.
static pid_t reap_one(void) { return waitpid(-1, NULL, WNOHANG); }

static noreturn void end_others(struct naos_box_rest *rest, const sigset_t *child) {
  int64_t ends = naos_milliseconds() + GRACE_MILLISECONDS;
  for (pid_t pid; (pid = reap_one()) >= 0;) {
    int64_t left = ends - naos_milliseconds();
    if (left <= 0) break;
    if (pid > 0) continue;
    struct timespec pause = {.tv_nsec = left * 1000000};
    sigtimedwait(child, NULL, &pause);
  }
  // All in one stroke: who forks meanwhile is ended with the child.
  kill(-1, SIGKILL);
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    if (pid < 0 && errno != EINTR) _exit(0);
    if (pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) rest->count++;
  }
}

noreturn void naos_box_be_init(struct naos_box *box, struct naos_box_rest *rest) {
  prctl(PR_SET_NAME, "naos-init");
  if (syscall(SYS_close_range, 0u, ~0u, 0u) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || naos_box_drop_privileges(box, false)) _exit(1);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  for (;;) {
    pid_t pid = reap_one();
    // The signal only wakes: who is in the namespace may send it, too.
    if (rest->ends) end_others(rest, &child);
    if (pid > 0) continue;
    siginfo_t info;
    sigwaitinfo(&child, &info);
  }
}

/// Children of the keeper's own, whom the agent made so (`CLONE_PARENT`), count as well; false once the first process has
/// ended, which is when nobody is left in its namespace. So many at most are reaped; then there may be `more`.
static bool is_left(pid_t init, unsigned *count, bool *more) {
  for (int reaped = 0; reaped < NAOS_MOST_REAPED; reaped++) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    *more = false;
    if (pid <= 0) return pid == 0 || errno == EINTR;
    if (pid == init) return false;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ++*count;
  }
  return *more = true;
}

unsigned naos_box_end_rest(struct naos_box_rest *rest, pid_t init, int signals, int listener, int report) {
  unsigned count = 0;
  int64_t ends = naos_milliseconds() + PATIENCE_MILLISECONDS;
  bool is_patient = true;
  for (bool more; is_left(init, &count, &more);) {
    int64_t left = ends - naos_milliseconds();
    if (!rest->ends) {
      rest->ends = true;
      kill(init, SIGCHLD);
    } else if (is_patient && left <= 0) {
      kill(init, SIGKILL);
      is_patient = false;
    }
    struct pollfd ready[2] = {{.fd = signals, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    if (poll(ready, 2, more ? 0 : !is_patient ? -1 : left > 0 ? (int)left : 0) <= 0) continue;
    struct signalfd_siginfo info;
    if (ready[0].revents && read(signals, &info, sizeof info) < 0 && errno != EAGAIN) _exit(127);
    if (ready[1].revents && !(ready[1].revents & POLLIN && naos_box_answer_call(listener, report))) listener = -1;
  }
  // The first process was killed because somebody was left whom it had not seen end: one, at least.
  return count + rest->count + (is_patient ? 0 : 1);
}
