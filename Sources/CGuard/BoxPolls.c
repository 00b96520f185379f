// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Watches of epoll instances. The kernel counts them for each user (`fs.epoll.max_user_watches`), and agents of an ordinary
// user's node are that user: one that took them all would take them from the node, which cannot serve anybody without. So a
// sandbox has a part of them. Only the making of one is asked about, as its end is not always a call; so whenever as many
// were made as there may be, those that there are are counted.
#include "BoxInternal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Which part of the user's watches a sandbox may have, and how many in any case.
#define PART 64
#define LEAST_WATCHES 1024
/// A count that takes longer is none, and how soon one that found too many is made again.
#define COUNT_MILLISECONDS 200
#define PAUSE_MILLISECONDS 100
#define SAME_FILES 2 /* KCMP_FILES */
#define CHUNK 16384

/// The most that there may be; 0: not known, and nothing is counted. How many there were when they were counted last,
/// and how many were made since.
static uint64_t most, counted, made;
static int64_t next_count;
static pid_t init_process;

void naos_box_open_polls(pid_t init) {
  init_process = init;
  char text[32];
  if (naos_group_read(NAOS_BOX_PROCESSES, "sys/fs/epoll/max_user_watches", text, sizeof text) <= 0) return;
  most = strtoull(text, NULL, 10) / PART;
  if (most < LEAST_WATCHES) most = LEAST_WATCHES;
}

// ---- Whose processes they are ------------------------------------------------------------------------------------

struct process {
  pid_t pid, parent;
  bool is_ours;
};
struct processes {
  struct process *all;
  size_t count, room;
};

static pid_t parent_of(const char *pid) {
  char path[32], text[512];
  snprintf(path, sizeof path, "%.16s/stat", pid);
  if (naos_group_read(NAOS_BOX_PROCESSES, path, text, sizeof text) <= 0) return -1;
  // A name may have anything in it, and ends with the last bracket.
  const char *end = strrchr(text, ')');
  int parent;
  return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : -1;
}

static bool list_processes(struct processes *found) {
  int listing = openat(NAOS_BOX_PROCESSES, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = listing < 0 ? NULL : fdopendir(listing);
  if (!directory) return false;
  struct dirent *entry;
  bool is_whole = true;
  while (is_whole && (entry = readdir(directory))) {
    if (*entry->d_name < '1' || *entry->d_name > '9') continue;
    if (found->count == found->room) {
      found->room = found->room ? 2 * found->room : 1024;
      struct process *more = realloc(found->all, found->room * sizeof *more);
      is_whole = more != NULL;
      if (!more) break;
      found->all = more;
    }
    pid_t parent = parent_of(entry->d_name);
    if (parent < 0) continue;
    found->all[found->count++] = (struct process){.pid = atoi(entry->d_name), .parent = parent};
  }
  closedir(directory);
  return is_whole;
}

static bool is_ours(const struct processes *found, pid_t pid) {
  for (size_t index = 0; index < found->count; index++)
    if (found->all[index].pid == pid) return found->all[index].is_ours;
  return false;
}

/// Those below the keeper: who lost its parent has the namespace's first process for one.
static void mark_own(struct processes *found, pid_t keeper) {
  for (bool changes = true; changes;) {
    changes = false;
    for (size_t index = 0; index < found->count; index++) {
      struct process *process = &found->all[index];
      if (process->is_ours || (process->parent != keeper && !is_ours(found, process->parent))) continue;
      process->is_ours = changes = true;
    }
  }
}

// ---- What they have open -----------------------------------------------------------------------------------------

/// How many lines of a file begin with that word; and the last number behind it.
static uint64_t lines_with(int folder, const char *name, const char *word, uint64_t *number) {
  int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[CHUNK + 1];
  size_t kept = 0, length = strlen(word);
  uint64_t lines = 0;
  for (ssize_t count; (count = read(file, text + kept, CHUNK - kept)) > 0;) {
    size_t size = kept + (size_t)count;
    text[size] = 0;
    char *line = text;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
      if (strncmp(line, word, length) != 0) continue;
      lines++;
      *number = strtoull(line + length, NULL, 10);
    }
    kept = (size_t)(text + size - line);
    if (kept >= CHUNK) break;
    memmove(text, line, kept);
  }
  close(file);
  return lines;
}

/// Adds the watches of what a table of open files holds; false if it cannot be seen, or some of it is on its way between
/// processes, where nobody sees it.
static bool add_table(const char *task, uint64_t *watches, int64_t ends) {
  char path[64];
  snprintf(path, sizeof path, "%s/fdinfo", task);
  int facts = openat(NAOS_BOX_PROCESSES, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (facts < 0) return errno == ENOENT || errno == ESRCH;
  snprintf(path, sizeof path, "%s/fd", task);
  int listing = openat(NAOS_BOX_PROCESSES, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = listing < 0 ? NULL : fdopendir(listing);
  bool is_seen = directory || errno == ENOENT || errno == ESRCH;
  struct dirent *entry;
  while (is_seen && directory && (entry = readdir(directory))) {
    char link[64];
    ssize_t length = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
    if (length <= 0) continue;
    link[length] = 0;
    uint64_t number = 0;
    if (strcmp(link, "anon_inode:[eventpoll]") == 0) *watches += lines_with(facts, entry->d_name, "tfd:", &number);
    else if (strncmp(link, "socket:", 7) == 0 && lines_with(facts, entry->d_name, "scm_fds:", &number) > 0)
      is_seen = number == 0;
    if (*watches > most || naos_milliseconds() > ends) is_seen = false;
  }
  if (directory) closedir(directory);
  close(facts);
  return is_seen;
}

/// Threads may have tables of their own.
static bool add_process(pid_t pid, uint64_t *watches, int64_t ends) {
  char path[64];
  snprintf(path, sizeof path, "%d/task", (int)pid);
  int listing = openat(NAOS_BOX_PROCESSES, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = listing < 0 ? NULL : fdopendir(listing);
  if (!directory) return errno == ENOENT || errno == ESRCH;
  struct dirent *entry;
  bool is_seen = true;
  while (is_seen && (entry = readdir(directory))) {
    pid_t thread = atoi(entry->d_name);
    if (thread <= 0 || (thread != pid && syscall(SYS_kcmp, pid, thread, SAME_FILES, 0ul, 0ul) == 0)) continue;
    snprintf(path, sizeof path, "%d/task/%d", (int)pid, (int)thread);
    is_seen = add_table(path, watches, ends);
  }
  closedir(directory);
  return is_seen;
}

static bool count_watches(uint64_t *watches) {
  int64_t ends = naos_milliseconds() + COUNT_MILLISECONDS;
  struct processes found = {.all = NULL};
  bool is_seen = list_processes(&found);
  if (is_seen) mark_own(&found, getpid());
  for (size_t index = 0; is_seen && index < found.count; index++)
    if (found.all[index].is_ours && found.all[index].pid != init_process)
      is_seen = add_process(found.all[index].pid, watches, ends);
  free(found.all);
  return is_seen;
}

bool naos_box_allows_watch(void) {
  if (most == 0 || counted + made < most) {
    made++;
    return true;
  }
  int64_t now = naos_milliseconds();
  if (now < next_count) return false;
  uint64_t watches = 0;
  if (count_watches(&watches) && watches < most) {
    counted = watches;
    made = 1;
    return true;
  }
  next_count = naos_milliseconds() + PAUSE_MILLISECONDS;
  return false;
}
