// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What no grant opens: names that are hidden, files that are only read, and the folders above both, which nobody in the
// sandbox can move away. Everything is done by descriptors: another agent may write to the same folder meanwhile.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static int open_place(int root, const char *path) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_IN_ROOT};
  return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/// Mounts what is at `source` onto `target`, read only or as it is.
static int cover(int target, int source, bool is_read_only) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
  int tree = (int)syscall(SYS_open_tree, source, "", flags);
  if (tree < 0) return errno;
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  long done = is_read_only ? syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) : 0;
  if (done == 0) done = syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  int error = done < 0 ? errno : 0;
  close(tree);
  return error;
}

/// Covers a name: a folder by an empty one, a file by nothing to read. What is not there need not be hidden.
static int hide(int root, const char *path, int nothing) {
  int target = open_place(root, path);
  if (target < 0) return errno == ENOENT || errno == ELOOP || errno == ENOTDIR ? 0 : errno;
  struct stat facts;
  int error = fstat(target, &facts) < 0 ? errno : 0;
  if (!error && S_ISDIR(facts.st_mode)) {
    char place[64];
    snprintf(place, sizeof place, "/proc/self/fd/%d", target);
    if (mount("naos", place, "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "size=4k,mode=0555") < 0) error = errno;
  } else if (!error && !S_ISLNK(facts.st_mode)) {
    // Not a device: who expects a file is to find one, if an empty one.
    error = cover(target, nothing, true);
  }
  close(target);
  return error;
}

/// Covers a name by itself: a mount is not renamed, removed or replaced. What is not there is nothing to hold; a link
/// would lead past it, and refuses the start.
static int hold(int root, const char *path, bool is_read_only) {
  int target = open_place(root, path);
  if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
  struct stat facts;
  int error = fstat(target, &facts) < 0 ? errno : S_ISLNK(facts.st_mode) ? ELOOP : 0;
  if (!error) error = cover(target, target, is_read_only);
  close(target);
  return error;
}

static int cover_kind(struct naos_box *box, int root, int kind, int nothing) {
  for (uint32_t index = 0; index < box->order.entries; index++) {
    const struct naos_box_entry *entry = &box->entries[index];
    if (entry->kind != kind) continue;
    int error = kind == NAOS_BOX_HIDE ? hide(root, entry->target, nothing)
                                      : hold(root, entry->target, kind == NAOS_BOX_KEEP);
    if (!error) continue;
    if (!box->failed_at) box->failed_at = entry->target;
    return error;
  }
  return 0;
}

int naos_box_cover_entries(struct naos_box *box, int root) {
  int error = naos_box_write_file(root, ".hidden", "");
  int nothing = error ? -1 : openat(root, ".hidden", O_PATH | O_CLOEXEC);
  if (nothing < 0) {
    box->failed_at = "an empty file";
    return error ? error : errno;
  }
  // Folders before what is in them: their mounts take along what is mounted below.
  error = cover_kind(box, root, NAOS_BOX_PIN, nothing);
  if (!error) error = cover_kind(box, root, NAOS_BOX_HIDE, nothing);
  if (!error) error = cover_kind(box, root, NAOS_BOX_KEEP, nothing);
  close(nothing);
  return error;
}
