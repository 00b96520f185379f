// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The guard's side of a sandbox: it forks the keeper, and hears from it and from the agent how the start went.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// How long a start may take; a mount that does not answer is not to hold the guard up for longer.
#define START_PATIENCE_MILLISECONDS 10000

/// Users that no system gives out, one for each agent at a time; and what a namespace of 65536 ids has.
#define FIRST_ID 1851850752u
#define ID_COUNT 65536u
#define FIRST_NARROW_ID 60000u
#define NARROW_ID_COUNT 5000u

/// Whether this process's ids are mapped one to one up to `last`, and what its 0 is outside.
static bool map_reaches(const char *file, unsigned long last, unsigned long *outer_root) {
  FILE *map = fopen(file, "re");
  unsigned long inner, outer, count;
  bool reaches = false;
  while (map && fscanf(map, "%lu %lu %lu", &inner, &outer, &count) == 3) {
    if (inner == 0) *outer_root = outer;
    if (inner <= last && last - inner < count) reaches = true;
  }
  if (map) fclose(map);
  return reaches;
}

int naos_box_choose_ids(struct naos_box *box, uint64_t id) {
  box->uid = geteuid();
  box->gid = getegid();
  box->drops = box->uid == 0;
  if (!box->drops) return 0;
  unsigned long outer_user = 0, outer_group = 0;
  unsigned first = FIRST_ID, count = ID_COUNT;
  bool fits = map_reaches("/proc/self/uid_map", first + count - 1, &outer_user) &&
              map_reaches("/proc/self/gid_map", first + count - 1, &outer_group);
  if (!fits) {
    first = FIRST_NARROW_ID, count = NARROW_ID_COUNT;
    fits = map_reaches("/proc/self/uid_map", first + count - 1, &outer_user) &&
           map_reaches("/proc/self/gid_map", first + count - 1, &outer_group);
  }
  if (!fits) {
    // Root of a namespace that has nobody else: no root outside, and so nothing to leave.
    box->drops = false;
    return outer_user == 0 || outer_group == 0 ? EPERM : 0;
  }
  box->uid = first + (unsigned)(id % count);
  box->gid = box->uid;
  return 0;
}

static pid_t fork_into(const struct naos_group_plan *groups, bool *born_inside) {
  struct naos_clone_order order = {.flags = NAOS_CLONE_INTO_GROUP, .exit_signal = SIGCHLD};
  *born_inside = groups->unified >= 0;
  if (*born_inside) {
    order.cgroup = (uint64_t)groups->unified;
    long pid = syscall(SYS_clone3, &order, sizeof order);
    if (pid >= 0) return (pid_t)pid;
    *born_inside = false;
  }
  return fork();
}

/// One message until `ends`: 1 with one, 0 at the end, or a negated errno value.
static int receive(int status, int64_t ends, struct naos_box_message *message, int *door) {
  struct pollfd ready = {.fd = status, .events = POLLIN};
  int count;
  do {
    int64_t left = ends - naos_milliseconds();
    count = poll(&ready, 1, left > 0 ? (int)left : 0);
  } while (count < 0 && errno == EINTR);
  if (count <= 0) return count < 0 ? -errno : -ETIMEDOUT;
  struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr header = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t length = recvmsg(status, &header, MSG_CMSG_CLOEXEC);
  if (length <= 0) return length < 0 ? -errno : 0;
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  *door = -1;
  if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS)
    memcpy(door, CMSG_DATA(rights), sizeof *door);
  return length == sizeof *message ? 1 : -EPROTO;
}

/// Hears how the start went, until the last copy of the socket's other end is closed by the agent's execution.
static void hear(int status, struct naos_spawn_result *result) {
  bool is_ready = false;
  int64_t ends = naos_milliseconds() + START_PATIENCE_MILLISECONDS;
  for (;;) {
    struct naos_box_message message;
    int door = -1, outcome = receive(status, ends, &message, &door);
    if (outcome == 0 && is_ready) return;
    if (door >= 0) result->doors[result->door_count++] = door;
    if (outcome == 1 && message.kind != NAOS_BOX_FAILED) {
      if (message.kind == NAOS_BOX_READY) is_ready = true;
      continue;
    }
    result->stage = outcome == 1 ? message.stage : NAOS_STAGE_LAUNCHER;
    result->error = outcome == 1 ? message.error : outcome == 0 ? ECHILD : -outcome;
    if (outcome == 1) memcpy(result->what, message.what, sizeof result->what);
    return;
  }
}

void naos_box_start(struct naos_box *box, const struct naos_box_program *program, struct naos_spawn_result *result) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    result->stage = NAOS_STAGE_LAUNCHER;
    result->error = errno;
    return;
  }
  bool born_inside;
  result->pid = fork_into(program->groups, &born_inside);
  if (result->pid == 0) naos_box_keep(box, program, pair[1], born_inside);
  int error = errno;
  close(pair[1]);
  if (result->pid < 0) {
    result->stage = NAOS_STAGE_FORK;
    result->error = error;
  } else {
    hear(pair[0], result);
    // Whoever has begun is ended with its keeper; the guard's caller reaps it.
    if (result->stage != NAOS_STAGE_NONE) kill(result->pid, SIGKILL);
  }
  while (result->stage != NAOS_STAGE_NONE && result->door_count > 0) close(result->doors[--result->door_count]);
  close(pair[0]);
}

bool naos_box_read_entries(struct naos_box *box, char **strings) {
  box->entries = calloc((size_t)box->order.entries + 1, sizeof *box->entries);
  if (!box->entries) return false;
  size_t doors = 0;
  for (uint32_t index = 0; index < box->order.entries; index++) {
    const char *source = strings[2 * index], *target = strings[2 * index + 1];
    // In the order of the kinds.
    static const char letters[] = "rwhdukpos";
    const char *letter = *source ? strchr(letters, *source) : NULL;
    if (!letter) return false;
    struct naos_box_entry entry = {
        .kind = (int)(letter - letters), .source = source + 1, .target = target, .tree = -1};
    if (naos_box_is_door(&entry) && ++doors > NAOS_BOX_DOORS) return false;
    if (entry.kind == NAOS_BOX_STARTUP ? !*target : !naos_box_is_door(&entry) && *target != '/') return false;
    box->entries[index] = entry;
  }
  return true;
}
