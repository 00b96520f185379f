// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What must not touch the Swift runtime: the guard process, the trap handler, and the few system calls that Swift
// cannot make in safety (vfork, descriptor passing, epoll's packed structures).
#ifndef CGUARD_H
#define CGUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- The guard process -------------------------------------------------------------------------------------------

/// Becomes the guard if the program was started as one, and then never returns. A constructor of this library calls
/// it too, so that every program that links it can be re-executed as a guard; calling it again does no harm.
void naos_guard_main_if_requested(int argc, char *_Nullable const *_Nonnull argv);

/// The environment variable that marks a process and its descendants: `<guard's tag>-<spawn id in decimal>`.
#define NAOS_SPAWN_VARIABLE "NAOS_SPAWN"

/// Where a spawn failed.
enum {
  NAOS_STAGE_NONE = 0,
  NAOS_STAGE_LOOKUP = 1,
  NAOS_STAGE_WORKING_DIRECTORY = 2,
  NAOS_STAGE_STANDARD_STREAMS = 3,
  NAOS_STAGE_FORK = 4,
  NAOS_STAGE_EXEC = 5,
  /// The program exists, its interpreter or loader does not.
  NAOS_STAGE_INTERPRETER = 6,
  NAOS_STAGE_LAUNCHER = 7,
  /// A ceiling cannot be enforced here; `status` says which.
  NAOS_STAGE_CEILING = 8,
  /// A part of a sandbox cannot be had here; `what` says which.
  NAOS_STAGE_BOX = 9,
};

/// The longest name of a part, or path, in a message about a sandbox; longer ones are cut.
#define NAOS_BOX_TEXT 192

/// More than anybody grants by hand.
#define NAOS_BOX_ENTRIES 4096

/// More doors than that a sandbox has not.
#define NAOS_BOX_DOORS 130

/// The first byte of the file that an output is copied to: nothing was left, what follows is the output, or why it
/// cannot be taken. Whoever asks for a copy makes the file, with the first of these.
#define NAOS_OUTPUT_NONE ' '
#define NAOS_OUTPUT_TAKEN '='
#define NAOS_OUTPUT_REFUSED '!'

/// A sandbox for an agent.
struct naos_box_order {
  uint32_t enabled;
  /// Pairs of strings in the block, behind the environment: `r`, `w` or `h` with the path outside, and the path inside;
  /// `d` with `127.0.0.1:4201` and a name that is that address in the sandbox, or nothing: a door, at which something
  /// listens and is passed out; `u` the same for datagrams. `k` keeps what is at the path inside as it is, `p` keeps a
  /// folder where it is; neither has a path outside. `o` with a file outside and a folder inside, which is in memory: when
  /// the agent has ended by itself, the file `output` of that folder is copied there. `s` with a startup file, relative to
  /// any folder that is granted to write, or with a slash at its end a folder of them; `s*`: also deeper.
  uint32_t entries;
  /// Open files of each process; 0: 4096, or half of the guard's where that is fewer.
  uint32_t files;
  /// Whether the node is told what is refused; then a socket for that comes with the order. With `learns` also of paths
  /// that are only to be read, for which every program pays at each file that it opens.
  uint32_t reports, learns;
  /// The size of `/tmp`, of its home, and of the folder for its output.
  uint64_t temporary_bytes;
  /// The largest output; of a larger one, one byte more is copied.
  uint64_t output_bytes;
};

/// A path is one that is missing, or cannot be written: only the node knows which of the missing ones are hidden.
enum {
  NAOS_REFUSED_CALL = 1,
  NAOS_REFUSED_ADDRESS = 2,
  NAOS_REFUSED_READING = 3,
  NAOS_REFUSED_WRITING = 4,
  /// One that would have been made, or a folder: what is wanted of may be the folder that it is to be in.
  NAOS_REFUSED_MAKING = 5,
  /// What is bounded and was found full: the key of the limit, or the place.
  NAOS_REFUSED_ROOM = 6,
  /// Processes that were still there when the main one had ended; the count is theirs.
  NAOS_REFUSED_REST = 7,
  /// A startup file that is made or written in a folder that is granted to write. It is not refused.
  NAOS_NOTICED_STARTUP = 8,
  NAOS_REFUSED_KINDS = 8
};
#define NAOS_REFUSAL_TEXT 1000

/// What was refused in a sandbox: a system call by its name, an address, a path, a limit. It is sent as long as its text is.
struct naos_refusal {
  uint32_t kind;
  uint32_t port;
  /// How often since it was told last.
  uint64_t count;
  /// Ended by a zero byte.
  char what[NAOS_REFUSAL_TEXT];
};

/// What an agent and everything that it starts may use at most; 0: as much as there is.
struct naos_ceilings {
  uint64_t memory_bytes;
  uint64_t cpu_microseconds;
  uint32_t milli_cores;
  uint32_t processes;
};

