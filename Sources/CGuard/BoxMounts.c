// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The file system of an agent: a small tmpfs onto which detached copies of mounts are moved. Every source is opened
// before anything is covered, and without following links: a path that an agent may write to could else be made to
// point elsewhere between two runs.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/// Where the new root is built; what it covers is only covered for the agent.
#define WORKSHOP "/tmp"

/// What every program may need, read only. Links, such as those of a merged `/usr`, are made anew.
static const char *const default_view[] = {
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt",
    // Loaders, certificates, time zones, names of services and types, and what Debian's links go through.
    "/etc/ld.so.cache", "/etc/ssl", "/etc/pki", "/etc/crypto-policies", "/etc/localtime", "/etc/timezone",
    "/etc/alternatives", "/etc/services", "/etc/protocols", "/etc/mime.types", "/etc/os-release"};
static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static int fail_at(struct naos_box *box, const char *what, int error) {
  if (!box->failed_at) box->failed_at = what;
  return error;
}

static bool is_device(const struct naos_box_entry *entry) { return strncmp(entry->source, "/dev/", 5) == 0; }

bool naos_box_plan_view(struct naos_box *box) {
  box->view = calloc(COUNT(default_view) + COUNT(devices), sizeof *box->view);
  if (!box->view) return false;
  for (size_t index = 0; index < COUNT(default_view) + COUNT(devices); index++) {
    const char *path = index < COUNT(default_view) ? default_view[index] : devices[index - COUNT(default_view)];
    struct stat facts;
    if (lstat(path, &facts) < 0) continue;
    box->view[box->view_count++] =
        (struct naos_box_entry){.kind = NAOS_BOX_READ, .source = path, .target = path, .tree = -1};
  }
  return true;
}

// ---- Sources -----------------------------------------------------------------------------------------------------

/// A user namespace that says how owners of files are to be seen: `from` on the disk is `to` for the agent.
static int mapping_namespace(uid_t from_uid, uid_t to_uid, gid_t from_gid, gid_t to_gid) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0) return -1;
  pid_t child = fork();
  if (child == 0) {
    char byte = unshare(CLONE_NEWUSER) < 0 ? (char)errno : 0;
    if (write(ready[1], &byte, 1) == 1) for (;;) pause();
    _exit(1);
  }
  close(ready[1]);
  char byte = 0, path[64], text[64];
  int found = -1, error = child < 0 ? errno : EIO;
  if (child > 0 && read(ready[0], &byte, 1) == 1 && (error = byte) == 0) {
    snprintf(path, sizeof path, "/proc/%d", (int)child);
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(text, sizeof text, "%u %u 1", from_uid, to_uid);
    error = folder < 0 ? errno : naos_group_write(folder, "uid_map", text);
    snprintf(text, sizeof text, "%u %u 1", from_gid, to_gid);
    if (!error) error = naos_group_write(folder, "gid_map", text);
    if (!error && (found = openat(folder, "ns/user", O_RDONLY | O_CLOEXEC)) < 0) error = errno;
    if (folder >= 0) close(folder);
  }
  close(ready[0]);
  if (child > 0) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  errno = error;
  return found;
}

/// Lets the agent own what the owner of the source owns. What is only read needs that less than it needs to be there.
static int map_owner(struct naos_box *box, const struct naos_box_entry *entry) {
  struct stat facts;
  if (fstatat(entry->tree, "", &facts, AT_EMPTY_PATH) < 0) return errno;
  if (box->users < 0 || box->owner != facts.st_uid || box->owner_group != facts.st_gid) {
    if (box->users >= 0) close(box->users);
    box->users = mapping_namespace(facts.st_uid, box->uid, facts.st_gid, box->gid);
    box->owner = facts.st_uid;
    box->owner_group = facts.st_gid;
    if (box->users < 0) return errno;
  }
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)box->users};
  long done = syscall(SYS_mount_setattr, entry->tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes);
  return done < 0 ? errno : 0;
}

static int set_attributes(int mount, const char *path, unsigned flags, uint64_t set, uint64_t clear) {
  struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};
  return syscall(SYS_mount_setattr, mount, path, flags, &attributes, sizeof attributes) < 0 ? errno : 0;
}

