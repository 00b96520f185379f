// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Control groups: one for each agent, in the unified hierarchy where there is one. It is what an agent's processes are
// found and killed by, wherever they forked to, and what its ceilings hang on. Where a controller is not to be had
// there, the old hierarchy of that controller carries the ceiling, and where there is none either, limits of each
// process do, as far as the kernel has any.
#include "GuardInternal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// The share of processor time is given out in slices of this length.
#define PERIOD_MICROSECONDS 100000
/// How often at least the processor time of a tree with a ceiling is read, and how often at most.
#define LONGEST_WATCH_MILLISECONDS 60000
#define SHORTEST_WATCH_MILLISECONDS 20

int naos_group_write(int directory, const char *file, const char *text) {
  int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  ssize_t count;
  do count = write(fd, text, strlen(text));
  while (count < 0 && errno == EINTR);
  int error = count < 0 ? errno : 0;
  close(fd);
  return error;
}

ssize_t naos_group_read(int directory, const char *file, char *text, size_t capacity) {
  int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t count;
  do count = read(fd, text, capacity - 1);
  while (count < 0 && errno == EINTR);
  close(fd);
  if (count >= 0) text[count] = 0;
  return count;
}

/// The number that follows `key` at the beginning of a line; 0 if there is none.
static uint64_t number_after(int directory, const char *file, const char *key) {
  char text[1024];
  if (naos_group_read(directory, file, text, sizeof text) <= 0) return 0;
  size_t length = strlen(key);
  for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
    if (strncmp(line, key, length) == 0 && line[length] == ' ') return strtoull(line + length + 1, NULL, 10);
  return 0;
}

// ---- Ends --------------------------------------------------------------------------------------------------------

