// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int step_into(int folder, const char *name, bool is_file) {
  int flags = O_CLOEXEC | O_NOFOLLOW;
  int made = is_file ? openat(folder, name, O_CREAT | O_EXCL | O_WRONLY | flags, 0644) : mkdirat(folder, name, 0755);
  // A read-only folder says so before it says that the name is taken.
  if (made < 0 && errno != EEXIST && errno != EROFS && errno != EACCES) return -1;
  if (is_file && made >= 0) close(made);
  int next = openat(folder, name, O_PATH | flags);
  if (next < 0) return -1;
  struct stat facts;
  if (fstat(next, &facts) == 0 && !S_ISLNK(facts.st_mode) && S_ISDIR(facts.st_mode) != is_file) return next;
  close(next);
  errno = ELOOP;
  return -1;
}

int naos_box_open_target(int root, const char *path, bool is_file) {
  int folder = fcntl(root, F_DUPFD_CLOEXEC, 0);
  while (folder >= 0) {
    path += strspn(path, "/");
    if (!*path) return folder;
    char name[NAME_MAX + 1];
    size_t length = strcspn(path, "/");
    if (length > NAME_MAX || (length <= 2 && strspn(path, ".") >= length)) {
      close(folder);
      errno = length > NAME_MAX ? ENAMETOOLONG : EINVAL;
      return -1;
    }
    memcpy(name, path, length);
    name[length] = 0;
    path += length;
    bool is_last = path[strspn(path, "/")] == 0;
    int next = step_into(folder, name, is_file && is_last), error = errno;
    close(folder);
    errno = error;
    folder = next;
  }
  return folder;
}

int naos_box_write_file(int root, const char *path, const char *text) {
  int file = openat(root, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0444);
  if (file < 0) return errno;
  size_t length = strlen(text);
  ssize_t count = write(file, text, length);
  int error = count < 0 ? errno : (size_t)count == length ? 0 : EIO;
  close(file);
  return error;
}
