// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Startup files, which others run by themselves for whoever works in a folder. Those that are there are kept; where there
// is none, nothing can be mounted, so the making of one is told.
#include "BoxInternal.h"

#include <string.h>

/// How `git` calls what it makes and does not run.
#define SAMPLE ".sample"

static bool is_sample(const char *path) {
  size_t length = strlen(path), end = sizeof SAMPLE - 1;
  return length >= end && strcmp(path + length - end, SAMPLE) == 0;
}

/// Whether a path, from one of its names on, is a place or in it.
static bool matches(const char *path, const char *place) {
  size_t length = strlen(place);
  if (strncmp(path, place, length) != 0) return false;
  return place[length - 1] == '/' ? path[length] != 0 : path[length] == 0;
}

/// Where a path goes on behind the folder that is granted to write and shows it; NULL if there is none.
static const char *path_in_grant(const struct naos_box *box, const char *path) {
  const char *rest = NULL;
  size_t longest = 0;
  for (uint32_t index = 0; index < box->order.entries; index++) {
    const struct naos_box_entry *entry = &box->entries[index];
    size_t length = strlen(entry->target);
    if (!naos_box_is_shown(entry) || length < longest) continue;
    if (strncmp(path, entry->target, length) != 0 || path[length] != '/') continue;
    longest = length;
    rest = entry->kind == NAOS_BOX_WRITE ? path + length + 1 : NULL;
  }
  return rest;
}

bool naos_box_is_startup_file(const struct naos_box *box, const char *path) {
  const char *start = path_in_grant(box, path);
  if (!start || is_sample(path)) return false;
  for (const char *rest = start; rest; rest = strchr(rest, '/') ? strchr(rest, '/') + 1 : NULL)
    for (uint32_t index = 0; index < box->order.entries; index++) {
      const struct naos_box_entry *entry = &box->entries[index];
      if (entry->kind != NAOS_BOX_STARTUP || !(rest == start || *entry->source == '*')) continue;
      if (matches(rest, entry->target)) return true;
    }
  return false;
}
