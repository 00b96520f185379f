// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The guard's table of agents, found by spawn id and by pid.
#include "GuardInternal.h"

#include <stdlib.h>

#define BUCKETS 1024u

static struct naos_agent *by_id[BUCKETS];
static struct naos_agent *by_pid[BUCKETS];

struct naos_agent *naos_agent_add(struct naos_guard *guard, uint64_t id, pid_t pid) {
  struct naos_agent *agent = calloc(1, sizeof *agent);
  if (!agent) return NULL;
  agent->id = id;
  agent->pid = pid;
  agent->next_by_id = by_id[id % BUCKETS];
  by_id[id % BUCKETS] = agent;
  agent->next_by_pid = by_pid[(unsigned)pid % BUCKETS];
  by_pid[(unsigned)pid % BUCKETS] = agent;
  agent->next = guard->agents;
  if (guard->agents) guard->agents->previous = agent;
  guard->agents = agent;
  return agent;
}

struct naos_agent *naos_agent_with_id(uint64_t id) {
  struct naos_agent *agent = by_id[id % BUCKETS];
  while (agent && agent->id != id) agent = agent->next_by_id;
  return agent;
}

struct naos_agent *naos_agent_with_pid(pid_t pid) {
  struct naos_agent *agent = by_pid[(unsigned)pid % BUCKETS];
  while (agent && agent->pid != pid) agent = agent->next_by_pid;
  return agent;
}

void naos_agent_remove(struct naos_guard *guard, struct naos_agent *agent) {
  struct naos_agent **link = &by_id[agent->id % BUCKETS];
  while (*link != agent) link = &(*link)->next_by_id;
  *link = agent->next_by_id;
  link = &by_pid[(unsigned)agent->pid % BUCKETS];
  while (*link != agent) link = &(*link)->next_by_pid;
  *link = agent->next_by_pid;
  if (agent->previous) agent->previous->next = agent->next;
  if (agent->next) agent->next->previous = agent->previous;
  if (guard->agents == agent) guard->agents = agent->next;
  free(agent);
}
