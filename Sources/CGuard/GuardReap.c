// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The ends of agents. The guard is the subreaper of everything below it, so whatever an agent leaves behind (however
// often it forked, and whatever session it moved to) has the guard as the parent of its topmost living process: only
// direct children need to be looked at, and each is unreaped, so its number is nobody else's.
//
// An agent's main process stays a zombie until all that is its own is gone. Its pid, which is the number of its group
// and session too, therefore cannot be given anew while the group is being signalled.
#include "GuardInternal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/// How long an end may wait for processes that SIGKILL does not remove (uninterruptible sleep, another user's).
#define STRAY_PATIENCE_MILLISECONDS 10000

/// After so many sweeps in a row requests are served in between, however fast children come and go.
#define SWEEP_ROUNDS 16

static bool is_zombie(pid_t pid) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static void begin_end(struct naos_guard *guard, struct naos_agent *agent) {
  agent->ending = true;
  agent->patience_ends = naos_milliseconds() + STRAY_PATIENCE_MILLISECONDS;
  guard->ending++;
  kill(-agent->pid, SIGKILL);
  // Nearly always nobody is left in its groups, which shows by their going; what they counted goes with them.
  naos_groups_judge(guard, agent);
  if (!naos_groups_remove(guard, agent, 0)) naos_groups_kill(guard, agent);
}

/// Whether nothing of an ended agent is left: no child of ours that is its, and nobody in its groups.
static bool is_over(struct naos_guard *guard, struct naos_agent *agent) {
  if (agent->met) return false;
  naos_groups_judge(guard, agent);
  if (naos_groups_remove(guard, agent, NAOS_GROUP_DEPTH)) return true;
  naos_groups_kill(guard, agent);
  if (agent->left_behind == 0) agent->left_behind = 1;
  return false;
}

