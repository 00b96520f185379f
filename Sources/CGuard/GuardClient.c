// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The node's side of the guard: starting it, asking it, hearing from it.
#include "GuardInternal.h"

#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static struct rlimit original_file_limit;
static bool file_limit_raised;

int naos_raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return errno;
  if (!file_limit_raised) original_file_limit = limit;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return errno;
  file_limit_raised = true;
  return 0;
}

long naos_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return 0;
  return limit.rlim_cur > INT_MAX ? INT_MAX : (long)limit.rlim_cur;
}

struct start {
  int socket;
  int null;
  char *arguments[5];
  char *variables[2];
  volatile int error;
};

/// Between vfork and exec: system calls only. Handlers of the node stay installed until exec, so signals stay blocked.
static _Noreturn void become_guard(struct start *start) {
  setsid();
  if (dup2(start->null, 0) < 0 || dup2(start->null, 1) < 0 || dup2(start->null, 2) < 0) goto failed;
  if (start->socket == NAOS_GUARD_SOCKET) {
    if (fcntl(start->socket, F_SETFD, 0) < 0) goto failed;
  } else if (dup2(start->socket, NAOS_GUARD_SOCKET) < 0) {
    goto failed;
  }
  syscall(SYS_close_range, (unsigned)NAOS_GUARD_SOCKET + 1, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */);
  if (file_limit_raised) setrlimit(RLIMIT_NOFILE, &original_file_limit);
  execve("/proc/self/exe", start->arguments, start->variables);
failed:
  start->error = errno;
  _exit(127);
}

static __attribute__((noinline)) pid_t start_guard(struct start *start) {
  pid_t pid = vfork();
  if (pid == 0) become_guard(start);
  return pid;
}

int naos_guard_start(const char *tag, unsigned options, int *socket_fd, int *pid, int *pidfd) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return errno;
  struct start start = {.socket = pair[1], .error = 0};
  int error = 0;
  *pidfd = -1;
  *pid = -1;
  // Above 3, so that the two cannot collide with what they become.
  start.null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int raised_null = start.null < 0 ? -1 : fcntl(start.null, F_DUPFD_CLOEXEC, NAOS_GUARD_SOCKET + 1);
  if (start.null >= 0) close(start.null);
  start.null = raised_null;
  // The guard needs no environment; a relocated runtime library path is how the program was found loadable.
  char library_path[4096] = "LD_LIBRARY_PATH=";
  const char *inherited = getenv("LD_LIBRARY_PATH");
  if (inherited && strlen(inherited) < sizeof library_path - 32) {
    strcat(library_path, inherited);
    start.variables[0] = library_path;
  }
  start.arguments[0] = (char *)(uintptr_t)NAOS_GUARD_NAME;
  start.arguments[1] = (char *)(uintptr_t)NAOS_GUARD_MARK;
  start.arguments[2] = (char *)(uintptr_t)tag;
  char option_text[12];
  snprintf(option_text, sizeof option_text, "%u", options);
  start.arguments[3] = option_text;

  if (start.null < 0) {
    error = errno;
  } else {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    *pid = start_guard(&start);
    error = *pid < 0 ? errno : start.error;
    if (*pid > 0 && !error && (*pidfd = naos_pidfd_open(*pid)) < 0) {
      error = errno;
      kill(*pid, SIGKILL);
    }
    if (*pid > 0 && error) waitpid(*pid, NULL, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(start.null);
  }
  close(pair[1]);
  if (error || fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0) {
    close(pair[0]);
    return error ? error : EIO;
  }
  *socket_fd = pair[0];
  return 0;
}

static int send_request(int socket_fd, const struct naos_guard_request *request, const void *block,
                        const int *descriptors, size_t count) {
  struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof *request},
                           {.iov_base = (void *)(uintptr_t)block, .iov_len = block ? request->block_size : 0}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = block ? 2 : 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * NAOS_SPAWN_DESCRIPTORS)];
  } control;
  if (descriptors) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(&control.header), descriptors, sizeof(int) * count);
  }
  ssize_t sent;
  do sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  if (sent >= 0) return 0;
  return errno == ENOBUFS ? EAGAIN : errno;
}

int naos_guard_send_spawn(int socket_fd, uint64_t id, uint32_t arguments, uint32_t variables, const void *block,
                          uint64_t block_size, int block_file, int standard_input, int standard_output,
                          int standard_error, int report, const struct naos_ceilings *ceilings,
                          const struct naos_box_order *box) {
  struct naos_guard_request request = {.kind = NAOS_REQUEST_SPAWN,
                                       .id = id,
                                       .arguments = arguments,
                                       .variables = variables,
                                       .block_size = block_size,
                                       .ceilings = *ceilings,
                                       .box = *box};
  int descriptors[NAOS_SPAWN_DESCRIPTORS] = {standard_input, standard_output, standard_error};
  size_t count = 3;
  if (box->enabled && box->reports) descriptors[count++] = report;
  bool is_inline = block_size <= NAOS_INLINE_BLOCK_BYTES;
  if (!is_inline) descriptors[count++] = block_file;
  return send_request(socket_fd, &request, is_inline ? block : NULL, descriptors, count);
}

int naos_guard_send_signal(int socket_fd, uint64_t id, int signal) {
  struct naos_guard_request request = {.kind = NAOS_REQUEST_SIGNAL, .id = id, .signal = signal};
  return send_request(socket_fd, &request, NULL, NULL, 0);
}

int naos_guard_receive(int socket_fd, struct naos_guard_reply *reply, int *pidfd, int *doors,
                       size_t *door_count) {
  struct iovec part = {.iov_base = reply, .iov_len = sizeof *reply};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * (1 + NAOS_BOX_DOORS))];
  } control;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  *pidfd = -1;
  *door_count = 0;
  ssize_t count;
  do count = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count < 0) return errno == ECONNRESET ? 0 : -errno;
  if (count == 0) return 0;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    memcpy(pidfd, CMSG_DATA(header), sizeof *pidfd);
    *door_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int) - 1;
    memcpy(doors, CMSG_DATA(header) + sizeof *pidfd, sizeof(int) * *door_count);
  }
  return count == sizeof *reply ? 1 : -EPROTO;
}

bool naos_reap(int pidfd) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0) return errno == ECHILD;
  return info.si_pid != 0;
}

int naos_sealed_file(const char *name, const void *bytes, size_t count, int *fd) {
  *fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  if (*fd < 0 && errno == EINVAL) *fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (*fd < 0) return errno;
  size_t written = 0;
  while (written < count) {
    ssize_t step = pwrite(*fd, (const char *)bytes + written, count - written, (off_t)written);
    if (step < 0 && errno == EINTR) continue;
    if (step <= 0) goto failed;
    written += (size_t)step;
  }
  if (fcntl(*fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) goto failed;
  return 0;
failed:;
  int error = errno ? errno : EIO;
  close(*fd);
  *fd = -1;
  return error;
}

int naos_report_pair(int *read_end, int *write_end) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) return errno;
  *read_end = pair[0];
  *write_end = pair[1];
  return 0;
}

int naos_receive_refusal(int read_end, struct naos_refusal *refusal) {
  memset(refusal, 0, sizeof *refusal);
  ssize_t count = recv(read_end, refusal, sizeof *refusal, MSG_DONTWAIT);
  if (count < 0) return errno == ECONNRESET ? 0 : -errno;
  refusal->what[sizeof refusal->what - 1] = 0;
  return count == 0 ? 0 : count > (ssize_t)offsetof(struct naos_refusal, what) ? 1 : -EAGAIN;
}