enum { NAOS_CEILING_NONE = 0, NAOS_CEILING_MEMORY = 1, NAOS_CEILING_CPU = 2, NAOS_CEILING_PROCESSES = 3 };
enum { NAOS_MEANS_NONE = 0, NAOS_MEANS_CGROUP2 = 1, NAOS_MEANS_CGROUP1 = 2, NAOS_MEANS_RLIMIT = 3 };

/// By what a tree is held together, and its ceilings are in force.
struct naos_means {
  uint8_t group;
  uint8_t memory;
  uint8_t cpu;
  uint8_t processes;
};

/// The hierarchies of control groups that are used: the unified one, and the old ones of single controllers.
enum { NAOS_UNIFIED = 0, NAOS_FREEZER = 1, NAOS_MEMORY = 2, NAOS_PIDS = 3, NAOS_CPU = 4, NAOS_HIERARCHIES = 5 };

enum { NAOS_REPLY_SPAWNED = 1, NAOS_REPLY_SPAWN_FAILED = 2, NAOS_REPLY_EXITED = 3 };

/// A message from the guard. Fields that a kind does not use are 0.
struct naos_guard_reply {
  uint32_t kind;
  uint32_t stage;
  uint64_t id;
  int32_t pid;
  int32_t error;
  /// The exit code, or the signal that ended the process.
  int32_t status;
  uint32_t signalled;
  int64_t user_microseconds;
  int64_t system_microseconds;
  int64_t peak_kibibytes;
  /// Processes that could not be killed in time and were left behind.
  uint32_t left_behind;
  /// At an end, the ceiling that the agent met.
  uint32_t ceiling;
  struct naos_means means;
  uint32_t reserved;
  /// At an end, how many of its processes were killed for want of memory, and how many could not be made at the ceiling;
  /// known only where a group carries the ceiling.
  uint64_t memory_kills;
  uint64_t refused_forks;
  /// What of a sandbox cannot be had.
  char what[NAOS_BOX_TEXT];
};

enum {
  /// The guard finds its children by reading all of `/proc`, as it does by itself on a kernel without
  /// `/proc/<pid>/task/<tid>/children`.
  NAOS_GUARD_SCANS = 1,
  /// It makes do without the unified hierarchy of control groups, or without any.
  NAOS_GUARD_WITHOUT_UNIFIED = 2,
  NAOS_GUARD_WITHOUT_GROUPS = 4,
  /// It starts no warden.
  NAOS_GUARD_WITHOUT_WARDEN = 8,
};

/// Starts a guard from `/proc/self/exe`.
///
/// Returns 0 or an errno value. The socket is non-blocking; all descriptors are close-on-exec.
int naos_guard_start(const char *_Nonnull tag, unsigned options, int *_Nonnull socket_fd, int *_Nonnull pid,
                     int *_Nonnull pidfd);

/// A block of at most so many bytes goes in the message itself.
#define NAOS_INLINE_BLOCK_BYTES 16384

/// Asks for a spawn. `block` holds the working directory, the arguments and the environment as NUL-terminated strings;
/// a longer one than goes in the message has to be in the sealed file `block_file`, which is else not looked at. The
/// descriptors stay the caller's; `report` is only looked at if the order says so. Returns 0 or an errno value (EAGAIN: try later).
int naos_guard_send_spawn(int socket_fd, uint64_t id, uint32_t arguments, uint32_t variables,
                          const void *_Nonnull block, uint64_t block_size, int block_file, int standard_input, int standard_output,
                          int standard_error, int report, const struct naos_ceilings *_Nonnull ceilings,
                          const struct naos_box_order *_Nonnull box);

/// Asks for a signal to the process group of a spawn. Returns 0 or an errno value.
int naos_guard_send_signal(int socket_fd, uint64_t id, int signal);

/// Takes one message: 1 with a message, 0 at the guard's end, or a negated errno value (-EAGAIN: none now).
/// `pidfd` is -1 where the message brings none; of the `NAOS_BOX_DOORS` places for doors, `door_count` are filled, in
/// the order in which they were asked for.
int naos_guard_receive(int socket_fd, struct naos_guard_reply *_Nonnull reply, int *_Nonnull pidfd,
                       int *_Nonnull doors, size_t *_Nonnull door_count);

/// One sweep of `/proc`, for the time after a guard's death: processes marked with `tag`, and the members of sessions
/// whose leaders were agents at `deadline_ticks`, are sent SIGKILL, each through a pidfd. Returns how many there were,
/// zombies not counted, or -1 if `/proc` cannot be read.
int naos_kill_leftovers(const char *_Nonnull tag, const int *_Nullable sessions, size_t count,
                        uint64_t deadline_ticks);

/// Counts the processes, zombies not counted, that are marked with `tag`; -1 if `/proc` cannot be read.
int naos_count_tagged(const char *_Nonnull tag);

/// Kills and removes the control groups of the guard with `tag`, or without one those of all guards that are gone.
/// Returns how many are still there.
int naos_end_groups(const char *_Nullable tag);

/// By what means ceilings would be in force for agents that the calling process starts.
struct naos_means naos_probe_means(void);

// For tests of what cannot be tried out on the machine at hand.
bool naos_locate_group(const char *_Nonnull mounts, const char *_Nonnull memberships, int hierarchy,
                       char *_Nonnull path, size_t capacity);