/// Calls `visit` for the subgroups of an open group.
static void each_subgroup(int group, int depth, void (*visit)(int group, const char *name, int depth)) {
  int listing = openat(group, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = listing < 0 ? NULL : fdopendir(listing);
  if (!directory) return;
  struct dirent *entry;
  while ((entry = readdir(directory)))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') visit(group, entry->d_name, depth);
  closedir(directory);
}

static void signal_members(int parent, const char *name, int depth) {
  int group = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (group < 0) return;
  int list = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  FILE *members = list < 0 ? NULL : fdopen(list, "re");
  int pid;
  while (members && fscanf(members, "%d", &pid) == 1)
    if (pid > 1 && pid != getpid()) kill(pid, SIGKILL);
  if (members) fclose(members);
  if (depth > 0) each_subgroup(group, depth - 1, signal_members);
  close(group);
}

void naos_group_kill(int parent, const char *name, int hierarchy) {
  char path[NAOS_GROUP_NAME + 32];
  if (hierarchy == NAOS_UNIFIED) {
    snprintf(path, sizeof path, "%s/cgroup.kill", name);
    if (naos_group_write(parent, path, "1") == 0) return;
  }
  // Frozen, nobody in it can fork or end, so its numbers stand for whom they were read of.
  const char *file = hierarchy == NAOS_UNIFIED ? "cgroup.freeze" : "freezer.state";
  bool freezes = hierarchy == NAOS_UNIFIED || hierarchy == NAOS_FREEZER;
  snprintf(path, sizeof path, "%s/%s", name, file);
  if (freezes) naos_group_write(parent, path, hierarchy == NAOS_UNIFIED ? "1" : "FROZEN");
  signal_members(parent, name, NAOS_GROUP_DEPTH);
  if (freezes) naos_group_write(parent, path, hierarchy == NAOS_UNIFIED ? "0" : "THAWED");
}

static void remove_subgroup(int parent, const char *name, int depth) { naos_group_remove(parent, name, depth); }

bool naos_group_remove(int parent, const char *name, int depth) {
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  if (depth <= 0) return false;
  int group = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (group < 0) return errno == ENOENT;
  each_subgroup(group, depth - 1, remove_subgroup);
  close(group);
  return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

// ---- Ceilings ----------------------------------------------------------------------------------------------------

int naos_write_ceiling(int group, int hierarchy, int version, const struct naos_ceilings *ceilings) {
  char text[64];
  int error = 0;
  switch (hierarchy) {
  case NAOS_MEMORY:
    snprintf(text, sizeof text, "%llu", (unsigned long long)ceilings->memory_bytes);
    error = naos_group_write(group, version == 2 ? "memory.max" : "memory.limit_in_bytes", text);
    // A kernel may do without swap accounting; then there is no such file, and no swap to bound by it.
    if (!error && version == 2) {
      error = naos_group_write(group, "memory.swap.max", "0");
      if (error == ENOENT) error = 0;
      // All of the tree or nothing of it: half an agent is worse than none.
      if (!error) naos_group_write(group, "memory.oom.group", "1");
    } else if (!error) {
      error = naos_group_write(group, "memory.memsw.limit_in_bytes", text);
      if (error == ENOENT) error = 0;
    }
    return error;
  case NAOS_PIDS:
    snprintf(text, sizeof text, "%u", ceilings->processes);
    return naos_group_write(group, "pids.max", text);
  case NAOS_CPU: {
    unsigned long long quota = (unsigned long long)ceilings->milli_cores * (PERIOD_MICROSECONDS / 1000);
    if (version == 2) {
      snprintf(text, sizeof text, "%llu %d", quota, PERIOD_MICROSECONDS);
      return naos_group_write(group, "cpu.max", text);
    }
    snprintf(text, sizeof text, "%d", PERIOD_MICROSECONDS);
    error = naos_group_write(group, "cpu.cfs_period_us", text);
    snprintf(text, sizeof text, "%llu", quota);
    return error ? error : naos_group_write(group, "cpu.cfs_quota_us", text);
  }
  default: return EINVAL;
  }
}

static int make_group(int base, const char *name) {
  if (base < 0 || (mkdirat(base, name, 0755) < 0 && errno != EEXIST)) return -1;
  return openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/// Hangs one ceiling on the agent's group: in the unified hierarchy, else in the controller's own.
static uint8_t hang(struct naos_guard *guard, struct naos_group_plan *plan, int hierarchy,
                    const struct naos_ceilings *ceilings) {
  const pid_t party[] = {guard->node, guard->pid, guard->warden};
  bool probes = guard->node == 0;
  if (plan->unified >= 0 && naos_enable_controller(&guard->places, hierarchy, probes ? NULL : party, 3) &&
      (probes || naos_write_ceiling(plan->unified, hierarchy, 2, ceilings) == 0))
    return NAOS_MEANS_CGROUP2;
  if (guard->options & NAOS_GUARD_WITHOUT_GROUPS) return NAOS_MEANS_NONE;
  int group = make_group(naos_base(&guard->places, hierarchy), plan->name);
  if (group < 0) return NAOS_MEANS_NONE;
  plan->made |= 1u << hierarchy;
  if (naos_write_ceiling(group, hierarchy, 1, ceilings) == 0)
    plan->joins[hierarchy] = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  close(group);
  return plan->joins[hierarchy] >= 0 ? NAOS_MEANS_CGROUP1 : NAOS_MEANS_NONE;
}

static void make_own_group(struct naos_guard *guard, struct naos_group_plan *plan) {
  if (guard->options & NAOS_GUARD_WITHOUT_GROUPS) return;
  if (guard->spare >= 0) {
    plan->unified = guard->spare;
    guard->spare = -1;
  } else if (!(guard->options & NAOS_GUARD_WITHOUT_UNIFIED)) {
    plan->unified = make_group(naos_base(&guard->places, NAOS_UNIFIED), plan->name);
  }
  if (plan->unified >= 0) {
    plan->made |= 1u << NAOS_UNIFIED;
    plan->means.group = NAOS_MEANS_CGROUP2;
    return;
  }
  int group = make_group(naos_base(&guard->places, NAOS_FREEZER), plan->name);
  if (group < 0) return;
  plan->made |= 1u << NAOS_FREEZER;
  plan->joins[NAOS_FREEZER] = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  close(group);
  if (plan->joins[NAOS_FREEZER] >= 0) plan->means.group = NAOS_MEANS_CGROUP1;
}

/// Gives up a group made ahead that somebody has removed.
static void check_spare(struct naos_guard *guard) {
  if (guard->spare < 0 || faccessat(guard->spare, "cgroup.procs", F_OK, 0) == 0) return;
  close(guard->spare);
  guard->spare = -1;
}

void naos_group_make_spare(struct naos_guard *guard) {
  if (guard->spare >= 0 || guard->places.base[NAOS_UNIFIED] < 0) return;
  char name[24];
  guard->spare_group = ++guard->last_group;
  snprintf(name, sizeof name, "%llu", (unsigned long long)guard->spare_group);
  guard->spare = make_group(guard->places.base[NAOS_UNIFIED], name);
}

int naos_group_prepare(struct naos_guard *guard, const struct naos_ceilings *ceilings, struct naos_group_plan *plan) {
  memset(plan, 0, sizeof *plan);
  check_spare(guard);
  plan->group = guard->spare >= 0 ? guard->spare_group : ++guard->last_group;
  plan->unified = -1;
  for (int hierarchy = 0; hierarchy < NAOS_HIERARCHIES; hierarchy++) plan->joins[hierarchy] = -1;
  snprintf(plan->name, sizeof plan->name, "%llu", (unsigned long long)plan->group);
  plan->ceilings = *ceilings;
  make_own_group(guard, plan);
  struct naos_means *means = &plan->means;
  if (ceilings->memory_bytes) {
    means->memory = hang(guard, plan, NAOS_MEMORY, ceilings);
    if (!means->memory) means->memory = NAOS_MEANS_RLIMIT;
  }
  if (ceilings->processes) {
    means->processes = hang(guard, plan, NAOS_PIDS, ceilings);
    // The kernel does not hold root to RLIMIT_NPROC.
    if (!means->processes && geteuid() != 0) means->processes = NAOS_MEANS_RLIMIT;
    if (!means->processes) return NAOS_CEILING_PROCESSES;
  }
  if (ceilings->milli_cores) {
    means->cpu = hang(guard, plan, NAOS_CPU, ceilings);
    if (!means->cpu) return NAOS_CEILING_CPU;
  }
  if (ceilings->cpu_microseconds && !means->cpu)
    means->cpu = plan->unified >= 0 ? NAOS_MEANS_CGROUP2 : NAOS_MEANS_RLIMIT;
  return NAOS_CEILING_NONE;
}

void naos_group_plan_close(struct naos_group_plan *plan) {
  if (plan->unified >= 0) close(plan->unified);
  for (int hierarchy = 0; hierarchy < NAOS_HIERARCHIES; hierarchy++)
    if (plan->joins[hierarchy] >= 0) close(plan->joins[hierarchy]);
}

int naos_group_enter(const struct naos_group_plan *plan, bool born_inside) {
  for (int hierarchy = 0; hierarchy < NAOS_HIERARCHIES; hierarchy++)
    if (plan->joins[hierarchy] >= 0 && write(plan->joins[hierarchy], "0", 1) < 0) return errno;
  if (plan->unified < 0 || born_inside) return 0;
  int list = openat(plan->unified, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (list < 0) return errno;
  int error = write(list, "0", 1) < 0 ? errno : 0;
  close(list);
  return error;
}

int naos_limit_process(const struct naos_group_plan *plan) {
  const struct naos_ceilings *ceilings = &plan->ceilings;
  if (plan->means.memory == NAOS_MEANS_RLIMIT) {
    struct rlimit limit = {ceilings->memory_bytes, ceilings->memory_bytes};
    if (setrlimit(RLIMIT_AS, &limit) < 0) return errno;
  }
  if (plan->means.processes == NAOS_MEANS_RLIMIT) {
    struct rlimit limit = {ceilings->processes, ceilings->processes};
    if (setrlimit(RLIMIT_NPROC, &limit) < 0) return errno;
  }
  if (ceilings->cpu_microseconds) {
    // Whole seconds, rounded up: SIGXCPU at the first limit, SIGKILL a second later for who ignores that.
    uint64_t seconds = (ceilings->cpu_microseconds + 999999) / 1000000;
    struct rlimit limit = {seconds, seconds + 1};
    if (setrlimit(RLIMIT_CPU, &limit) < 0) return errno;
  }
  return 0;
}

// ---- An agent's groups, from its birth to its end ----------------------------------------------------------------

void naos_groups_kill(struct naos_guard *guard, const struct naos_agent *agent) {
  char name[24];
  snprintf(name, sizeof name, "%llu", (unsigned long long)agent->group);
  for (int hierarchy = NAOS_UNIFIED; hierarchy <= NAOS_FREEZER; hierarchy++)
    if (agent->groups & 1u << hierarchy) naos_group_kill(guard->places.base[hierarchy], name, hierarchy);
}

bool naos_groups_remove(struct naos_guard *guard, struct naos_agent *agent, int depth) {
  char name[24];
  snprintf(name, sizeof name, "%llu", (unsigned long long)agent->group);
  for (int hierarchy = 0; hierarchy < NAOS_HIERARCHIES; hierarchy++) {
    if (!(agent->groups & 1u << hierarchy)) continue;
    if (!naos_group_remove(guard->places.base[hierarchy], name, depth)) return false;
    agent->groups &= ~(1u << hierarchy);
  }
  return true;
}

uint64_t naos_read_encounters(int group, int hierarchy, int version) {
  if (hierarchy == NAOS_PIDS) return number_after(group, "pids.events", "max");
  return number_after(group, version == 2 ? "memory.events" : "memory.oom_control", "oom_kill");
}

int naos_read_verdict(int group, int hierarchy, int version) {
  if (naos_read_encounters(group, hierarchy, version) == 0) return NAOS_CEILING_NONE;
  return hierarchy == NAOS_MEMORY ? NAOS_CEILING_MEMORY : NAOS_CEILING_PROCESSES;
}

/// Brings up to date how often a ceiling was met; a group that is gone keeps what it counted last.
static void read_encounters(struct naos_guard *guard, const struct naos_agent *agent, uint8_t means, int hierarchy,
                            uint64_t *met) {
  if (means != NAOS_MEANS_CGROUP2 && means != NAOS_MEANS_CGROUP1) return;
  bool unified = means == NAOS_MEANS_CGROUP2;
  char name[24];
  snprintf(name, sizeof name, "%llu", (unsigned long long)agent->group);
  int base = guard->places.base[unified ? NAOS_UNIFIED : hierarchy];
  int group = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (group < 0) return;
  uint64_t count = naos_read_encounters(group, hierarchy, unified ? 2 : 1);
  if (count > *met) *met = count;
  close(group);
}

void naos_groups_judge(struct naos_guard *guard, struct naos_agent *agent) {
  read_encounters(guard, agent, agent->means.memory, NAOS_MEMORY, &agent->memory_kills);
  read_encounters(guard, agent, agent->means.processes, NAOS_PIDS, &agent->refused_forks);
  if (agent->ceiling != NAOS_CEILING_NONE) return;
  if (agent->memory_kills > 0) agent->ceiling = NAOS_CEILING_MEMORY;
  else if (agent->refused_forks > 0) agent->ceiling = NAOS_CEILING_PROCESSES;
}

int64_t naos_watch_processors(struct naos_guard *guard) {
  if (guard->watched == 0) return -1;
  int64_t now = naos_milliseconds(), next = INT64_MAX;
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  for (struct naos_agent *agent = guard->agents; agent; agent = agent->next) {
    if (!agent->cpu_microseconds || agent->ending || agent->ceiling) continue;
    if (now >= agent->watch_at) {
      char path[48];
      snprintf(path, sizeof path, "%llu/cpu.stat", (unsigned long long)agent->group);
      uint64_t used = number_after(guard->places.base[NAOS_UNIFIED], path, "usage_usec");
      if (used >= agent->cpu_microseconds) {
        agent->ceiling = NAOS_CEILING_CPU;
        naos_groups_kill(guard, agent);
        continue;
      }
      // Not before all processors together could have used up what is left.
      int64_t pause = (int64_t)((agent->cpu_microseconds - used) / 1000) / (processors > 0 ? processors : 1);
      if (pause < SHORTEST_WATCH_MILLISECONDS) pause = SHORTEST_WATCH_MILLISECONDS;
      if (pause > LONGEST_WATCH_MILLISECONDS) pause = LONGEST_WATCH_MILLISECONDS;
      agent->watch_at = now + pause;
    }
    if (agent->watch_at < next) next = agent->watch_at;
  }
  return next == INT64_MAX ? -1 : next > now ? next - now : 0;
}

struct naos_means naos_probe_means(void) {
  static const struct naos_ceilings some = {.memory_bytes = 1 << 30, .milli_cores = 1000, .processes = 1000};
  struct naos_guard guard = {.pid = getpid(), .node = 0, .spare = -1};
  struct naos_group_plan plan;
  naos_places_open(&guard.places);
  naos_name_base(&guard.places, "probe");
  naos_group_prepare(&guard, &some, &plan);
  struct naos_means means = plan.means;
  naos_group_plan_close(&plan);
  naos_places_remove(&guard.places);
  naos_places_close(&guard.places);
  return means;
}
