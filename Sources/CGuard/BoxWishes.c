// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Paths that a program asks for and does not get. Whether the node has them is for the node to find out: in here what is
// hidden and what is nowhere look alike.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/// What every sandbox has, or has of its own: nothing there is for a grant to change.
static const char *const own_places[] = {"/usr",    "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin", "/opt",
                                         "/etc",    "/proc", "/sys",  "/dev",   "/tmp",    NAOS_BOX_HOME, "/run/naos"};

/// Whether a plain path is a place or in it.
static bool is_within(const char *path, const char *place) {
  size_t length = strlen(place);
  return strncmp(path, place, length) == 0 && (path[length] == 0 || path[length] == '/');
}

static bool is_own(const struct naos_box *box, const char *path) {
  bool is_own = false;
  for (size_t index = 0; index < sizeof own_places / sizeof *own_places; index++)
    if (is_within(path, own_places[index])) is_own = true;
  // What is shown there is another's.
  for (uint32_t index = 0; is_own && index < box->order.entries; index++)
    if (naos_box_is_shown(&box->entries[index]) && is_within(path, box->entries[index].target)) return false;
  return is_own;
}

/// Puts the folder that a path is relative to before it. What the kernel says of that folder holds no links.
static bool complete(char *path, size_t room, pid_t pid, int folder) {
  if (*path == '/') return true;
  char link[64], whole[PATH_MAX];
  if (folder == AT_FDCWD) snprintf(link, sizeof link, "%d/cwd", (int)pid);
  else snprintf(link, sizeof link, "%d/fd/%d", (int)pid, folder);
  ssize_t length = readlinkat(NAOS_BOX_PROCESSES, link, whole, sizeof whole - 1);
  if (length <= 0 || *whole != '/') return false;
  whole[length] = 0;
  // `..` at the beginning leads to the folder above.
  const char *rest = path;
  for (;;) {
    while (*rest == '/') rest++;
    if (rest[0] == '.' && (rest[1] == '/' || rest[1] == 0)) rest += 1;
    else if (rest[0] == '.' && rest[1] == '.' && (rest[2] == '/' || rest[2] == 0)) {
      *strrchr(whole, '/') = 0;
      if (!*whole) strcpy(whole, "/");
      rest += 2;
    } else break;
  }
  size_t above = strlen(whole), length_of_rest = strlen(rest) + 1;
  if (above + 1 + length_of_rest > room) return false;
  memmove(path + above + 1, rest, length_of_rest);
  memcpy(path, whole, above);
  path[above] = '/';
  return true;
}

/// Leaves out what says nothing: `//`, `/.` and a slash at the end. False with `..`, which leads wherever a link before it does.
static bool make_plain(char *path) {
  char *end = path;
  for (const char *rest = path; *rest;) {
    while (*rest == '/') rest++;
    size_t length = strcspn(rest, "/");
    if (length == 2 && rest[0] == '.' && rest[1] == '.') return false;
    if (length > 0 && !(length == 1 && *rest == '.')) {
      *end++ = '/';
      memmove(end, rest, length);
      end += length;
    }
    rest += length;
  }
  if (end == path) *end++ = '/';
  *end = 0;
  return true;
}

static bool may_make(const char *path) {
  char folder[NAOS_REFUSAL_TEXT];
  snprintf(folder, sizeof folder, "%s", path);
  char *slash = strrchr(folder, '/');
  if (!slash) return true;
  slash[slash == folder] = 0;
  return access(folder, W_OK | X_OK) == 0;
}

/// Whether the kernel is going to refuse it for want of a grant.
static bool is_refused(const char *path, enum naos_box_wish wish) {
  int mode = wish == NAOS_BOX_WISH_READ ? R_OK : wish == NAOS_BOX_WISH_FOLDER ? F_OK : W_OK;
  if (access(path, mode) == 0) return false;
  if (errno == ENOENT && (wish == NAOS_BOX_WISH_MAKE || wish == NAOS_BOX_WISH_FOLDER)) return !may_make(path);
  return errno == ENOENT || errno == EACCES || errno == EROFS || errno == EPERM;
}

bool naos_box_make_whole(char *path, size_t room, pid_t pid, int folder) {
  return *path && complete(path, room, pid, folder) && make_plain(path);
}

bool naos_box_misses_path(const struct naos_box *box, const char *path, enum naos_box_wish wish) {
  return !is_own(box, path) && is_refused(path, wish);
}
