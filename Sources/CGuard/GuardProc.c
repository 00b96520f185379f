// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Reading /proc: facts of a process, its spawn mark, the children of the caller, and sweeps by mark or session.
#include "GuardInternal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/// Environments beyond this many bytes are not searched further for the spawn mark.
#define ENVIRONMENT_LIMIT (8u << 20)

int naos_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int naos_pidfd_signal(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0 ? 0 : errno;
}

uint64_t naos_ticks_since_boot(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
  return (uint64_t)now.tv_sec * ticks + (uint64_t)now.tv_nsec / (1000000000u / ticks);
}

static ssize_t read_file(const char *path, char *buffer, size_t capacity) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t count;
  do count = read(fd, buffer, capacity - 1);
  while (count < 0 && errno == EINTR);
  close(fd);
  if (count >= 0) buffer[count] = 0;
  return count;
}

bool naos_read_facts(pid_t pid, struct naos_process_facts *facts) {
  char path[40], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  if (read_file(path, text, sizeof text) <= 0) return false;
  // The name, in parentheses, is the process's own choice and may hold anything, parentheses included.
  const char *rest = strrchr(text, ')');
  if (!rest) return false;
  unsigned long long started = 0;
  int fields = sscanf(rest + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                      &facts->state, &facts->parent, &facts->group, &facts->session, &started);
  facts->started = started;
  return fields == 5;
}

bool naos_read_spawn_id(pid_t pid, const char *tag, uint64_t *id) {
  char path[40], mark[128];
  int mark_length = snprintf(mark, sizeof mark, "%s=%s-", NAOS_SPAWN_VARIABLE, tag);
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;

  char buffer[16384];
  size_t seen = 0;
  int matched = 0;  // characters of the mark matched so far; -1: this variable is another one
  bool digits = false, found = false;
  uint64_t value = 0;
  while (!found && seen < ENVIRONMENT_LIMIT) {
    ssize_t count = read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    seen += (size_t)count;
    for (ssize_t index = 0; index < count && !found; index++) {
      char c = buffer[index];
      if (c == 0) {
        found = matched == mark_length && digits;
        if (found) break;
        matched = 0;
        digits = false;
        value = 0;
      } else if (matched == mark_length) {
        if (!isdigit((unsigned char)c)) matched = -1;
        value = value * 10 + (uint64_t)(c - '0');
        digits = true;
      } else if (matched >= 0) {
        matched = c == mark[matched] ? matched + 1 : -1;
      }
    }
  }
  if (found) *id = value;
  close(fd);
  return found;
}

// One list a thread: the guard has one thread, a node sweeps from its launcher's.
static _Thread_local pid_t *pids;
static _Thread_local size_t pids_count, pids_capacity;

static bool append_pid(pid_t pid) {
  if (pids_count == pids_capacity) {
    size_t capacity = pids_capacity ? pids_capacity * 2 : 256;
    pid_t *grown = realloc(pids, capacity * sizeof *pids);
    if (!grown) return false;
    pids = grown;
    pids_capacity = capacity;
  }
  pids[pids_count++] = pid;
  return true;
}

/// Opened once, for every end of an agent is a look at it.
static _Thread_local int children_file = -1;

/// Only the caller reaps its children, so no entry can leave the list while it is read, and new ones come at its end.
static bool list_from_children_file(void) {
  char buffer[4096];
  if (children_file < 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)syscall(SYS_gettid));
    children_file = open(path, O_RDONLY | O_CLOEXEC);
  }
  if (children_file < 0) return false;
  pid_t pid = 0;
  off_t offset = 0;
  for (;;) {
    ssize_t count = pread(children_file, buffer, sizeof buffer, offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) break;
    offset += count;
    for (ssize_t index = 0; index < count; index++) {
      if (isdigit((unsigned char)buffer[index])) {
        pid = pid * 10 + (buffer[index] - '0');
      } else {
        if (pid > 0 && !append_pid(pid)) return false;
        pid = 0;
      }
    }
  }
  return pid == 0 || append_pid(pid);
}

/// Collects the numbered entries of /proc, all or only those of one parent.
static bool list_from_scan(pid_t parent) {
  DIR *directory = opendir("/proc");
  if (!directory) return false;
  struct dirent *entry;
  bool complete = true;
  while ((entry = readdir(directory))) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    pid_t pid = (pid_t)atoi(entry->d_name);
    struct naos_process_facts facts;
    if (parent && (!naos_read_facts(pid, &facts) || facts.parent != parent)) continue;
    if (!append_pid(pid)) { complete = false; break; }
  }
  closedir(directory);
  return complete;
}

bool naos_list_children(bool scan, const pid_t **children, size_t *count) {
  pids_count = 0;
  bool listed = !scan && list_from_children_file();
  if (!listed) {
    pids_count = 0;
    listed = list_from_scan(getpid());
  }
  *children = pids;
  *count = pids_count;
  return listed;
}

/// Sends SIGKILL to a process that is no child of ours: through a pidfd, after a second look that the number still
/// stands for the process that was looked at.
static void kill_stranger_proof(pid_t pid, const struct naos_process_facts *seen) {
  int pidfd = naos_pidfd_open(pid);
  if (pidfd < 0) return;
  struct naos_process_facts now;
  if (naos_read_facts(pid, &now) && now.started == seen->started && now.session == seen->session)
    naos_pidfd_signal(pidfd, SIGKILL);
  close(pidfd);
}

/// Whether `session` is one of ours whose number cannot have been given anew. `ours[i]` says so of `sessions[i]`.
static bool in_our_session(pid_t session, const int *sessions, const bool *ours, size_t count) {
  for (size_t index = 0; index < count; index++)
    if (sessions[index] == session) return ours[index];
  return false;
}

/// A session keeps its number while it has a member. So where some member started before the time at which the leader
/// was known to be ours, all its members are ours, also those that forked since.
static void find_our_sessions(const int *sessions, bool *ours, size_t count, uint64_t deadline_ticks) {
  for (size_t index = 0; index < pids_count && count > 0; index++) {
    struct naos_process_facts facts;
    if (!naos_read_facts(pids[index], &facts) || facts.started > deadline_ticks) continue;
    for (size_t position = 0; position < count; position++)
      if (sessions[position] == facts.session && facts.session > 1) ours[position] = true;
  }
}

static int sweep(const char *tag, const int *sessions, size_t count, uint64_t deadline_ticks, bool kill) {
  pids_count = 0;
  bool *ours = calloc(count + 1, sizeof *ours);
  if (!ours || !list_from_scan(0)) {
    free(ours);
    return -1;
  }
  find_our_sessions(sessions, ours, count, deadline_ticks);
  int met = 0;
  for (size_t index = 0; index < pids_count; index++) {
    struct naos_process_facts facts;
    uint64_t id;
    if (pids[index] == getpid() || !naos_read_facts(pids[index], &facts)) continue;
    if (facts.state == 'Z' || facts.state == 'X') continue;
    if (!in_our_session(facts.session, sessions, ours, count) && !naos_read_spawn_id(pids[index], tag, &id)) continue;
    met++;
    if (kill) kill_stranger_proof(pids[index], &facts);
  }
  free(ours);
  return met;
}

int naos_kill_leftovers(const char *tag, const int *sessions, size_t count, uint64_t deadline_ticks) {
  return sweep(tag, sessions, count, deadline_ticks, true);
}

int naos_count_tagged(const char *tag) { return sweep(tag, NULL, 0, 0, false); }
