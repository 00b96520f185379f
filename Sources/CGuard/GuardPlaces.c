// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Where control groups can be made: below the one that the caller itself is in, and nowhere else. A guard has one
// group in each hierarchy that it uses, named after the guard, so that whatever a guard left can be told from what
// belongs to somebody else:
//
//   naos-<pid>-<start time>-<pid namespace>-<tag>
#include "GuardInternal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/// A table of mounts beyond this is not read further.
#define MOUNTS_LIMIT (4u << 20)
/// Where the node itself goes when its own group has to be free of processes.
#define NODE_GROUP "naos-node"

static const char *const controllers[NAOS_HIERARCHIES] = {
    [NAOS_FREEZER] = "freezer", [NAOS_MEMORY] = "memory", [NAOS_PIDS] = "pids", [NAOS_CPU] = "cpu"};

const char *naos_controller(int hierarchy) { return controllers[hierarchy]; }

/// Whether `word` is one of the words between commas of `list`.
static bool has_word(const char *list, size_t length, const char *word) {
  size_t size = strlen(word);
  while (length > 0) {
    const char *comma = memchr(list, ',', length);
    size_t part = comma ? (size_t)(comma - list) : length;
    if (part == size && memcmp(list, word, size) == 0) return true;
    if (!comma) return false;
    list += part + 1;
    length -= part + 1;
  }
  return false;
}

/// The path of a process in a hierarchy, from the text of `/proc/<pid>/cgroup`.
static bool find_membership(const char *text, int hierarchy, const char **path, size_t *length) {
  for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    const char *list = strchr(line, ':');
    const char *end = line + strcspn(line, "\n");
    const char *colon = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;
    if (!list || list > end || !colon) continue;
    list++;
    size_t size = (size_t)(colon - list);
    if (hierarchy == NAOS_UNIFIED ? size != 0 || line[0] != '0' : !has_word(list, size, controllers[hierarchy])) continue;
    *path = colon + 1;
    *length = (size_t)(end - colon - 1);
    return true;
  }
  return false;
}

struct mount {
  const char *root, *point, *kind, *options;
  size_t root_length, point_length, kind_length, options_length;
};

/// Takes a line of `/proc/<pid>/mountinfo` apart.
static bool read_mount(const char *line, size_t length, struct mount *mount) {
  const char *fields[64];
  size_t lengths[64], count = 0, dash = 0;
  for (const char *end = line + length; line < end && count < 64;) {
    const char *space = memchr(line, ' ', (size_t)(end - line));
    size_t size = space ? (size_t)(space - line) : (size_t)(end - line);
    if (size == 1 && *line == '-' && dash == 0) dash = count;
    fields[count] = line;
    lengths[count++] = size;
    line += size + 1;
  }
  if (dash < 6 || dash + 3 >= count) return false;
  *mount = (struct mount){.root = fields[3], .root_length = lengths[3], .point = fields[4], .point_length = lengths[4],
                          .kind = fields[dash + 1], .kind_length = lengths[dash + 1],
                          .options = fields[dash + 3], .options_length = lengths[dash + 3]};
  return true;
}

static bool is_mount_of(const struct mount *mount, int hierarchy) {
  if (hierarchy == NAOS_UNIFIED) return mount->kind_length == 7 && memcmp(mount->kind, "cgroup2", 7) == 0;
  return mount->kind_length == 6 && memcmp(mount->kind, "cgroup", 6) == 0 &&
         has_word(mount->options, mount->options_length, controllers[hierarchy]);
}

