// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The sandbox of a process agent: namespaces with a file system of their own, Landlock, a filter of system calls.
//
//   guard ─┬─ keeper   the agent's main process as the guard knows it: it has the agent's groups, its uid and its
//          │           namespaces but for the one of processes; it passes signals on and ends as the agent ended
//          ├─ init     process 1 of the namespace of processes: it reaps; its death is the death of all in there
//          └─ agent    the program; a child of the keeper, the leader of a session of its own
//
// All three are forks of the guard, which is plain C with one thread; only the agent executes another program.
#ifndef NAOS_BOX_INTERNAL_H
#define NAOS_BOX_INTERNAL_H

#include <stdnoreturn.h>

#include "GuardInternal.h"

/// The descriptor at which keeper, init and agent find the socket that says how the start went.
#define NAOS_BOX_STATUS 3
/// Those at which the keeper has the socket to tell the node what was refused, and the listener to refused calls; what
/// it has beside them follows.
#define NAOS_BOX_REPORT 4
#define NAOS_BOX_LISTENER 5
/// The processes of the machine, as the keeper's namespace numbers them.
#define NAOS_BOX_PROCESSES 6
#define NAOS_BOX_REST 7

/// Who an agent is within its namespace.
#define NAOS_BOX_ID 1000
#define NAOS_BOX_HOME "/home/agent"

enum {
  NAOS_BOX_READ,
  NAOS_BOX_WRITE,
  NAOS_BOX_HIDE,
  NAOS_BOX_DOOR,
  NAOS_BOX_DATAGRAM_DOOR,
  /// What is shown there can only be read, and stays what it is.
  NAOS_BOX_KEEP,
  /// A folder that stays where it is.
  NAOS_BOX_PIN,
  NAOS_BOX_OUTPUT,
  /// A startup file, or a folder of them, relative to folders that are granted to write.
  NAOS_BOX_STARTUP
};

/// One entry of an order: a folder or a file to show, a name to hide, to keep or to be told of, or a door.
struct naos_box_entry {
  int kind;
  const char *source;
  const char *target;
  /// A detached copy of the mount at `source`; -1: not made yet.
  int tree;
};

struct naos_box {
  struct naos_box_order order;
  struct naos_box_entry *entries;
  /// The default view, whose sources are opened with the entries'.
  struct naos_box_entry *view;
  size_t view_count;
  /// The ids that the agent has outside its namespace.
  uid_t uid;
  gid_t gid;
  /// The guard is root, and leaves that before it makes a namespace.
  bool drops;
  /// A namespace that maps owners, and whose; most grants have the same. -1: none yet.
  int users;
  uid_t owner;
  gid_t owner_group;
  /// The file outside that the output is copied to, or -1; and its folder inside.
  int output;
  const char *output_place;
  /// What could not be done, for people.
  const char *failed_at;
};

/// What is executed in it, and how: the guard's own code, called between the last lock but one and the last.
struct naos_box_program {
  const char *directory;
  const int *streams;
  /// Where the node is told what was refused, or -1.
  int report;
  pid_t guard;
  const struct naos_group_plan *groups;
  const void *context;
  /// Returns only if nothing could be executed: an errno value, with where it failed.
  int (*execute)(const void *context, int *stage);
};

enum { NAOS_BOX_FAILED = 1, NAOS_BOX_DOOR_MADE = 2, NAOS_BOX_READY = 3 };

/// What goes over the status socket; a door comes with its descriptor.
struct naos_box_message {
  uint32_t kind;
  int32_t stage;
  int32_t error;
  char what[NAOS_BOX_TEXT];
};

// BoxMounts.c
/// Opens the sources, and maps their owners to the agent's ids if those are others. What root may not open is left for
/// its own namespace if it comes `early`. Returns 0 or an errno value, `failed_at` set.
int naos_box_open_sources(struct naos_box *box, bool early);
/// Builds the file system and moves the caller into it. Returns 0 or an errno value, `failed_at` set.
int naos_box_enter_view(struct naos_box *box);
/// Whether mounts of the file system at `path` can have owners mapped. Returns 0 or an errno value.
int naos_box_try_mapping(const char *path);
bool naos_box_plan_view(struct naos_box *box);

// BoxOutput.c
/// Opens the file outside, if there is to be one. Returns 0 or an errno value, `failed_at` set.
int naos_box_open_output(struct naos_box *box);
/// Copies what was left; nobody is in the sandbox any more. Returns 0, or an errno value where not even a refusal could be
/// written down.
int naos_box_copy_output(const struct naos_box *box);

// BoxCovers.c
/// Hides and keeps what no grant opens, in the file system below `root`. Returns 0 or an errno value, `failed_at` set.
int naos_box_cover_entries(struct naos_box *box, int root);

// BoxPaths.c
/// Opens `path` below `root` without following any link; makes it, as a folder or a file, where it is not there.
int naos_box_open_target(int root, const char *path, bool is_file);
int naos_box_write_file(int root, const char *path, const char *text);

