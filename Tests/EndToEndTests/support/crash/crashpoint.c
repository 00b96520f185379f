// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

// Preloaded into a node: kills it with SIGKILL at the n-th change of its database, before that change or, for writes,
// in the middle of it.
//
//   NAOS_CRASH_AT     the number of the change, from 1; 0 or unset only counts
//   NAOS_CRASH_TORN   1: half of the write's bytes are written first
//   NAOS_CRASH_COUNT  a file that holds the count of changes so far, as a native 64-bit integer
//   NAOS_CRASH_SPACE  1: a zero byte that is written for nothing but the space of a file is a change, too

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static _Atomic uint64_t *counter;
static _Atomic uint64_t own;
static uint64_t target;
static int torn;
static int counts_space;
static pid_t owner;

__attribute__((constructor)) static void start(void) {
  const char *at = getenv("NAOS_CRASH_AT");
  target = at ? strtoull(at, NULL, 10) : 0;
  const char *half = getenv("NAOS_CRASH_TORN");
  torn = half && half[0] == '1';
  const char *space = getenv("NAOS_CRASH_SPACE");
  counts_space = space && space[0] == '1';
  counter = &own;
  owner = getpid();
  const char *path = getenv("NAOS_CRASH_COUNT");
  if (!path) return;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, 8) != 0) return;
  void *page = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) counter = page;
  close(fd);
}

// Whether the file behind fd belongs to the database.
static int matters(int fd) {
  char name[64], path[4096];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strstr(path, "/.naos/nexus.db") != NULL;
}

// Counts a change; true if it is the one to die at.
static int is_due(int fd) {
  if (getpid() != owner || !matters(fd)) return 0;
  return atomic_fetch_add(counter, 1) + 1 == target;
}

// How files get their space where the file system has no call for it: a zero byte at the end of each block, some five
// hundred in the same order whenever a node starts.
static int is_space(const void *bytes, size_t count) { return count == 1 && *(const char *)bytes == 0; }

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  if ((counts_space || !is_space(bytes, count)) && is_due(fd)) {
    if (torn && count > 1) REAL(pwrite64)(fd, bytes, count / 2, offset);
    die();
  }
  return REAL(pwrite64)(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  if ((counts_space || !is_space(bytes, count)) && is_due(fd)) {
    if (torn && count > 1) REAL(pwrite)(fd, bytes, count / 2, offset);
    die();
  }
  return REAL(pwrite)(fd, bytes, count, offset);
}

ssize_t write(int fd, const void *bytes, size_t count) {
  if (is_due(fd)) die();
  return REAL(write)(fd, bytes, count);
}

int fdatasync(int fd) {
  if (is_due(fd)) die();
  return REAL(fdatasync)(fd);
}

int fsync(int fd) {
  if (is_due(fd)) die();
  return REAL(fsync)(fd);
}

int ftruncate64(int fd, off64_t length) {
  if (is_due(fd)) die();
  return REAL(ftruncate64)(fd, length);
}
