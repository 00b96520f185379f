// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// Which parts of a sandbox this machine has: each is tried, none is concluded from files or versions.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// Calls `part` in a child; what it returns has to fit into an exit code, as all errno values do.
static int32_t try_part(int (*part)(void)) {
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) _exit(part());
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static int user_namespace(void) {
  struct naos_box box = {.users = -1};
  int error = naos_box_choose_ids(&box, 1);
  if (error) return error;
  if (box.drops && (setresgid(box.gid, box.gid, box.gid) < 0 || setresuid(box.uid, box.uid, box.uid) < 0)) return errno;
  return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
}

static int with_user(int flag) {
  int error = user_namespace();
  if (error) return error;
  return unshare(flag) < 0 ? errno : 0;
}

static int mount_namespace(void) {
  int error = with_user(CLONE_NEWNS);
  if (error) return error;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return errno;
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/usr", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | 0x8000u);
  if (tree < 0) return errno;
  return mount("naos", "/tmp", "tmpfs", 0, "size=4k") < 0 ? errno : 0;
}

static int network_namespace(void) { return with_user(CLONE_NEWNET); }

/// With a `/proc` of its own, which containers that hide parts of theirs do not allow.
static int process_namespace(void) {
  int error = with_user(CLONE_NEWPID | CLONE_NEWNS);
  if (error) return error;
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) _exit(errno);
    _exit(mount("proc", "/proc", "proc", 0, NULL) < 0 ? errno : 0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static int filter(void) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
  return naos_box_filter_calls(NULL, false);
}

static int listener(void) {
  int found = -1;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
  int error = naos_box_filter_calls(&found, false);
  return error ? error : found < 0 ? ENOSYS : 0;
}

static int mapped_mount(void) { return naos_box_try_mapping("."); }

void naos_probe_box(struct naos_box_parts *parts) {
  parts->user = try_part(user_namespace);
  parts->mounts = try_part(mount_namespace);
  parts->network = try_part(network_namespace);
  parts->processes = try_part(process_namespace);
  // Whoever is no root shows folders to an agent of its own uid, and needs none.
  parts->mapped_mounts = geteuid() == 0 ? try_part(mapped_mount) : 0;
  parts->filter = try_part(filter);
  parts->listener = try_part(listener);
  parts->landlock = naos_landlock_version();
}
