// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The guard process: the parent and subreaper of every agent of a node. It ends when the node's socket does, after
// everything below it.
#include "GuardInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// How often an end that waits for strays is looked at without a signal.
#define TEND_INTERVAL_MILLISECONDS 10
#define KERNEL_SIGNALS 64

int64_t naos_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static _Noreturn void leave(struct naos_guard *guard) {
  // The node sees the end of its socket only once nothing below the guard is left.
  naos_kill_everything(guard);
  _exit(0);
}

bool naos_guard_reply(struct naos_guard *guard, const struct naos_guard_reply *reply, int pidfd, const int *doors,
                      size_t door_count) {
  struct iovec part = {.iov_base = (void *)(uintptr_t)reply, .iov_len = sizeof *reply};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  int descriptors[1 + NAOS_BOX_DOORS] = {pidfd};
  size_t size = sizeof(int) * (1 + door_count);
  if (door_count > 0) memcpy(descriptors + 1, doors, sizeof(int) * door_count);
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof descriptors)];
  } control;
  if (pidfd >= 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(size);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(&control.header), descriptors, size);
  }
  for (;;) {
    if (sendmsg(guard->socket, &message, MSG_NOSIGNAL) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) {
      struct pollfd ready = {.fd = guard->socket, .events = POLLOUT};
      poll(&ready, 1, 5);
      continue;
    }
    // The node is gone; the loop will read that from the socket.
    return false;
  }
}

/// Takes the descriptors of a message; false, and none of them kept, unless they are exactly the expected ones.
static bool take_descriptors(struct msghdr *message, int *descriptors, size_t expected) {
  size_t count = 0;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t received = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < received; index++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + index * sizeof fd, sizeof fd);
      if (count < expected) {
        descriptors[count++] = fd;
      } else {
        close(fd);
      }
    }
  }
  if (count == expected && !(message->msg_flags & MSG_CTRUNC)) return true;
  for (size_t index = 0; index < count; index++) close(descriptors[index]);
  return false;
}

static void register_groups(struct naos_guard *guard, struct naos_agent *agent, const struct naos_spawn_order *order,
                            const struct naos_spawn_result *result) {
  agent->group = result->group;
  agent->groups = result->groups;
  agent->means = result->means;
  agent->cpu_microseconds = order->ceilings.cpu_microseconds;
  if (agent->cpu_microseconds) guard->watched++;
}

static void serve_spawn(struct naos_guard *guard, const struct naos_spawn_order *order, bool complete) {
  struct naos_guard_reply reply = {.kind = NAOS_REPLY_SPAWN_FAILED, .id = order->id};
  struct naos_spawn_result result = {.pid = -1, .stage = NAOS_STAGE_LAUNCHER, .error = EMFILE};
  struct naos_agent *agent = NULL;
  int pidfd = -1;
  if (complete) naos_spawn(guard, order, &result);
  if (result.stage != NAOS_STAGE_NONE) {
    // A child that failed before exec has ended by now, for vfork returned.
    if (result.pid > 0) waitpid(result.pid, NULL, 0);
  } else if ((pidfd = naos_pidfd_open(result.pid)) < 0 || !(agent = naos_agent_add(guard, order->id, result.pid))) {
    result.stage = NAOS_STAGE_LAUNCHER;
    result.error = pidfd < 0 ? errno : ENOMEM;
    kill(-result.pid, SIGKILL);
    waitpid(result.pid, NULL, 0);
  }
  if (agent) {
    register_groups(guard, agent, order, &result);
  } else {
    // An agent that the groups outlive for now: what else is in them dies with it.
    struct naos_agent failed = {.id = order->id, .group = result.group, .groups = result.groups};
    naos_groups_kill(guard, &failed);
    naos_groups_remove(guard, &failed, NAOS_GROUP_DEPTH);
  }
  reply.stage = (uint32_t)result.stage;
  reply.error = result.error;
  if (result.stage == NAOS_STAGE_NONE) {
    reply.kind = NAOS_REPLY_SPAWNED;
    reply.error = 0;
    reply.pid = result.pid;
    reply.means = result.means;
    naos_guard_reply(guard, &reply, pidfd, result.doors, result.door_count);
  } else {
    reply.status = result.ceiling;
    memcpy(reply.what, result.what, sizeof reply.what);
    naos_guard_reply(guard, &reply, -1, NULL, 0);
  }
  if (pidfd >= 0) close(pidfd);
  for (size_t index = 0; index < result.door_count; index++) close(result.doors[index]);
  size_t count = naos_spawn_descriptors(order);
  for (size_t index = 0; complete && index < count; index++) close(order->descriptors[index]);
}