static int open_tree_of(struct naos_box_entry *entry) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_NO_SYMLINKS};
  long source = syscall(SYS_openat2, AT_FDCWD, entry->source, &how, sizeof how);
  if (source < 0) return errno;
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE;
  entry->tree = (int)syscall(SYS_open_tree, (int)source, "", flags);
  int error = entry->tree < 0 ? errno : 0;
  close((int)source);
  return error;
}

static int lock_entry(const struct naos_box_entry *entry) {
  uint64_t set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (entry->kind == NAOS_BOX_READ ? MOUNT_ATTR_RDONLY : 0);
  return set_attributes(entry->tree, "", AT_EMPTY_PATH | AT_RECURSIVE, set, 0);
}

int naos_box_try_mapping(const char *path) {
  struct naos_box box = {.users = -1};
  int error = naos_box_choose_ids(&box, 0);
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  struct naos_box_entry entry = {.tree = error ? -1 : (int)syscall(SYS_open_tree, AT_FDCWD, path, flags)};
  if (error || entry.tree < 0) return error ? error : errno;
  error = map_owner(&box, &entry);
  if (box.users >= 0) close(box.users);
  close(entry.tree);
  return error;
}

static bool is_link(const char *path) {
  struct stat facts;
  return lstat(path, &facts) == 0 && S_ISLNK(facts.st_mode);
}

int naos_box_open_sources(struct naos_box *box, bool early) {
  for (size_t index = 0; index < box->view_count; index++) {
    struct naos_box_entry *entry = &box->view[index];
    if (entry->tree >= 0 || is_link(entry->source)) continue;
    int error = open_tree_of(entry);
    if (error == EPERM && early) return 0;
    if (error) return fail_at(box, entry->source, error);
  }
  for (uint32_t index = 0; index < box->order.entries; index++) {
    struct naos_box_entry *entry = &box->entries[index];
    if (!naos_box_is_shown(entry) || entry->tree >= 0) continue;
    int error = open_tree_of(entry);
    if (!error) error = lock_entry(entry);
    if (!error && box->drops) {
      error = map_owner(box, entry);
      if (error && entry->kind == NAOS_BOX_READ) error = 0;
    }
    if (error) return fail_at(box, entry->source, error);
  }
  return 0;
}

// ---- The new root ------------------------------------------------------------------------------------------------

static int attach(int root, const struct naos_box_entry *entry) {
  struct stat facts;
  if (fstatat(entry->tree, "", &facts, AT_EMPTY_PATH) < 0) return errno;
  int target = naos_box_open_target(root, entry->target, !S_ISDIR(facts.st_mode));
  if (target < 0) return errno;
  unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  int error = syscall(SYS_move_mount, entry->tree, "", target, "", flags) < 0 ? errno : 0;
  close(target);
  close(entry->tree);
  return error;
}

/// Shows the devices, or everything but them.
static int show_view(struct naos_box *box, int root, bool shows_devices) {
  for (size_t index = 0; index < box->view_count; index++) {
    const struct naos_box_entry *entry = &box->view[index];
    if (is_device(entry) != shows_devices) continue;
    int error = 0;
    if (entry->tree >= 0) {
      error = attach(root, entry);
    } else {
      char link[256];
      ssize_t length = readlink(entry->source, link, sizeof link - 1);
      if (length < 0) return fail_at(box, entry->source, errno);
      link[length] = 0;
      if (symlinkat(link, root, entry->target + 1) < 0) error = errno;
    }
    if (error) return fail_at(box, entry->source, error);
  }
  return 0;
}

static int mount_memory(int root, const char *path, const char *options, unsigned long flags) {
  int target = naos_box_open_target(root, path, false);
  if (target < 0) return errno;
  char place[64];
  snprintf(place, sizeof place, "/proc/self/fd/%d", target);
  int error = mount("naos", place, "tmpfs", MS_NOSUID | MS_NODEV | flags, options) < 0 ? errno : 0;
  close(target);
  return error;
}

static int make_devices(int root) {
  int error = mount_memory(root, "/dev/shm", "size=16m,mode=1777", 0);
  static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                         {"/proc/self/fd/0", "dev/stdin"},
                                         {"/proc/self/fd/1", "dev/stdout"},
                                         {"/proc/self/fd/2", "dev/stderr"}};
  for (size_t index = 0; !error && index < COUNT(links); index++)
    if (symlinkat(links[index][0], root, links[index][1]) < 0) error = errno;
  return error;
}

