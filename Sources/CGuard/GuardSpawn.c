// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// From a spawn order to a running program. Everything that allocates happens before vfork; between vfork and exec there
// are system calls only. The child borrows the guard's memory until it execs, so its failure is left in `result`.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/// What the child needs, all of it ready before it exists.
struct plan {
  char *directory;
  char **arguments;
  char **variables;
  char **box_strings;
  char **candidates;
  char *candidate_text;
  const int *streams;
  int report;
  pid_t guard;
  struct rlimit file_limit;
  struct naos_group_plan groups;
};

static bool fill_strings(char **cursor, const char *end, char **strings, uint32_t count) {
  for (uint32_t index = 0; index < count; index++) {
    if (*cursor >= end) return false;
    strings[index] = *cursor;
    *cursor += strlen(*cursor) + 1;
  }
  strings[count] = NULL;
  return true;
}

/// The paths at which the command may be: itself if it holds a slash, else one for each entry of the child's PATH.
static int find_candidates(struct plan *plan) {
  const char *command = plan->arguments[0];
  const char *path = DEFAULT_PATH;
  for (char **variable = plan->variables; *variable; variable++)
    if (strncmp(*variable, "PATH=", 5) == 0) path = *variable + 5;

  if (strchr(command, '/') || !*command) path = NULL;
  size_t entries = 1;
  for (const char *c = path; c && *c; c++) entries += *c == ':';
  size_t room = path ? strlen(path) + entries * (strlen(command) + 3) : strlen(command) + 1;
  plan->candidates = calloc(entries + 1, sizeof *plan->candidates);
  plan->candidate_text = malloc(room);
  if (!plan->candidates || !plan->candidate_text) return ENOMEM;

  char *text = plan->candidate_text;
  if (!path) {
    plan->candidates[0] = strcpy(text, command);
    return 0;
  }
  for (size_t index = 0; index < entries; index++) {
    size_t length = strcspn(path, ":");
    plan->candidates[index] = text;
    memcpy(text, length ? path : ".", length ? length : 1);
    text += length ? length : 1;
    *text++ = '/';
    text = stpcpy(text, command) + 1;
    path += length + (path[length] == ':');
  }
  return 0;
}

static _Noreturn void fail(struct naos_spawn_result *result, int stage, int error) {
  result->stage = stage;
  result->error = error;
  _exit(127);
}

/// Tries each candidate in turn, and tells "no such command" from "found, but it cannot be executed".
static int execute(const void *context, int *stage) {
  const struct plan *plan = context;
  int missing = ENOENT;
  bool denied = false;
  *stage = NAOS_STAGE_EXEC;
  for (char **candidate = plan->candidates; *candidate; candidate++) {
    execve(*candidate, plan->arguments, plan->variables);
    int error = errno;
    bool exists = faccessat(AT_FDCWD, *candidate, F_OK, 0) == 0;
    switch (error) {
    case ENOENT:
      if (!exists) break;
      *stage = NAOS_STAGE_INTERPRETER;
      return ENOENT;
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
      missing = error;
      break;
    case EACCES:
      // A directory of PATH that may not be searched does not stop the search.
      denied = denied || exists;
      if (!exists) missing = EACCES;
      break;
    default:
      return error;
    }
  }
  if (denied) return EACCES;
  *stage = NAOS_STAGE_LOOKUP;
  return missing;
}

static _Noreturn void become(const struct plan *plan, struct naos_spawn_result *result, bool born_inside) {
  int group_error = naos_group_enter(&plan->groups, born_inside);
  if (group_error) fail(result, NAOS_STAGE_CEILING, group_error);
  if (setsid() < 0) fail(result, NAOS_STAGE_FORK, errno);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail(result, NAOS_STAGE_FORK, errno);
  if (getppid() != plan->guard) _exit(127);
  if (chdir(plan->directory) < 0) fail(result, NAOS_STAGE_WORKING_DIRECTORY, errno);
  // The guard holds 0, 1, 2 itself, so none of these is one of them, and dup2 clears close-on-exec.
  for (int stream = 0; stream < 3; stream++)
    if (dup2(plan->streams[stream], stream) < 0) fail(result, NAOS_STAGE_STANDARD_STREAMS, errno);
  // Everything of ours is close-on-exec already; this is the second lock on that door.
  syscall(SYS_close_range, 3u, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */);
  setrlimit(RLIMIT_NOFILE, &plan->file_limit);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int limit_error = naos_limit_process(&plan->groups);
  if (limit_error) fail(result, NAOS_STAGE_CEILING, limit_error);
  int stage, error = execute(plan, &stage);
  fail(result, stage, error);
}

#if defined(__x86_64__)
/// vfork into a control group. Moving there afterwards costs the kernel a grace period of milliseconds; being born
/// there costs nothing. No function call, whose return address the child, on the same stack, would overwrite.
static inline __attribute__((always_inline)) long vfork_into_group(struct naos_clone_order *order) {
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"((long)SYS_clone3), "D"(order), "S"(sizeof *order)
                   : "rcx", "r11", "memory");
  return result;
}
#else
static inline long vfork_into_group(struct naos_clone_order *order) {
  (void)order;
  return -ENOSYS;
}
#endif

