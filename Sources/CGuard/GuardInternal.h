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

#define NAOS_GUARD_WARDEN_NAME "naos-warden"

enum { NAOS_REQUEST_SPAWN = 1, NAOS_REQUEST_SIGNAL = 2 };
/// Standard input, output, error; for a sandbox of which the node is told, the socket for that; for a block that is not
/// in the message, its file.
#define NAOS_SPAWN_DESCRIPTORS 5

struct naos_guard_request {
  uint32_t kind;
  int32_t signal;
  uint64_t id;
  uint32_t arguments;
  uint32_t variables;
  uint64_t block_size;
  struct naos_ceilings ceilings;
  struct naos_box_order box;
};

/// A request as it is sent: a short block follows at once.
struct naos_guard_message {
  struct naos_guard_request request;
  char block[NAOS_INLINE_BLOCK_BYTES];
};

/// The length of a guard's group's name, its end included.
#define NAOS_GROUP_NAME 160

/// Where control groups can be made.
struct naos_places {
  /// The group that the caller is in itself, in each hierarchy; -1: none.
  int own[NAOS_HIERARCHIES];
  /// The guard's group below that; -1: none, or none needed yet.
  int base[NAOS_HIERARCHIES];
  char name[NAOS_GROUP_NAME];
  /// The caller is at the top of what it sees of the unified hierarchy.
  bool at_root;
};

/// An agent's main process: known from its spawn until it is reaped, so its pid cannot be a stranger's.
struct naos_agent {
  uint64_t id;
  pid_t pid;
  /// The name of its groups.
  uint64_t group;
  /// Its main process is a zombie; what is left of it is being killed.
  bool ending;
  /// The sweep at hand met something of it.
  bool met;
  uint32_t left_behind;
  /// A bit for each hierarchy in which it has a group.
  uint32_t groups;
  struct naos_means means;
  /// What it was killed over, or held back by.
  uint32_t ceiling;
  /// How often its groups counted that it ran into its ceilings of memory and of processes.
  uint64_t memory_kills, refused_forks;
  /// The processor time that the whole tree may take, where that is watched, and when to look next.
  uint64_t cpu_microseconds;
  int64_t watch_at;
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
  unsigned options;
  pid_t node;
  /// Ends what a guard leaves that is killed together with its node; 0: there is none.
  pid_t warden;
  struct naos_places places;
  struct rlimit file_limit;
  size_t ending;
  /// Agents whose processor time is watched.
  size_t watched;
  struct naos_agent *agents;
  /// The name of the group that was made last.
  uint64_t last_group;
  /// An empty group of the unified hierarchy, made ahead for the next agent; -1: there is none.
  int spare;
  uint64_t spare_group;
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
  /// The block, where it came with the request; else the last descriptor is its file.
  char *block;
  int descriptors[NAOS_SPAWN_DESCRIPTORS];
  struct naos_ceilings ceilings;
  struct naos_box_order box;
};
static inline bool naos_spawn_reports(const struct naos_spawn_order *order) {
  return order->box.enabled && order->box.reports;
}
static inline size_t naos_spawn_descriptors(const struct naos_spawn_order *order) {
  return 3 + (size_t)naos_spawn_reports(order) + (order->block ? 0 : 1);
}
struct naos_spawn_result {
  pid_t pid;
  /// Of an agent in a sandbox: what listens for it there.
  int doors[NAOS_BOX_DOORS];
  size_t door_count;
  char what[NAOS_BOX_TEXT];
  volatile int stage;
  volatile int error;
  /// The ceiling that cannot be enforced.
  int ceiling;
  uint64_t group;
  uint32_t groups;
  struct naos_means means;
};
/// On failure, groups that were made are left to the caller, in `result`.
void naos_spawn(struct naos_guard *guard, const struct naos_spawn_order *order, struct naos_spawn_result *result);

