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
static const char *const own_places[] = {"/usr/", "/lib",  "/bin/", "/sbin/", "/opt", "/etc/", "/proc/",
                                         "/sys/", "/dev/", NAOS_BOX_HOME "/", "/run/naos"};

static bool is_own(const char *path) {
  for (size_t index = 0; index < sizeof own_places / sizeof *own_places; index++)
    if (strncmp(path, own_places[index], strlen(own_places[index])) == 0) return !strstr(path, "/../");
  return false;
}

/// Puts the folder that a path is relative to before it.
static bool complete(char *path, size_t room, pid_t pid, int folder) {
  if (*path == '/') return true;
  char link[64], whole[PATH_MAX];
  if (folder == AT_FDCWD) snprintf(link, sizeof link, "%d/cwd", (int)pid);
  else snprintf(link, sizeof link, "%d/fd/%d", (int)pid, folder);
  ssize_t length = readlinkat(NAOS_BOX_PROCESSES, link, whole, sizeof whole - 1);
  if (length <= 0 || *whole != '/') return false;
  whole[length] = 0;
  size_t rest = strlen(path) + 1;
  size_t gap = length > 1 ? 1 : 0;
  if ((size_t)length + gap + rest > room) return false;
  memmove(path + length + gap, path, rest);
  memcpy(path, whole, (size_t)length);
  if (gap) path[length] = '/';
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

bool naos_box_misses_path(char *path, size_t room, pid_t pid, int folder, enum naos_box_wish wish) {
  return *path && !is_own(path) && complete(path, room, pid, folder) && !is_own(path) && is_refused(path, wish);
}