/// Functions of their own, so that nothing of their caller's frame lives in registers across the two returns.
static __attribute__((noinline)) long start_inside(const struct plan *plan, struct naos_spawn_result *result,
                                                   struct naos_clone_order *order) {
  long pid = vfork_into_group(order);
  if (pid == 0) become(plan, result, true);
  return pid;
}

static __attribute__((noinline)) pid_t start_outside(const struct plan *plan, struct naos_spawn_result *result) {
  pid_t pid = vfork();
  if (pid == 0) become(plan, result, false);
  return pid;
}

static pid_t start(const struct plan *plan, struct naos_spawn_result *result) {
  if (plan->groups.unified >= 0) {
    struct naos_clone_order order = {.flags = CLONE_VM | CLONE_VFORK | NAOS_CLONE_INTO_GROUP, .exit_signal = SIGCHLD,
                                .cgroup = (uint64_t)plan->groups.unified};
    long pid = start_inside(plan, result, &order);
    // Whatever the kernel or a filter has against it: moving there works everywhere.
    if (pid >= 0) return (pid_t)pid;
  }
  return start_outside(plan, result);
}

/// The block's strings, in the order in which they are sent.
static int read_block(struct plan *plan, struct naos_box *box, const struct naos_spawn_order *order, char *block) {
  char *cursor = block, *end = block + order->block_size, *directory[2];
  plan->arguments = calloc((size_t)order->arguments + 1, sizeof(char *));
  plan->variables = calloc((size_t)order->variables + 1, sizeof(char *));
  plan->box_strings = calloc(2 * (size_t)order->box.entries + 1, sizeof(char *));
  if (!plan->arguments || !plan->variables || !plan->box_strings) return ENOMEM;
  if (!fill_strings(&cursor, end, directory, 1) || !fill_strings(&cursor, end, plan->arguments, order->arguments) ||
      !fill_strings(&cursor, end, plan->variables, order->variables) ||
      !fill_strings(&cursor, end, plan->box_strings, 2 * order->box.entries) || cursor != end)
    return EINVAL;
  plan->directory = directory[0];
  if (order->box.enabled) {
    box->order = order->box;
    if (!naos_box_read_entries(box, plan->box_strings)) return EINVAL;
    if (!naos_box_plan_view(box)) return ENOMEM;
  }
  return find_candidates(plan);
}

static void start_in_box(struct naos_guard *guard, struct plan *plan, struct naos_box *box, uint64_t id,
                         struct naos_spawn_result *result) {
  result->error = naos_box_choose_ids(box, id);
  if (result->error) {
    result->stage = NAOS_STAGE_BOX;
    strcpy(result->what, "a user that is not root");
    return;
  }
  struct naos_box_program program = {.directory = plan->directory, .streams = plan->streams, .report = plan->report,
                                     .guard = guard->pid, .groups = &plan->groups, .context = plan, .execute = execute};
  naos_box_start(box, &program, result);
}

static void launch(struct naos_guard *guard, const struct naos_spawn_order *order, char *block,
                   struct naos_spawn_result *result) {
  struct plan plan = {.streams = order->descriptors,
                      .report = naos_spawn_reports(order) ? order->descriptors[3] : -1,
                      .guard = guard->pid, .file_limit = guard->file_limit};
  struct naos_box box = {.users = -1, .output = -1};
  result->stage = NAOS_STAGE_LAUNCHER;
  result->error = read_block(&plan, &box, order, block);
  if (result->error == 0) {
    struct naos_ceilings ceilings = order->ceilings;
    // The keeper and the first process of the namespace are ours, not the agent's.
    if (order->box.enabled && ceilings.processes) ceilings.processes += 2;
    result->ceiling = naos_group_prepare(guard, &ceilings, &plan.groups);
    result->group = plan.groups.group;
    result->groups = plan.groups.made;
    result->means = plan.groups.means;
    result->stage = result->ceiling ? NAOS_STAGE_CEILING : NAOS_STAGE_NONE;
    result->error = result->ceiling ? ENOTSUP : 0;
    if (!result->ceiling && order->box.enabled) {
      start_in_box(guard, &plan, &box, order->id, result);
    } else if (!result->ceiling && (result->pid = start(&plan, result)) < 0) {
      result->stage = NAOS_STAGE_FORK;
      result->error = errno;
    }
    naos_group_plan_close(&plan.groups);
  }
  free(plan.arguments);
  free(plan.variables);
  free(plan.box_strings);
  free(plan.candidates);
  free(plan.candidate_text);
  free(box.entries);
  free(box.view);
}

void naos_spawn(struct naos_guard *guard, const struct naos_spawn_order *order,
                struct naos_spawn_result *result) {
  memset(result, 0, sizeof *result);
  result->pid = -1;
  result->stage = NAOS_STAGE_LAUNCHER;
  result->error = EINVAL;
  if (order->box.entries > NAOS_BOX_ENTRIES || order->arguments == 0 || order->block_size == 0 || order->block_size > SIZE_MAX / 2) return;
  // The file is sealed: it cannot shrink under the mapping.
  int file = order->descriptors[naos_spawn_descriptors(order) - 1];
  char *block = order->block ? order->block : mmap(NULL, order->block_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (block == MAP_FAILED) {
    result->error = errno;
    return;
  }
  // The last byte ends the last string, so no string can run past the block.
  if (block[order->block_size - 1] == 0) launch(guard, order, block, result);
  if (!order->block) munmap(block, order->block_size);
}