bool naos_locate_group(const char *mounts, const char *memberships, int hierarchy, char *path, size_t capacity) {
  const char *own;
  size_t own_length;
  if (!find_membership(memberships, hierarchy, &own, &own_length)) return false;
  const char *suffix = "/" NODE_GROUP;
  if (own_length >= strlen(suffix) && memcmp(own + own_length - strlen(suffix), suffix, strlen(suffix)) == 0)
    own_length -= strlen(suffix);
  for (const char *line = mounts; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    struct mount mount;
    if (!read_mount(line, strcspn(line, "\n"), &mount) || !is_mount_of(&mount, hierarchy)) continue;
    // What the mount shows begins at its root; a group beside or above that cannot be reached through it.
    size_t skipped = mount.root_length == 1 ? 0 : mount.root_length;
    if (own_length < skipped || memcmp(own, mount.root, skipped) != 0) continue;
    if (own_length > skipped && own[skipped] != '/') continue;
    if (memchr(mount.point, '\\', mount.point_length)) continue;
    int size = snprintf(path, capacity, "%.*s%.*s", (int)mount.point_length, mount.point, (int)(own_length - skipped),
                        own + skipped);
    if (size > 0 && (size_t)size < capacity && !strstr(path, "/..")) return true;
  }
  return false;
}

