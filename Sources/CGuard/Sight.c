// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// A look at names that somebody else chose, one after the other.
#include "GuardInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int naos_look_at(int folder, const char *name, bool crosses, struct naos_sight *sight) {
  struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC};
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | (crosses ? 0 : RESOLVE_NO_XDEV);
  // Not with O_DIRECTORY: that is what has places mount by themselves.
  int found = folder < 0 ? open("/", O_PATH | O_CLOEXEC) : (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
  if (found < 0) return -errno;
  struct stat facts;
  if (fstat(found, &facts) < 0) {
    int error = errno;
    close(found);
    return -error;
  }
  sight->mode = facts.st_mode;
  sight->owner = facts.st_uid;
  return found;
}