// BoxDoors.c
static inline bool naos_box_is_door(const struct naos_box_entry *entry) {
  return entry->kind == NAOS_BOX_DOOR || entry->kind == NAOS_BOX_DATAGRAM_DOOR;
}
static inline bool naos_box_is_shown(const struct naos_box_entry *entry) {
  return entry->kind == NAOS_BOX_READ || entry->kind == NAOS_BOX_WRITE;
}
/// Sets the loopback up, makes the sockets that are the doors, and hands each to `pass`. Returns 0 or an errno value,
/// `failed_at` set.
int naos_box_open_doors(struct naos_box *box, void (*pass)(int door));
/// Writes the names of doors into the open file of hosts. Returns 0 or an errno value.
int naos_box_name_doors(const struct naos_box *box, int file);

// BoxLocks.c
/// Gives up all privileges for good; also what an execution could bring back.
int naos_box_drop_privileges(struct naos_box *box, bool executes);
/// Landlock: what is not to be written cannot be written, whatever the mounts say.
int naos_box_restrict_files(struct naos_box *box);
int naos_landlock_version(void);

// BoxFilter.c
struct seccomp_data;
/// Refuses system calls that no agent needs and that attacks begin with. With a `listener`, what programs do not try by
/// routine is asked of it; -1: that cannot be had, and the calls are refused untold. Returns 0 or an errno value.
int naos_box_filter_calls(int *listener, bool learns);
/// The errno value that a call which was asked about is refused with, and its name for people; 0: it goes on.
int naos_box_name_refusal(const struct seccomp_data *call, char *what, size_t room);

// BoxWishes.c
/// What a program wants of a path: to read what is there, to write it, to make it or write it, or to make a folder.
enum naos_box_wish { NAOS_BOX_WISH_READ, NAOS_BOX_WISH_WRITE, NAOS_BOX_WISH_MAKE, NAOS_BOX_WISH_FOLDER };
/// Makes a path that is relative to the `folder` of a process a whole and plain one. False where that cannot be without
/// asking where its links lead.
bool naos_box_make_whole(char *path, size_t room, pid_t pid, int folder);
/// Whether nobody can have what is wanted of a whole and plain path, for want of a grant.
bool naos_box_misses_path(const struct naos_box *box, const char *path, enum naos_box_wish wish);

// BoxStartup.c
/// Whether a whole and plain path is a startup file in a folder that is granted to write.
bool naos_box_is_startup_file(const struct naos_box *box, const char *path);

// BoxWatch.c
void naos_box_prepare_listener(int listener, const struct naos_box *box);
/// Counts what was refused or met, and tells of it as others of its kind.
void naos_box_count(int report, uint32_t kind, uint32_t port, const char *what, uint64_t times);
/// Answers one call; false once there is nobody to answer any more.
bool naos_box_answer_call(int listener, int report);
/// Tells what was counted and not told yet.
void naos_box_tell_rest(int report);

// BoxRooms.c
/// Opens the file systems in memory, to look at how full they are from now on.
void naos_box_open_rooms(const struct naos_box *box);
/// Looks whether they are full, and whether process `pid` has all the files open that it may, if it is time for that.
/// Returns the milliseconds until it is again.
int naos_box_look_at_rooms(const struct naos_box *box, int report, pid_t pid);
/// As that, whatever time it is: nobody will be there to look at after this.
void naos_box_look_at_last(int report);
/// Somebody is about to write, so it will soon be time.
void naos_box_expect_writing(void);
/// Looks whether a process that is about to open a file has all open that it may.
void naos_box_look_at_files(const struct naos_box *box, int report, pid_t pid);

// BoxPolls.c
/// From now on watches of epoll instances are counted, of all below the caller but the namespace's first process.
void naos_box_open_polls(pid_t init);
/// Whether one more may be made.
bool naos_box_allows_watch(void);

// BoxRest.c
/// So many that ended are reaped before something else has its turn.
enum { NAOS_MOST_REAPED = 64 };
/// What the keeper and the namespace's first process tell each other, in memory that they share.
struct naos_box_rest {
  /// The main process has ended, and so is everything to.
  _Atomic bool ends;
  /// How many had to be ended.
  _Atomic unsigned count;
};
/// The life of the namespace's first process: whoever loses its parent there is reaped here.
noreturn void naos_box_be_init(struct naos_box *box, struct naos_box_rest *rest);
/// Has everything ended that is left in the namespace. Returns how many did not end by themselves; from `signals`, which
/// are the keeper's own, nothing is passed on meanwhile, and calls are answered.
unsigned naos_box_end_rest(struct naos_box_rest *rest, pid_t init, int signals, int listener, int report);

// BoxKeeper.c
/// A forked child of the guard becomes the keeper.
noreturn void naos_box_keep(struct naos_box *box, const struct naos_box_program *program, int status,
                            bool born_inside);

// BoxSpawn.c
bool naos_box_read_entries(struct naos_box *box, char **strings);
/// Returns 0, or an errno value where root cannot be left.
int naos_box_choose_ids(struct naos_box *box, uint64_t id);
void naos_box_start(struct naos_box *box, const struct naos_box_program *program, struct naos_spawn_result *result);

#endif
