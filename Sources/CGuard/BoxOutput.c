// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The output of an agent: it writes to a file system in memory, as large as the others of its own, and what it leaves
// there as its output the keeper copies out when everybody in the sandbox is gone.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int naos_box_open_output(struct naos_box *box) {
  for (uint32_t index = 0; index < box->order.entries; index++) {
    if (box->entries[index].kind != NAOS_BOX_OUTPUT) continue;
    box->output_place = box->entries[index].target;
    struct open_how how = {.flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_NO_SYMLINKS};
    box->output = (int)syscall(SYS_openat2, AT_FDCWD, box->entries[index].source, &how, sizeof how);
    if (box->output >= 0) return 0;
    box->failed_at = box->entries[index].source;
    return errno;
  }
  return 0;
}

/// Behind the mark. More than the limit is said by one byte more.
static int copy(int from, int to, uint64_t limit) {
  char buffer[65536];
  uint64_t copied = 0;
  while (copied <= limit) {
    uint64_t left = limit + 1 - copied;
    ssize_t count = read(from, buffer, left < sizeof buffer ? left : sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? errno : 0;
    for (ssize_t written = 0; written < count;) {
      ssize_t part = pwrite(to, buffer + written, (size_t)(count - written), (off_t)(1 + copied + (uint64_t)written));
      if (part < 0 && errno == EINTR) continue;
      if (part <= 0) return part < 0 ? errno : EIO;
      written += part;
    }
    copied += (uint64_t)count;
  }
  return 0;
}

static int mark(const struct naos_box *box, char mark) {
  return pwrite(box->output, &mark, 1, 0) == 1 ? 0 : errno;
}

/// What cannot be taken is told in words.
static int refuse(const struct naos_box *box, const char *why) {
  if (ftruncate(box->output, 1) < 0) return errno;
  size_t length = strlen(why);
  if (pwrite(box->output, why, length, 1) != (ssize_t)length) return EIO;
  return mark(box, NAOS_OUTPUT_REFUSED);
}

int naos_box_copy_output(const struct naos_box *box) {
  if (box->output < 0) return 0;
  char path[64];
  snprintf(path, sizeof path, "%s/output", box->output_place);
  // Whatever it is: a pipe does not hold this up, and a link does not lead it astray.
  struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, .resolve = RESOLVE_NO_SYMLINKS};
  int file = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  if (file < 0) return errno == ENOENT ? 0 : refuse(box, strerror(errno));
  struct stat facts;
  int error = fstat(file, &facts) < 0 ? errno : 0;
  if (!error && !S_ISREG(facts.st_mode)) return refuse(box, "it is not a regular file");
  if (!error) error = copy(file, box->output, box->order.output_bytes);
  close(file);
  return error ? refuse(box, strerror(error)) : mark(box, NAOS_OUTPUT_TAKEN);
}
