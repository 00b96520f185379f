// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What the keeper hears of system calls: it answers those that the filter handed to it, counts what was refused, and
// tells the node. What is refused is decided by the call's own arguments alone; memory of the agent's, which it can change
// meanwhile, is only read to be told of.
#include "BoxInternal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/// Different refusals of one kind beyond that are counted together.
#define MOST_REFUSALS 100
#define OTHERS "(others)"
/// How long the end of an agent waits for a node that does not take what is told last.
#define LAST_WORDS_MILLISECONDS 500
/// Of several messages in one call, so many are looked at.
#define MOST_MESSAGES 16
#define PAGE 4096u

// The kernel's own numbers, since 6.6: the header of the machine that this is built on may be older.
#define SET_NOTIF_FLAGS SECCOMP_IOW(4, __u64)
#define WAKE_SYNCHRONOUSLY 1ul

/// Whose calls these are.
static const struct naos_box *watched;

struct counted {
  struct naos_refusal refusal;
  uint64_t told;
};
static struct table {
  // And one for all others.
  struct counted entries[MOST_REFUSALS + 1];
  size_t count;
  // Many a program looks for files where there are none; that is not to hide anything else.
} tables[NAOS_REFUSED_KINDS];

static struct counted *find(uint32_t kind, uint32_t port, const char *what) {
  struct table *table = &tables[kind - 1];
  for (size_t index = 0; index < table->count; index++) {
    const struct naos_refusal *known = &table->entries[index].refusal;
    if (known->kind == kind && known->port == port && strcmp(known->what, what) == 0) return &table->entries[index];
  }
  bool is_full = table->count >= MOST_REFUSALS;
  if (is_full && strcmp(what, OTHERS) != 0) return find(kind, 0, OTHERS);
  struct counted *fresh = &table->entries[table->count++];
  fresh->refusal.kind = kind;
  fresh->refusal.port = port;
  snprintf(fresh->refusal.what, sizeof fresh->refusal.what, "%s", what);
  return fresh;
}