static char *read_whole(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  size_t capacity = 16384, size = 0;
  char *text = malloc(capacity);
  while (text) {
    ssize_t count = read(fd, text + size, capacity - size - 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    size += (size_t)count;
    if (capacity - size > 1) continue;
    char *grown = capacity < MOUNTS_LIMIT ? realloc(text, capacity * 2) : NULL;
    if (!grown) break;
    text = grown;
    capacity *= 2;
  }
  close(fd);
  if (text) text[size] = 0;
  return text;
}

static int open_own(const char *path, int hierarchy) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct statfs facts;
  if (fd < 0) return -1;
  // A folder of that name on an ordinary file system holds nobody.
  if (fstatfs(fd, &facts) == 0 && facts.f_type == (hierarchy == NAOS_UNIFIED ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
    return fd;
  close(fd);
  return -1;
}

void naos_places_open(struct naos_places *places) {
  char *mounts = read_whole("/proc/self/mountinfo"), *memberships = read_whole("/proc/self/cgroup");
  char path[4096];
  for (int hierarchy = 0; hierarchy < NAOS_HIERARCHIES; hierarchy++) {
    places->own[hierarchy] = places->base[hierarchy] = -1;
    if (mounts && memberships && naos_locate_group(mounts, memberships, hierarchy, path, sizeof path))
      places->own[hierarchy] = open_own(path, hierarchy);
  }
  const char *own;
  size_t length;
  places->at_root = memberships && find_membership(memberships, NAOS_UNIFIED, &own, &length) && length == 1;
  free(mounts);
  free(memberships);
}

void naos_places_close(struct naos_places *places) {
  for (int hierarchy = 0; hierarchy < NAOS_HIERARCHIES; hierarchy++) {
    if (places->own[hierarchy] >= 0) close(places->own[hierarchy]);
    if (places->base[hierarchy] >= 0) close(places->base[hierarchy]);
    places->own[hierarchy] = places->base[hierarchy] = -1;
  }
}

static unsigned long long pid_namespace(void) {
  struct stat facts;
  return stat("/proc/self/ns/pid", &facts) == 0 ? (unsigned long long)facts.st_ino : 0;
}

void naos_name_base(struct naos_places *places, const char *tag) {
  struct naos_process_facts facts;
  if (!naos_read_facts(getpid(), &facts)) facts.started = 0;
  snprintf(places->name, sizeof places->name, "naos-%d-%llu-%llu-%s", (int)getpid(), (unsigned long long)facts.started,
           pid_namespace(), tag);
}

int naos_base(struct naos_places *places, int hierarchy) {
  if (places->base[hierarchy] < 0 && places->own[hierarchy] >= 0 && places->name[0]) {
    int own = places->own[hierarchy];
    if (mkdirat(own, places->name, 0755) == 0 || errno == EEXIST)
      places->base[hierarchy] = openat(own, places->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  }
  return places->base[hierarchy];
}

// ---- Controllers of the unified hierarchy ------------------------------------------------------------------------

/// Whether the group was handed over to whoever runs in it: by a namespace of its own, or by the service manager.
static bool is_ours(const struct naos_places *places) {
  char value = 0;
  int own = places->own[NAOS_UNIFIED];
  return places->at_root || (fgetxattr(own, "trusted.delegate", &value, 1) == 1 && value == '1') ||
         (fgetxattr(own, "user.delegate", &value, 1) == 1 && value == '1');
}

static bool lists(int directory, const char *file, const char *word) {
  char text[512];
  if (naos_group_read(directory, file, text, sizeof text) < 0) return false;
  for (char *cursor = text; *cursor; cursor++)
    if (*cursor == ' ' || *cursor == '\n') *cursor = ',';
  return has_word(text, strlen(text), word);
}

/// Puts the node and what belongs to it into a group of their own: a group with processes cannot hand controllers on.
static bool step_aside(const struct naos_places *places, const pid_t *pids, size_t count) {
  int own = places->own[NAOS_UNIFIED];
  if (mkdirat(own, NODE_GROUP, 0755) < 0 && errno != EEXIST) return false;
  for (size_t index = 0; index < count; index++) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pids[index]);
    if (pids[index] > 0 && naos_group_write(own, NODE_GROUP "/cgroup.procs", text) != 0) return false;
  }
  return true;
}

bool naos_enable_controller(struct naos_places *places, int hierarchy, const pid_t *pids, size_t count) {
  int base = naos_base(places, NAOS_UNIFIED), own = places->own[NAOS_UNIFIED];
  const char *name = controllers[hierarchy];
  char word[32];
  if (base < 0 || !lists(own, "cgroup.controllers", name)) return false;
  // Asked for nobody, it is to be told and not done.
  if (!pids) return lists(own, "cgroup.subtree_control", name) || is_ours(places);
  if (lists(base, "cgroup.subtree_control", name)) return true;
  snprintf(word, sizeof word, "+%s", name);
  if (!lists(own, "cgroup.subtree_control", name)) {
    if (!is_ours(places)) return false;
    int error = naos_group_write(own, "cgroup.subtree_control", word);
    if (error == EBUSY && step_aside(places, pids, count)) error = naos_group_write(own, "cgroup.subtree_control", word);
    if (error) return false;
  }
  return naos_group_write(base, "cgroup.subtree_control", word) == 0;
}

// ---- What guards leave behind ------------------------------------------------------------------------------------

/// Whether the entry is a guard's group: the one of the guard with `tag`, or else one whose guard is gone.
static bool is_left(const char *name, const char *tag) {
  int pid, used = 0;
  unsigned long long started, namespace;
  if (sscanf(name, "naos-%d-%llu-%llu-%n", &pid, &started, &namespace, &used) != 3 || used == 0) return false;
  if (tag) return strcmp(name + used, tag) == 0;
  // A guard of another pid namespace may live; its number says nothing here.
  struct naos_process_facts facts;
  if (namespace != pid_namespace()) return false;
  return !naos_read_facts(pid, &facts) || facts.started != started || facts.state == 'Z';
}

static int end_left(int own, int hierarchy, const char *tag) {
  int left = 0;
  int listing = openat(own, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = listing < 0 ? NULL : fdopendir(listing);
  if (!directory) return 0;
  struct dirent *entry;
  struct stat facts;
  while ((entry = readdir(directory))) {
    if (!is_left(entry->d_name, tag)) continue;
    if (fstatat(own, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) < 0 || facts.st_uid != geteuid()) continue;
    naos_group_kill(own, entry->d_name, hierarchy);
    if (!naos_group_remove(own, entry->d_name, NAOS_GROUP_DEPTH)) left++;
  }
  closedir(directory);
  return left;
}

int naos_end_groups(const char *tag) {
  struct naos_places places;
  int left = 0;
  naos_places_open(&places);
  for (int hierarchy = 0; hierarchy < NAOS_HIERARCHIES; hierarchy++)
    if (places.own[hierarchy] >= 0) left += end_left(places.own[hierarchy], hierarchy, tag);
  naos_places_close(&places);
  return left;
}

void naos_places_remove(struct naos_places *places) {
  for (int hierarchy = 0; hierarchy < NAOS_HIERARCHIES; hierarchy++)
    if (places->base[hierarchy] >= 0) naos_group_remove(places->own[hierarchy], places->name, NAOS_GROUP_DEPTH);
}