/// The files that say who and where the agent is: nothing of the host's.
static int write_identity(const struct naos_box *box, int root) {
  static const char *const files[][2] = {
      {"etc/passwd", "root:x:0:0:root:/:/usr/sbin/nologin\nagent:x:1000:1000:agent:" NAOS_BOX_HOME ":/bin/sh\n"},
      {"etc/group", "root:x:0:\nagent:x:1000:\n"},
      {"etc/hostname", "agent\n"},
      {"etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n"},
      {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"}};
  int etc = naos_box_open_target(root, "/etc", false);
  if (etc < 0) return errno;
  close(etc);
  for (size_t index = 0; index < COUNT(files); index++) {
    int error = naos_box_write_file(root, files[index][0], files[index][1]);
    if (error) return error;
  }
  int hosts = openat(root, "etc/hosts", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0444);
  if (hosts < 0) return errno;
  int error = dprintf(hosts, "127.0.0.1 localhost agent\n") < 0 ? errno : naos_box_name_doors(box, hosts);
  close(hosts);
  return error;
}

/// The processes of the namespace, and of the kernel's settings only what may be read.
static int mount_processes(int root) {
  int target = naos_box_open_target(root, "/proc", false);
  if (target < 0) return errno;
  close(target);
  if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) return errno;
  if (mount("proc/sys", "proc/sys", NULL, MS_BIND | MS_REC, NULL) < 0) return errno;
  return set_attributes(AT_FDCWD, "proc/sys", AT_RECURSIVE,
                        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0);
}

static int show_entries(struct naos_box *box, int root) {
  for (uint32_t index = 0; index < box->order.entries; index++) {
    const struct naos_box_entry *entry = &box->entries[index];
    int error = naos_box_is_shown(entry) ? attach(root, entry) : 0;
    if (error) return fail_at(box, entry->target, error);
  }
  return 0;
}

static int furnish(struct naos_box *box, int root) {
  char options[64];
  unsigned long long room = box->order.temporary_bytes;
  int error = write_identity(box, root);
  if (error) return fail_at(box, "the files of /etc", error);
  if ((error = show_view(box, root, false))) return error;
  // All at once: a call for each mount costs more than the mount.
  error = set_attributes(root, "", AT_EMPTY_PATH | AT_RECURSIVE,
                         MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0);
  if (!error) error = set_attributes(root, "", AT_EMPTY_PATH, 0, MOUNT_ATTR_RDONLY);
  if (error) return fail_at(box, "a view that is read only", error);
  if ((error = show_view(box, root, true))) return error;
  if ((error = make_devices(root))) return fail_at(box, "/dev", error);
  snprintf(options, sizeof options, "size=%llu,mode=1777,nr_inodes=65536", room);
  if ((error = mount_memory(root, "/tmp", options, 0))) return fail_at(box, "/tmp", error);
  snprintf(options, sizeof options, "size=%llu,mode=0700,nr_inodes=65536", room);
  if ((error = mount_memory(root, NAOS_BOX_HOME, options, 0))) return fail_at(box, "HOME", error);
  if (box->output_place) {
    snprintf(options, sizeof options, "size=%llu,mode=0700,nr_inodes=1024", room);
    if ((error = mount_memory(root, box->output_place, options, 0))) return fail_at(box, "a folder for the output", error);
  }
  if ((error = show_entries(box, root))) return error;
  if ((error = naos_box_cover_entries(box, root))) return error;
  if ((error = mount_processes(root))) return fail_at(box, "/proc", error);
  return 0;
}

int naos_box_enter_view(struct naos_box *box) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return fail_at(box, "private mounts", errno);
  int error = naos_box_open_sources(box, false);
  if (error) return error;
  if (mount("naos", WORKSHOP, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=0755") < 0)
    return fail_at(box, "a file system in memory", errno);
  if (chdir(WORKSHOP) < 0) return fail_at(box, WORKSHOP, errno);
  int opened = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int root = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, 16);
  if (opened >= 0) close(opened);
  if (root < 0) return fail_at(box, WORKSHOP, errno);
  error = furnish(box, root);
  close(root);
  if (error) return error;
  // Both on the same place: the old root lies above the new one, and is let go.
  if (syscall(SYS_pivot_root, ".", ".") < 0) return fail_at(box, "pivot_root", errno);
  if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) return fail_at(box, "the old root", errno);
  error = set_attributes(AT_FDCWD, "/", 0, MOUNT_ATTR_RDONLY, 0);
  return error ? fail_at(box, "a root that is read only", error) : 0;
}