/// Tells what was not told yet; the node may be slow, and nobody waits for it here.
static bool tell(int report, struct counted *entry) {
  struct naos_refusal news = entry->refusal;
  news.count -= entry->told;
  size_t length = offsetof(struct naos_refusal, what) + strlen(news.what) + 1;
  if (send(report, &news, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return false;
  entry->told = entry->refusal.count;
  return true;
}

void naos_box_count(int report, uint32_t kind, uint32_t port, const char *what, uint64_t times) {
  struct counted *entry = find(kind, port, what);
  entry->refusal.count += times;
  if (entry->refusal.count >= 10 * entry->told) tell(report, entry);
}

/// The first is told at once, and then each that makes ten times as many: a flood is a handful of messages.
static void count(int report, uint32_t kind, uint32_t port, const char *what) {
  naos_box_count(report, kind, port, what, 1);
}

static void tell_table(struct table *table, int report, int64_t ends) {
  for (size_t index = 0; index < table->count; index++) {
    while (table->entries[index].told < table->entries[index].refusal.count && !tell(report, &table->entries[index])) {
      struct pollfd ready = {.fd = report, .events = POLLOUT};
      int64_t left = ends - naos_milliseconds();
      if ((errno != EAGAIN && errno != EINTR) || left <= 0 || poll(&ready, 1, (int)left) == 0) return;
    }
  }
}

void naos_box_tell_rest(int report) {
  int64_t ends = naos_milliseconds() + LAST_WORDS_MILLISECONDS;
  for (size_t index = 0; index < NAOS_REFUSED_KINDS; index++) tell_table(&tables[index], report, ends);
}

// ---- Addresses ---------------------------------------------------------------------------------------------------

static bool read_memory(pid_t pid, uint64_t place, void *bytes, size_t count) {
  struct iovec here = {.iov_base = bytes, .iov_len = count};
  struct iovec there = {.iov_base = (void *)(uintptr_t)place, .iov_len = count};
  return syscall(SYS_process_vm_readv, pid, &here, 1ul, &there, 1ul, 0ul) == (long)count;
}

union address {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};

/// Whether there is a way to it, which is to say that it is in the sandbox.
static bool is_reachable(const union address *address, socklen_t length) {
  int prober = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  // Where the kernel has no such addresses, the agent got no socket for one either.
  if (prober < 0) return true;
  bool is_reached = connect(prober, &address->any, length) == 0;
  close(prober);
  return is_reached;
}

/// Counts an attempt to leave the sandbox's network. The call goes on, for the kernel knows better what to say.
static void look_at_address(int listener, int report, const struct seccomp_notif *call, uint64_t place, uint64_t length,
                            bool sends) {
  union address address;
  memset(&address, 0, sizeof address);
  if (place == 0 || length < sizeof address.four) return;
  size_t size = length < sizeof address ? sizeof address.four : sizeof address;
  if (!read_memory((pid_t)call->pid, place, &address, size)) return;
  // A datagram without a family goes to an address of the old one.
  if (sends && address.any.sa_family == AF_UNSPEC) address.any.sa_family = AF_INET;
  char text[INET6_ADDRSTRLEN], what[INET6_ADDRSTRLEN + 2];
  uint16_t port;
  if (address.any.sa_family == AF_INET) {
    if (ntohl(address.four.sin_addr.s_addr) >> 24 == 127) return;
    if (is_reachable(&address, sizeof address.four)) return;
    port = address.four.sin_port;
    snprintf(what, sizeof what, "%s", inet_ntop(AF_INET, &address.four.sin_addr, text, sizeof text));
  } else if (address.any.sa_family == AF_INET6 && size == sizeof address) {
    if (is_reachable(&address, sizeof address.six)) return;
    port = address.six.sin6_port;
    snprintf(what, sizeof what, "[%s]", inet_ntop(AF_INET6, &address.six.sin6_addr, text, sizeof text));
  } else {
    return;
  }
  // Else the process is gone, and its number may be another's.
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0) return;
  count(report, NAOS_REFUSED_ADDRESS, ntohs(port), what);
}

static void look_at_message(int listener, int report, const struct seccomp_notif *call, uint64_t place) {
  struct msghdr message;
  if (!read_memory((pid_t)call->pid, place, &message, offsetof(struct msghdr, msg_iov))) return;
  look_at_address(listener, report, call, (uint64_t)(uintptr_t)message.msg_name, message.msg_namelen, true);
}

// ---- Paths -------------------------------------------------------------------------------------------------------

/// Reads a text page by page: behind its end there may be nothing.
static bool read_text(pid_t pid, uint64_t place, char *text, size_t room) {
  for (size_t length = 0; length < room;) {
    size_t page = PAGE - (place + length) % PAGE;
    size_t part = page < room - length ? page : room - length;
    if (!read_memory(pid, place + length, text + length, part)) return false;
    if (memchr(text + length, 0, part)) return true;
    length += part;
  }
  return false;
}

/// What there is to tell of a path, or 0.
static uint32_t kind_of(const char *path, enum naos_box_wish wish) {
  if (!naos_box_misses_path(watched, path, wish)) {
    bool writes = wish == NAOS_BOX_WISH_WRITE || wish == NAOS_BOX_WISH_MAKE;
    return writes && naos_box_is_startup_file(watched, path) ? NAOS_NOTICED_STARTUP : 0;
  }
  if (wish == NAOS_BOX_WISH_READ) return NAOS_REFUSED_READING;
  return wish == NAOS_BOX_WISH_WRITE ? NAOS_REFUSED_WRITING : NAOS_REFUSED_MAKING;
}

/// Counts a path that a program cannot have, or a startup file. The call goes on in any case.
static void look_at_path(int listener, int report, const struct seccomp_notif *call, int folder, uint64_t place,
                         enum naos_box_wish wish) {
  char path[NAOS_REFUSAL_TEXT];
  if (wish != NAOS_BOX_WISH_READ) naos_box_expect_writing();
  if (wish != NAOS_BOX_WISH_FOLDER) naos_box_look_at_files(watched, report, (pid_t)call->pid);
  if (!read_text((pid_t)call->pid, place, path, sizeof path)) return;
  if (!naos_box_make_whole(path, sizeof path, (pid_t)call->pid, folder)) return;
  uint32_t kind = kind_of(path, wish);
  if (!kind || ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0) return;
  count(report, kind, 0, path);
}

static enum naos_box_wish wish_of(uint64_t flags) {
  if (flags & O_CREAT) return NAOS_BOX_WISH_MAKE;
  return flags & (O_ACCMODE | O_TRUNC) ? NAOS_BOX_WISH_WRITE : NAOS_BOX_WISH_READ;
}

/// Looks at the path of a call that goes on.
static void look_at_paths(int listener, int report, const struct seccomp_notif *call) {
  const __u64 *arguments = call->data.args;
  switch (call->data.nr) {
#ifdef __x86_64__
  case SYS_open: return look_at_path(listener, report, call, AT_FDCWD, arguments[0], wish_of(arguments[1]));
  case SYS_creat: return look_at_path(listener, report, call, AT_FDCWD, arguments[0], NAOS_BOX_WISH_MAKE);
  case SYS_mkdir: return look_at_path(listener, report, call, AT_FDCWD, arguments[0], NAOS_BOX_WISH_FOLDER);
#endif
  case SYS_openat: return look_at_path(listener, report, call, (int)arguments[0], arguments[1], wish_of(arguments[2]));
  case SYS_mkdirat: return look_at_path(listener, report, call, (int)arguments[0], arguments[1], NAOS_BOX_WISH_FOLDER);
  }
}

// ---- Answers -----------------------------------------------------------------------------------------------------

/// What the call is answered: an errno value, or 0 where it goes on.
static int judge(int listener, int report, const struct seccomp_notif *call) {
  const __u64 *arguments = call->data.args;
  char what[64];
  switch (call->data.nr) {
  case SYS_connect:
    look_at_address(listener, report, call, arguments[1], (uint32_t)arguments[2], false);
    return 0;
  case SYS_sendto:
    look_at_address(listener, report, call, arguments[4], (uint32_t)arguments[5], true);
    return 0;
  case SYS_epoll_ctl:
    if (naos_box_allows_watch()) return 0;
    count(report, NAOS_REFUSED_ROOM, 0, "watches of epoll");
    return ENOSPC;
  case SYS_sendmsg:
    look_at_message(listener, report, call, arguments[1]);
    return 0;
  case SYS_sendmmsg:
    for (uint32_t index = 0; index < (uint32_t)arguments[2] && index < MOST_MESSAGES; index++)
      look_at_message(listener, report, call, arguments[1] + index * sizeof(struct mmsghdr));
    return 0;
  }
  int error = naos_box_name_refusal(&call->data, what, sizeof what);
  if (error) count(report, NAOS_REFUSED_CALL, 0, what);
  else look_at_paths(listener, report, call);
  return error;
}

bool naos_box_answer_call(int listener, int report) {
  struct seccomp_notif call;
  memset(&call, 0, sizeof call);
  // Who asked may have been killed meanwhile.
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) return errno == ENOENT || errno == EINTR || errno == EAGAIN;
  struct seccomp_notif_resp answer = {.id = call.id, .error = -judge(listener, report, &call)};
  if (answer.error == 0) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  return true;
}

void naos_box_prepare_listener(int listener, const struct naos_box *box) {
  watched = box;
  // Of the two sides one always waits for the other, so they can have the same processor.
  ioctl(listener, SET_NOTIF_FLAGS, WAKE_SYNCHRONOUSLY);
}