/// Serves one request; false at the end of the node.
static bool serve(struct naos_guard *guard) {
  static struct naos_guard_message buffer;
  struct iovec part = {.iov_base = &buffer, .iov_len = sizeof buffer};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * NAOS_SPAWN_DESCRIPTORS)];
  } control;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t count = recvmsg(guard->socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  struct naos_guard_request request = buffer.request;
  if (count < (ssize_t)sizeof request) return false;

  if (request.kind == NAOS_REQUEST_SPAWN) {
    size_t follows = (size_t)count - sizeof request;
    if (follows > 0 && follows != request.block_size) return false;
    struct naos_spawn_order order = {.id = request.id,
                                     .arguments = request.arguments,
                                     .variables = request.variables,
                                     .block_size = request.block_size,
                                     .block = follows > 0 ? buffer.block : NULL,
                                     .ceilings = request.ceilings,
                                     .box = request.box};
    bool complete = take_descriptors(&message, order.descriptors, naos_spawn_descriptors(&order));
    serve_spawn(guard, &order, complete);
    naos_group_make_spare(guard);
    return true;
  }
  take_descriptors(&message, NULL, 0);
  struct naos_agent *agent = naos_agent_with_id(request.id);
  // Unreaped, and so is its group's number; once it is ending, everything of it is being killed anyway.
  if (request.kind == NAOS_REQUEST_SIGNAL && agent && !agent->ending) {
    kill(-agent->pid, request.signal);
    if (request.signal == SIGKILL) naos_groups_kill(guard, agent);
  }
  return true;
}

static void run(struct naos_guard *guard) {
  bool soon = false;
  for (;;) {
    struct pollfd ready[2] = {{.fd = guard->socket, .events = POLLIN},
                              {.fd = guard->child_signals, .events = POLLIN}};
    int64_t pause = naos_watch_processors(guard);
    if (soon && (pause < 0 || pause > TEND_INTERVAL_MILLISECONDS)) pause = TEND_INTERVAL_MILLISECONDS;
    int count = poll(ready, 2, (int)pause);
    if (count < 0 && errno != EINTR) leave(guard);
    if (count > 0 && ready[0].revents && !serve(guard)) leave(guard);
    if (count > 0 && ready[1].revents) {
      char signals[sizeof(struct signalfd_siginfo) * 8];
      if (read(guard->child_signals, signals, sizeof signals) > 0) soon = true;
    }
    if (soon) soon = naos_tend_children(guard);
  }
}

static void prepare(struct naos_guard *guard) {
  // Nothing ends the guard but SIGKILL and the end of its node: all signals are blocked, the dispositions are the
  // default ones (which agents inherit), and a terminal's signals do not reach its session.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  // The system call itself, for the library keeps two signals back, which may have been inherited as ignored too.
  static const struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
  } standard = {.handler = SIG_DFL};
  for (int signal = 1; signal <= KERNEL_SIGNALS; signal++)
    syscall(SYS_rt_sigaction, signal, &standard, NULL, sizeof standard.mask);
  prctl(PR_SET_NAME, NAOS_GUARD_NAME);
  prctl(PR_SET_DUMPABLE, 0);
  // Before it becomes the subreaper: the warden is to be nobody's agent.
  guard->warden = guard->options & NAOS_GUARD_WITHOUT_WARDEN ? 0 : naos_start_warden(guard);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  getrlimit(RLIMIT_NOFILE, &guard->file_limit);
  struct rlimit most = {guard->file_limit.rlim_max, guard->file_limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &most);
  if (chdir("/") < 0) _exit(2);
  fcntl(guard->socket, F_SETFD, FD_CLOEXEC);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  guard->child_signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  naos_places_open(&guard->places);
  naos_name_base(&guard->places, guard->tag);
  if (guard->child_signals < 0) _exit(2);
}

void naos_guard_main_if_requested(int argc, char *const *argv) {
  if (argc < 3 || strcmp(argv[0], NAOS_GUARD_NAME) != 0 || strcmp(argv[1], NAOS_GUARD_MARK) != 0) return;
  static struct naos_guard guard;
  guard.socket = NAOS_GUARD_SOCKET;
  guard.pid = getpid();
  guard.node = getppid();
  guard.tag = argv[2];
  guard.spare = -1;
  guard.options = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(guard.socket, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET) _exit(2);
  prepare(&guard);
  run(&guard);
}

/// glibc hands a constructor the arguments of `main`; so any program that links this library can be a guard, before
/// its own code runs.
__attribute__((constructor)) static void guard_constructor(int argc, char **argv, char **environment) {
  (void)environment;
  naos_guard_main_if_requested(argc, argv);
}