/// The kernel's `struct clone_args`, as of 5.7.
struct naos_clone_order {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
#define NAOS_CLONE_INTO_GROUP 0x200000000ull

// GuardPlaces.c
const char *naos_controller(int hierarchy);
void naos_places_open(struct naos_places *places);
void naos_places_close(struct naos_places *places);
/// Removes the guard's own groups, which must be empty by then.
void naos_places_remove(struct naos_places *places);
void naos_name_base(struct naos_places *places, const char *tag);
/// The guard's group in a hierarchy, which is made when it is first asked for; -1 where none can be made.
int naos_base(struct naos_places *places, int hierarchy);
/// Lets the groups below the guard's use a controller of the unified hierarchy, if it is ours to hand on. `pids` may
/// have to move into a group of their own for that; without them, this only tells whether it could be done.
bool naos_enable_controller(struct naos_places *places, int hierarchy, const pid_t *pids, size_t count);

// GuardGroups.c

/// What a child needs to get into its groups, all of it ready before it exists.
struct naos_group_plan {
  uint64_t group;
  char name[24];
  /// Its group in the unified hierarchy, for clone3; -1: none.
  int unified;
  /// The `cgroup.procs` of groups in old hierarchies.
  int joins[NAOS_HIERARCHIES];
  uint32_t made;
  struct naos_means means;
  struct naos_ceilings ceilings;
};
/// Makes the groups of an agent and writes its ceilings. Returns the ceiling that cannot be enforced here, if any.
int naos_group_prepare(struct naos_guard *guard, const struct naos_ceilings *ceilings, struct naos_group_plan *plan);
/// Makes a group ahead, so that the next agent need not wait for it.
void naos_group_make_spare(struct naos_guard *guard);
void naos_group_plan_close(struct naos_group_plan *plan);
/// Between vfork and exec: moves the caller into its groups. Returns 0 or an errno value.
int naos_group_enter(const struct naos_group_plan *plan, bool born_inside);
/// Between vfork and exec: sets what ceilings no group carries. Returns 0 or an errno value.
int naos_limit_process(const struct naos_group_plan *plan);
/// Returns 0 or an errno value.
int naos_group_write(int directory, const char *file, const char *text);
ssize_t naos_group_read(int directory, const char *file, char *text, size_t capacity);
/// Kills everything in a group and in the groups within it.
void naos_group_kill(int parent, const char *name, int hierarchy);
/// Removes a group with the groups within it; false while somebody is in one of them.
bool naos_group_remove(int parent, const char *name, int depth);
/// Groups that agents make within theirs are followed this deep.
#define NAOS_GROUP_DEPTH 32
void naos_groups_kill(struct naos_guard *guard, const struct naos_agent *agent);
/// Removes its groups with those `depth` deep in them; false while somebody is in one.
bool naos_groups_remove(struct naos_guard *guard, struct naos_agent *agent, int depth);
/// Finds out which ceiling an agent has met, while its groups still exist.
void naos_groups_judge(struct naos_guard *guard, struct naos_agent *agent);
/// Kills trees that have used up their processor time. Returns the milliseconds until the next look; -1: none is due.
int64_t naos_watch_processors(struct naos_guard *guard);

// GuardReap.c
/// Reacts to the end of children: kills what an ended agent left, reaps, reports. True if it wants to be called again
/// soon even without a signal.
bool naos_tend_children(struct naos_guard *guard);
/// Kills every descendant and returns when none is left.
void naos_kill_everything(struct naos_guard *guard);

// GuardMain.c
bool naos_guard_reply(struct naos_guard *guard, const struct naos_guard_reply *reply, int pidfd, const int *doors,
                      size_t door_count);
int64_t naos_milliseconds(void);

// GuardWarden.c
/// Starts the process that ends whatever this guard leaves if it is killed. Returns its pid, or 0.
pid_t naos_start_warden(const struct naos_guard *guard);

// System calls without a wrapper in every libc we build with.
int naos_pidfd_open(pid_t pid);

#endif