int naos_write_ceiling(int group, int hierarchy, int version, const struct naos_ceilings *_Nonnull ceilings);
int naos_read_verdict(int group, int hierarchy, int version);
uint64_t naos_read_encounters(int group, int hierarchy, int version);

// ---- The sandbox -------------------------------------------------------------------------------------------------

/// The parts of a sandbox, as this machine has them: 0 for one that works, or the errno value that it fails with.
struct naos_box_parts {
  int32_t user, mounts, network, processes;
  /// Mounts whose owners are seen as others; root needs them for folders that an agent writes to.
  int32_t mapped_mounts;
  int32_t filter;
  /// Refused calls can be told of.
  int32_t listener;
  /// The version of Landlock; 0: there is none.
  int32_t landlock;
};

/// Tries each part in a child of the caller, which must have no other thread or not mind a fork.
void naos_probe_box(struct naos_box_parts *_Nonnull parts);

/// Clock ticks since boot, the unit of start times in `/proc/<pid>/stat`.
uint64_t naos_ticks_since_boot(void);

/// Sends a signal through a pidfd. Returns 0 or an errno value.
int naos_pidfd_signal(int pidfd, int signal);

/// Reaps the guard if it has ended: true once it is gone.
bool naos_reap(int pidfd);

// ---- Files, pipes, polling ---------------------------------------------------------------------------------------

/// A sealed in-memory file holding `bytes`, its offset at 0. Returns 0 or an errno value.
int naos_sealed_file(const char *_Nonnull name, const void *_Nullable bytes, size_t count, int *_Nonnull fd);

/// A pair of sockets for what is refused in a sandbox: who reads takes one message at a time. Returns 0 or an errno value.
int naos_report_pair(int *_Nonnull read_end, int *_Nonnull write_end);
/// Takes one message: 1 with one, 0 at the end, or a negated errno value (-EAGAIN: none now).
int naos_receive_refusal(int read_end, struct naos_refusal *_Nonnull refusal);

/// Whether messages about system calls are as long as this guard knows them; a longer one would be written behind its end.
bool naos_refusals_fit(uint32_t call_bytes, uint32_t answer_bytes);

/// What is seen of a name in a folder.
struct naos_sight {
  uint32_t mode;
  uint32_t owner;
};
/// Opens what has that name in a folder, to look at it and through it: no link is followed, nothing is mounted, and what
/// is mounted there is entered only if it `crosses`. A folder of -1 is the root of the machine. Returns the descriptor, or
/// a negated errno value.
int naos_look_at(int folder, const char *_Nonnull name, bool crosses, struct naos_sight *_Nonnull sight);

/// A pipe whose read end does not block; both ends are close-on-exec. Returns 0 or an errno value.
int naos_output_pipe(int *_Nonnull read_end, int *_Nonnull write_end);

int naos_poller_create(void);
int naos_poller_wakeup_create(void);
void naos_poller_wake(int wakeup);
void naos_poller_drain_wakeup(int wakeup);
int naos_poller_add(int poller, int fd, uint64_t token);
int naos_poller_watch_writes(int poller, int fd, uint64_t token, bool writes);
void naos_poller_remove(int poller, int fd);
/// Waits for readiness and stores the tokens of what is ready. Returns their count; 0 also when interrupted.
int naos_poller_wait(int poller, uint64_t *_Nonnull tokens, int capacity, int timeout_milliseconds);

/// Runs `body` on a detached thread with every signal blocked. Returns 0 or an errno value.
int naos_thread_start(const char *_Nonnull name, void (*_Nonnull body)(void *_Nullable), void *_Nullable context);

// ---- Hardening ---------------------------------------------------------------------------------------------------

/// No core dump and no `ptrace` or `/proc/<pid>/mem` for others. Returns 0 or an errno value.
int naos_make_undumpable(void);
bool naos_is_dumpable(void);
/// Raises the soft limit of open files to the hard one; agents still get the old one. Returns 0 or an errno value.
int naos_raise_file_limit(void);
/// The soft limit of open files of this process.
long naos_file_limit(void);
/// A write to a closed pipe is an error, not an end. Returns 0 or an errno value.
int naos_ignore_sigpipe(void);
/// Asks the kernel for `signal` when the thread that created this process ends. Returns 0 or an errno value; ESRCH
/// says that the parent is gone already.
int naos_die_with_parent(int parent, int signal);

// ---- The trap handler --------------------------------------------------------------------------------------------

/// The longest description of what a thread is at; longer ones are cut.
#define NAOS_TRAP_TEXT_LIMIT 512

/// From now on SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE and SIGABRT write `<signal number> <text>\n` to `fd`, where
/// text is what the failing thread set last, and then end the process as they would have. Returns 0 or an errno value.
int naos_trap_prepare(int fd);
/// Says what the calling thread is at from now on; a count of 0 clears it, and then a trap writes nothing.
void naos_trap_set_current(const char *_Nullable text, size_t count);

#endif
