// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What holds even where a mount or a namespace would not: no privileges, and Landlock. The third is in BoxFilter.c.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int naos_box_drop_privileges(struct naos_box *box, bool executes) {
  box->failed_at = "no_new_privs";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
  box->failed_at = "the privileges";
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return errno;
  // The kernel says EINVAL behind the last one that it knows.
  for (unsigned long capability = 0; executes; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      if (errno != EINVAL || capability == 0) return errno;
      break;
    }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2];
  memset(none, 0, sizeof none);
  if (syscall(SYS_capset, &header, none) < 0) return errno;
  box->failed_at = NULL;
  return 0;
}

// ---- Landlock ----------------------------------------------------------------------------------------------------

// The kernel's own numbers: the header of the machine that this is built on may be older than the kernel that it runs on.
#define LANDLOCK_EXECUTE (1ull << 0)
#define LANDLOCK_READ_FILE (1ull << 2)
#define LANDLOCK_READ_DIR (1ull << 3)
#define LANDLOCK_WRITE_FILE (1ull << 1)
#define LANDLOCK_TRUNCATE (1ull << 14)
#define LANDLOCK_IOCTL_DEV (1ull << 15)
/// Rights that can be granted for a file that is no folder.
#define LANDLOCK_OF_FILES \
  (LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | LANDLOCK_TRUNCATE | LANDLOCK_IOCTL_DEV)
#define LANDLOCK_VERSION_QUERY 1u
#define LANDLOCK_BENEATH 1
/// Abstract sockets and signals of who is outside.
#define LANDLOCK_SCOPES 3ull

struct ruleset {
  uint64_t files, network, scopes;
};
struct __attribute__((packed)) beneath {
  uint64_t allowed;
  int32_t folder;
};

int naos_landlock_version(void) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_QUERY);
  return version < 0 ? 0 : (int)version;
}

static uint64_t rights_of(int version) {
  if (version < 2) return (1ull << 13) - 1;
  if (version < 3) return (1ull << 14) - 1;
  return version < 5 ? (1ull << 15) - 1 : (1ull << 16) - 1;
}

static int allow(int rules, const char *path, uint64_t rights) {
  int place = open(path, O_PATH | O_CLOEXEC);
  if (place < 0) return errno == ENOENT ? 0 : errno;
  struct stat facts;
  int error = fstat(place, &facts) < 0 ? errno : 0;
  struct beneath rule = {.allowed = rights, .folder = place};
  if (!error && !S_ISDIR(facts.st_mode)) rule.allowed &= LANDLOCK_OF_FILES;
  if (!error && syscall(SYS_landlock_add_rule, rules, LANDLOCK_BENEATH, &rule, 0) < 0) error = errno;
  close(place);
  return error;
}

int naos_box_restrict_files(struct naos_box *box) {
  int version = naos_landlock_version();
  // Namespaces and mounts hold by themselves; where the kernel has this second wall, it stands.
  if (version < 1) return 0;
  box->failed_at = "Landlock";
  uint64_t all = rights_of(version);
  // The network needs no rule: its namespace has a loopback and nothing else.
  struct ruleset set = {.files = all, .scopes = version < 6 ? 0 : LANDLOCK_SCOPES};
  size_t size = version < 4 ? offsetof(struct ruleset, network) : version < 6 ? offsetof(struct ruleset, scopes) : sizeof set;
  int rules = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
  if (rules < 0) return errno;
  int error = allow(rules, "/", LANDLOCK_EXECUTE | LANDLOCK_READ_FILE | LANDLOCK_READ_DIR);
  static const char *const own[] = {"/tmp", NAOS_BOX_HOME, "/dev"};
  for (size_t index = 0; !error && index < sizeof own / sizeof *own; index++) error = allow(rules, own[index], all);
  for (uint32_t index = 0; !error && index < box->order.entries; index++)
    if (box->entries[index].kind == NAOS_BOX_WRITE || box->entries[index].kind == NAOS_BOX_OUTPUT)
      error = allow(rules, box->entries[index].target, all);
  if (!error && syscall(SYS_landlock_restrict_self, rules, 0) < 0) error = errno;
  close(rules);
  if (!error) box->failed_at = NULL;
  return error;
}
