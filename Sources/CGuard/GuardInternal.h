// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef NAOS_GUARD_INTERNAL_H
#define NAOS_GUARD_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/resource.h>
#include <sys/types.h>

#include "CGuard.h"

/// The descriptor at which a guard finds its socket.
#define NAOS_GUARD_SOCKET 3
#define NAOS_GUARD_NAME "naos-guard"
#define NAOS_GUARD_MARK "--naos-guard"

enum { NAOS_REQUEST_SPAWN = 1, NAOS_REQUEST_SIGNAL = 2 };
/// block, standard input, output, error
#define NAOS_SPAWN_DESCRIPTORS 4

struct naos_guard_request {
  uint32_t kind;
  int32_t signal;
  uint64_t id;
  uint32_t arguments;
  uint32_t variables;
  uint64_t block_size;
};

/// An agent's main process: known from its spawn until it is reaped, so its pid cannot be a stranger's.
struct naos_agent {
  uint64_t id;
  pid_t pid;
  /// Its main process is a zombie; what is left of it is being killed.
  bool ending;
  /// The sweep at hand met something of it.
  bool met;
  uint32_t left_behind;
  /// Monotonic milliseconds at which waiting for its strays is given up.
  int64_t patience_ends;
  struct naos_agent *next_by_id;
  struct naos_agent *next_by_pid;
  struct naos_agent *previous;
  struct naos_agent *next;
};

struct naos_guard {
  int socket;
  int child_signals;
  pid_t pid;
  const char *tag;
  bool scan;
  struct rlimit file_limit;
  size_t ending;
  struct naos_agent *agents;
};

/// What `/proc/<pid>/stat` says of a process.
struct naos_process_facts {
  char state;
  pid_t parent;
  pid_t group;
  pid_t session;
  uint64_t started;
};

// GuardAgents.c
struct naos_agent *naos_agent_add(struct naos_guard *guard, uint64_t id, pid_t pid);
struct naos_agent *naos_agent_with_id(uint64_t id);
struct naos_agent *naos_agent_with_pid(pid_t pid);
void naos_agent_remove(struct naos_guard *guard, struct naos_agent *agent);

// GuardProc.c
bool naos_read_facts(pid_t pid, struct naos_process_facts *facts);
/// Finds `NAOS_SPAWN=<tag>-<id>` in the environment that a process was started with.
bool naos_read_spawn_id(pid_t pid, const char *tag, uint64_t *id);
/// The caller's direct children, zombies included; false if they cannot be told. The list is reused by the next call.
bool naos_list_children(bool scan, const pid_t **children, size_t *count);

// GuardSpawn.c
struct naos_spawn_order {
  uint64_t id;
  uint32_t arguments;
  uint32_t variables;
  uint64_t block_size;
  int descriptors[NAOS_SPAWN_DESCRIPTORS];
};
struct naos_spawn_result {
  pid_t pid;
  volatile int stage;
  volatile int error;
};
void naos_spawn(const struct naos_guard *guard, const struct naos_spawn_order *order, struct naos_spawn_result *result);

// GuardReap.c
/// Reacts to the end of children: kills what an ended agent left, reaps, reports. True if it wants to be called again
/// soon even without a signal.
bool naos_tend_children(struct naos_guard *guard);
/// Kills every descendant and returns when none is left.
void naos_kill_everything(struct naos_guard *guard);

// GuardMain.c
bool naos_guard_reply(struct naos_guard *guard, const struct naos_guard_reply *reply, int pidfd);
int64_t naos_milliseconds(void);

// System calls without a wrapper in every libc we build with.
int naos_pidfd_open(pid_t pid);

#endif