/// What ended it, if a ceiling did; a clean exit is nobody's fault.
static uint32_t verdict(const struct naos_agent *agent, int status, const struct rusage *usage) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return NAOS_CEILING_NONE;
  if (agent->ceiling || !agent->cpu_microseconds || !WIFSIGNALED(status)) return agent->ceiling;
  uint64_t used = (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
                  (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
  if (WTERMSIG(status) == SIGXCPU) return NAOS_CEILING_CPU;
  // The kernel's own limit counts in ticks, not in what was used, so it can strike early.
  bool struck = WTERMSIG(status) == SIGKILL && used + used / 4 >= agent->cpu_microseconds;
  return struck ? NAOS_CEILING_CPU : NAOS_CEILING_NONE;
}

static void finish(struct naos_guard *guard, struct naos_agent *agent) {
  struct rusage usage;
  int status = 0;
  memset(&usage, 0, sizeof usage);
  wait4(agent->pid, &status, 0, &usage);
  struct naos_guard_reply reply = {
      .kind = NAOS_REPLY_EXITED,
      .id = agent->id,
      .pid = agent->pid,
      .status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
      .signalled = WIFSIGNALED(status),
      .user_microseconds = (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec,
      .system_microseconds = (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec,
      .peak_kibibytes = usage.ru_maxrss,
      .left_behind = agent->left_behind,
      .ceiling = verdict(agent, status, &usage),
      .means = agent->means,
      .memory_kills = agent->memory_kills,
      .refused_forks = agent->refused_forks,
  };
  guard->ending--;
  if (agent->cpu_microseconds) guard->watched--;
  naos_agent_remove(guard, agent);
  naos_guard_reply(guard, &reply, -1, NULL, 0);
}

/// Whose a stray is: by its session, else by the mark in its environment; nil for nobody's that still lives.
static struct naos_agent *owner_of(const struct naos_guard *guard, pid_t pid, const struct naos_process_facts *facts) {
  struct naos_agent *agent = naos_agent_with_pid(facts->session);
  uint64_t id;
  if (!agent && naos_read_spawn_id(pid, guard->tag, &id)) agent = naos_agent_with_id(id);
  return agent;
}

static void kill_stray(const struct naos_guard *guard, pid_t pid, const struct naos_process_facts *facts) {
  // Its group dies in one stroke, before a member can fork out of reach. The group is its own or one within its
  // session, which is below the guard; the child is unreaped, so as a member it keeps the number taken.
  if (facts->group > 1 && facts->group != guard->pid && facts->session != guard->pid) kill(-facts->group, SIGKILL);
  kill(pid, SIGKILL);
}

static void blame(struct naos_guard *guard, struct naos_agent *owner) {
  if (owner) {
    owner->met = true;
    owner->left_behind++;
    return;
  }
  // It cannot be told whose it was: every end under way waits for it.
  for (struct naos_agent *agent = guard->agents; agent; agent = agent->next) {
    if (!agent->ending) continue;
    agent->met = true;
    agent->left_behind++;
  }
}

/// Looks at every child once: at strays, and only if `thorough` also at agents, each of which costs a system call. True
/// if one was reaped or began to end: its own children may be ours by now, so that the list is out of date.
static bool sweep(struct naos_guard *guard, bool thorough) {
  const pid_t *children;
  size_t count;
  for (struct naos_agent *agent = guard->agents; agent; agent = agent->next) {
    agent->met = false;
    agent->left_behind = 0;
  }
  if (!naos_list_children(guard->options & NAOS_GUARD_SCANS, &children, &count)) {
    // Without a list nothing can be said about strays; the ends wait until there is one or patience is used up.
    blame(guard, NULL);
    return false;
  }
  bool changed = false;
  for (size_t index = 0; index < count; index++) {
    pid_t pid = children[index];
    struct naos_agent *agent = naos_agent_with_pid(pid);
    if (agent) {
      if (thorough && !agent->ending && is_zombie(pid)) {
        begin_end(guard, agent);
        changed = true;
      }
      continue;
    }
    struct naos_process_facts facts;
    if (waitpid(pid, NULL, WNOHANG) == pid) {
      changed = true;
    } else if (naos_read_facts(pid, &facts)) {
      struct naos_agent *owner = owner_of(guard, pid, &facts);
      if (owner && !owner->ending) continue;
      kill_stray(guard, pid, &facts);
      blame(guard, owner);
    }
  }
  return changed;
}

/// Reaps strays and finds ended agents without a list, while no end is under way.
static void reap_simply(struct naos_guard *guard) {
  while (guard->ending == 0) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0) return;
    struct naos_agent *agent = naos_agent_with_pid(info.si_pid);
    if (agent) {
      begin_end(guard, agent);
    } else {
      waitpid(info.si_pid, NULL, WNOHANG);
    }
  }
}

bool naos_tend_children(struct naos_guard *guard) {
  reap_simply(guard);
  int rounds = 0;
  // One end among a thousand agents is the rule, and is not to cost a look at all of them.
  bool thorough = false;
  while (guard->ending > 0) {
    if (sweep(guard, thorough)) {
      if (++rounds < SWEEP_ROUNDS) continue;
      return true;
    }
    int64_t now = naos_milliseconds();
    struct naos_agent *next;
    for (struct naos_agent *agent = guard->agents; agent; agent = next) {
      next = agent->next;
      if (agent->ending && (is_over(guard, agent) || now >= agent->patience_ends)) finish(guard, agent);
    }
    if (guard->ending > 0 && thorough) return true;
    thorough = true;
    reap_simply(guard);
  }
  return false;
}

void naos_kill_everything(struct naos_guard *guard) {
  for (int hierarchy = NAOS_UNIFIED; hierarchy <= NAOS_FREEZER; hierarchy++)
    if (guard->places.base[hierarchy] >= 0)
      naos_group_kill(guard->places.own[hierarchy], guard->places.name, hierarchy);
  for (;;) {
    const pid_t *children;
    size_t count = 0;
    // Groups first, while their leaders are unreaped and keep the numbers taken.
    for (struct naos_agent *agent = guard->agents; agent; agent = agent->next) kill(-agent->pid, SIGKILL);
    bool listed = naos_list_children(guard->options & NAOS_GUARD_SCANS, &children, &count);
    for (size_t index = 0; listed && index < count; index++) {
      struct naos_process_facts facts;
      if (naos_agent_with_pid(children[index])) {
        kill(children[index], SIGKILL);
      } else if (naos_read_facts(children[index], &facts)) {
        kill_stray(guard, children[index], &facts);
      }
    }
    pid_t reaped;
    while ((reaped = waitpid(-1, NULL, WNOHANG)) > 0) {
      struct naos_agent *agent = naos_agent_with_pid(reaped);
      if (agent) naos_agent_remove(guard, agent);
    }
    if (reaped < 0 && errno == ECHILD) break;
    struct pollfd ready = {.fd = guard->child_signals, .events = POLLIN};
    if (poll(&ready, 1, 20) > 0) {
      char signals[4096];
      if (read(guard->child_signals, signals, sizeof signals) < 0) continue;
    }
  }
  naos_places_remove(&guard->places);
}
