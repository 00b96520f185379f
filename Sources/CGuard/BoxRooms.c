// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What is bounded in a sandbox and says no by itself: the file systems in memory, and the table of open files. The kernel
// counts nowhere how often it said that, so the keeper looks: soon after somebody opened a file to write, again while it
// fills, ever more rarely while nothing changes, and when the main process has ended. What was full and empty again in
// between is not seen.
#include "BoxInternal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/// How often at most, and at least.
#define SHORTEST_PAUSE_MILLISECONDS 10
#define LONGEST_PAUSE_MILLISECONDS 60000
/// While nothing changes each pause is so many times the one before.
#define SLOWS_BY 4
/// How much of the time that is left until it is full at that speed may pass: one part in so many.
#define WATCHES_PARTS 4

/// Where they are, and what is told of one that has no room, or as many files as it may have.
static struct room {
  const char *place, *room, *files;
  int opened;
  uint64_t used, made;
  bool told_room, told_files;
} rooms[] = {{.place = "/tmp", .room = "limits.disk (/tmp)", .files = "/tmp (files)"},
             {.place = NAOS_BOX_HOME, .room = "limits.disk (" NAOS_BOX_HOME ")", .files = NAOS_BOX_HOME " (files)"},
             {.place = "/dev/shm", .room = "/dev/shm", .files = "/dev/shm (files)"},
             {.place = NULL, .room = "limits.disk (output)", .files = "output (files)"}};
#define ROOMS (sizeof rooms / sizeof *rooms)

static int64_t looked_at, due, pause_length = SHORTEST_PAUSE_MILLISECONDS;
static bool told_open_files;

/// A grant in its place is no file system of ours.
static bool is_covered(const struct naos_box *box, const char *place) {
  for (uint32_t index = 0; index < box->order.entries; index++)
    if (naos_box_is_shown(&box->entries[index]) && strcmp(box->entries[index].target, place) == 0) return true;
  return false;
}

void naos_box_open_rooms(const struct naos_box *box) {
  for (size_t index = 0; index < ROOMS; index++) {
    struct room *room = &rooms[index];
    if (!room->place) room->place = box->output_place;
    bool is_ours = room->place && !is_covered(box, room->place);
    room->opened = is_ours ? open(room->place, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    struct statfs facts;
    if (room->opened < 0 || fstatfs(room->opened, &facts) < 0) continue;
    room->used = facts.f_blocks - facts.f_bfree;
    room->made = facts.f_files - facts.f_ffree;
  }
  looked_at = naos_milliseconds();
  due = looked_at + pause_length;
}

/// When to look again at something that changes by `change` in `elapsed` milliseconds and has `left` to go.
static int64_t until_full(int64_t elapsed, uint64_t change, uint64_t left) {
  if (change == 0) return LONGEST_PAUSE_MILLISECONDS;
  double pause = (double)elapsed * (double)left / (double)change / WATCHES_PARTS;
  return pause < 1 ? 1 : pause < LONGEST_PAUSE_MILLISECONDS ? (int64_t)pause : LONGEST_PAUSE_MILLISECONDS;
}

static uint64_t distance(uint64_t one, uint64_t other) { return one > other ? one - other : other - one; }

/// Tells of one that is full, once. Returns when to look again, or 0 if nothing has changed.
static int64_t look_at(struct room *room, int report, int64_t elapsed) {
  struct statfs facts;
  if (room->opened < 0 || (room->told_room && room->told_files) || fstatfs(room->opened, &facts) < 0) return 0;
  uint64_t used = facts.f_blocks - facts.f_bfree, made = facts.f_files - facts.f_ffree;
  uint64_t change = distance(used, room->used), births = distance(made, room->made);
  room->used = used;
  room->made = made;
  if (!room->told_room && facts.f_blocks > 0 && facts.f_bfree <= 1) {
    room->told_room = true;
    naos_box_count(report, NAOS_REFUSED_ROOM, 0, room->room, 1);
  }
  if (!room->told_files && facts.f_files > 0 && facts.f_ffree == 0) {
    room->told_files = true;
    naos_box_count(report, NAOS_REFUSED_ROOM, 0, room->files, 1);
  }
  if (change == 0 && births == 0) return 0;
  int64_t blocks = until_full(elapsed, change, facts.f_bfree), files = until_full(elapsed, births, facts.f_ffree);
  return blocks < files ? blocks : files;
}

static void look(int report, int64_t now) {
  int64_t next = LONGEST_PAUSE_MILLISECONDS;
  bool changes = false;
  for (size_t index = 0; index < ROOMS; index++) {
    int64_t pause = look_at(&rooms[index], report, now - looked_at);
    if (pause > 0) changes = true;
    if (pause > 0 && pause < next) next = pause;
  }
  if (!changes) next = pause_length * SLOWS_BY;
  pause_length = next < SHORTEST_PAUSE_MILLISECONDS  ? SHORTEST_PAUSE_MILLISECONDS
                 : next > LONGEST_PAUSE_MILLISECONDS ? LONGEST_PAUSE_MILLISECONDS
                                                     : next;
  looked_at = now;
  due = now + pause_length;
}

int naos_box_look_at_rooms(const struct naos_box *box, int report, pid_t pid) {
  int64_t now = naos_milliseconds();
  if (now >= due) {
    look(report, now);
    naos_box_look_at_files(box, report, pid);
  }
  return (int)(due - now);
}

void naos_box_look_at_last(int report) {
  look(report, naos_milliseconds());
}

void naos_box_expect_writing(void) {
  int64_t soon = naos_milliseconds() + SHORTEST_PAUSE_MILLISECONDS;
  if (due <= soon) return;
  due = soon;
  pause_length = SHORTEST_PAUSE_MILLISECONDS;
}

void naos_box_look_at_files(const struct naos_box *box, int report, pid_t pid) {
  if (box->order.files == 0 || told_open_files) return;
  char path[32];
  struct stat facts;
  snprintf(path, sizeof path, "%d/fd", (int)pid);
  // How many there are, since 6.2; before, always 0.
  if (fstatat(NAOS_BOX_PROCESSES, path, &facts, 0) < 0 || facts.st_size < (off_t)box->order.files) return;
  told_open_files = true;
  naos_box_count(report, NAOS_REFUSED_ROOM, 0, "limits.files", 1);
}
