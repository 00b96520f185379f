// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#define _GNU_SOURCE
#include "CFaultVFS.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { max_files = 8, sector = 512 };

typedef struct change {
  struct change *next;
  int64_t offset;  // -1: a truncation to `count`
  int64_t count;
  unsigned char bytes[];
} change;

// What a file has on the disk, and what has been written to it since.
typedef struct tracked {
  char name[512];
  unsigned char *bytes;
  int64_t count;
  change *first;
  change **last;
} tracked;

typedef struct picture {
  char name[512];
  unsigned char *bytes;
  int64_t count;
} picture;

struct naos_fault_vfs {
  sqlite3_vfs vfs;
  sqlite3_vfs *real;
  pthread_mutex_t lock;
  int kind, lasts;
  int64_t at, count, fired, syncs, foreign_syncs;
  tracked files[max_files];
  int file_count;
  int64_t crash_at, mark, picture_mark;
  uint64_t random;
  picture pictures[max_files];
  int picture_count;
};

typedef struct fault_file {
  sqlite3_file base;
  naos_fault_vfs *vfs;
  tracked *tracked;
  sqlite3_file *real;
} fault_file;

static uint64_t next_random(naos_fault_vfs *vfs) {
  uint64_t mixed = (vfs->random += 0x9E3779B97F4A7C15ULL);
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31);
}

static void put(unsigned char **bytes, int64_t *count, int64_t offset, const unsigned char *from, int64_t length) {
  if (offset + length > *count) {
    *bytes = realloc(*bytes, (size_t)(offset + length));
    memset(*bytes + *count, 0, (size_t)(offset + length - *count));
    *count = offset + length;
  }
  memcpy(*bytes + offset, from, (size_t)length);
}

static void settle(tracked *file) {
  while (file->first) {
    change *done = file->first;
    if (done->offset >= 0) put(&file->bytes, &file->count, done->offset, done->bytes, done->count);
    else if (done->count < file->count) file->count = done->count;
    file->first = done->next;
    free(done);
  }
  file->last = &file->first;
}

// Sectors of what was not flushed reach the disk or not, each by itself and in any order.
static void take_picture(naos_fault_vfs *vfs) {
  int drops_all = next_random(vfs) % 3 == 0;
  for (int index = 0; index < vfs->file_count; index++) {
    tracked *file = &vfs->files[index];
    picture *shot = &vfs->pictures[index];
    memcpy(shot->name, file->name, sizeof shot->name);
    shot->count = file->count;
    shot->bytes = malloc((size_t)file->count + 1);
    if (file->count > 0) memcpy(shot->bytes, file->bytes, (size_t)file->count);
    for (change *one = file->first; one; one = one->next) {
      if (drops_all) continue;
      if (one->offset < 0) {
        if (next_random(vfs) % 2 && one->count < shot->count) shot->count = one->count;
        continue;
      }
      for (int64_t start = 0; start < one->count;) {
        int64_t end = start + sector - (one->offset + start) % sector;
        if (end > one->count) end = one->count;
        if (next_random(vfs) % 8) put(&shot->bytes, &shot->count, one->offset + start, one->bytes + start, end - start);
        start = end;
      }
    }
  }
  vfs->picture_count = vfs->file_count;
  vfs->picture_mark = vfs->mark;
}

// Called with the lock held before each change of a file.
static void before_change(naos_fault_vfs *vfs) {
  if (vfs->crash_at > 0 && --vfs->crash_at == 0) take_picture(vfs);
}

// Whether an operation of this kind fails now.
static int fails(naos_fault_vfs *vfs, int kind) {
  if (vfs->kind != kind) return 0;
  vfs->count++;
  int fires = vfs->count == vfs->at || (vfs->lasts && vfs->count > vfs->at);
  vfs->fired += fires;
  return fires;
}

static int file_close(sqlite3_file *base) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods ? file->real->pMethods->xClose(file->real) : SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *bytes, int count, sqlite3_int64 offset) {
  fault_file *file = (fault_file *)base;
  pthread_mutex_lock(&file->vfs->lock);
  int bad = fails(file->vfs, NAOS_FAULT_READ);
  pthread_mutex_unlock(&file->vfs->lock);
  return bad ? SQLITE_IOERR_READ : file->real->pMethods->xRead(file->real, bytes, count, offset);
}

static int file_write(sqlite3_file *base, const void *bytes, int count, sqlite3_int64 offset) {
  fault_file *file = (fault_file *)base;
  naos_fault_vfs *vfs = file->vfs;
  pthread_mutex_lock(&vfs->lock);
  int is_full = fails(vfs, NAOS_FAULT_FULL), is_bad = fails(vfs, NAOS_FAULT_IO);
  if (!is_full && !is_bad) before_change(vfs);
  if (!is_full && !is_bad && file->tracked) {
    change *new = malloc(sizeof(change) + (size_t)count);
    new->next = NULL;
    new->offset = offset;
    new->count = count;
    memcpy(new->bytes, bytes, (size_t)count);
    *file->tracked->last = new;
    file->tracked->last = &new->next;
  }
  pthread_mutex_unlock(&vfs->lock);
  if (is_full || is_bad) {
    // Half of it is written, as a real disk may do.
    if (count > 1) file->real->pMethods->xWrite(file->real, bytes, count / 2, offset);
    return is_full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  return file->real->pMethods->xWrite(file->real, bytes, count, offset);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size) {
  fault_file *file = (fault_file *)base;
  naos_fault_vfs *vfs = file->vfs;
  pthread_mutex_lock(&vfs->lock);
  int bad = fails(vfs, NAOS_FAULT_IO);
  if (!bad) before_change(vfs);
  if (!bad && file->tracked) {
    change *new = malloc(sizeof(change));
    *new = (change){.offset = -1, .count = size};
    *file->tracked->last = new;
    file->tracked->last = &new->next;
  }
  pthread_mutex_unlock(&vfs->lock);
  return bad ? SQLITE_IOERR_TRUNCATE : file->real->pMethods->xTruncate(file->real, size);
}

static int file_sync(sqlite3_file *base, int flags) {
  (void)flags;
  fault_file *file = (fault_file *)base;
  naos_fault_vfs *vfs = file->vfs;
  char thread[16] = "";
  pthread_getname_np(pthread_self(), thread, sizeof thread);
  pthread_mutex_lock(&vfs->lock);
  int bad = fails(vfs, NAOS_FAULT_IO);
  vfs->syncs++;
  vfs->foreign_syncs += strcmp(thread, "naos-writer") != 0;
  if (!bad) before_change(vfs);
  if (!bad && file->tracked) settle(file->tracked);
  pthread_mutex_unlock(&vfs->lock);
  // The real flush is left out: what it would do is known here, and the tests are faster.
  return bad ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods->xFileSize(file->real, size);
}
static int file_lock(sqlite3_file *base, int level) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods->xLock(file->real, level);
}
static int file_unlock(sqlite3_file *base, int level) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods->xUnlock(file->real, level);
}
static int file_check(sqlite3_file *base, int *result) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods->xCheckReservedLock(file->real, result);
}
static int file_control(sqlite3_file *base, int operation, void *argument) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods->xFileControl(file->real, operation, argument);
}
static int file_sector(sqlite3_file *base) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods->xSectorSize(file->real);
}
static int file_device(sqlite3_file *base) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods->xDeviceCharacteristics(file->real);
}
static int file_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **out) {
  fault_file *file = (fault_file *)base;
  pthread_mutex_lock(&file->vfs->lock);
  int bad = extend && fails(file->vfs, NAOS_FAULT_FULL);
  pthread_mutex_unlock(&file->vfs->lock);
  return bad ? SQLITE_FULL : file->real->pMethods->xShmMap(file->real, region, size, extend, out);
}
static int file_shm_lock(sqlite3_file *base, int offset, int count, int flags) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods->xShmLock(file->real, offset, count, flags);
}
static void file_shm_barrier(sqlite3_file *base) {
  fault_file *file = (fault_file *)base;
  file->real->pMethods->xShmBarrier(file->real);
}
static int file_shm_unmap(sqlite3_file *base, int delete) {
  fault_file *file = (fault_file *)base;
  return file->real->pMethods->xShmUnmap(file->real, delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static tracked *track(naos_fault_vfs *vfs, const char *name) {
  for (int index = 0; index < vfs->file_count; index++)
    if (strcmp(vfs->files[index].name, name) == 0) return &vfs->files[index];
  if (vfs->file_count == max_files) return NULL;
  tracked *file = &vfs->files[vfs->file_count++];
  snprintf(file->name, sizeof file->name, "%s", name);
  file->last = &file->first;
  return file;
}

static int vfs_open(sqlite3_vfs *base, const char *name, sqlite3_file *out, int flags, int *out_flags) {
  naos_fault_vfs *vfs = base->pAppData;
  fault_file *file = (fault_file *)out;
  *file = (fault_file){.vfs = vfs, .real = (sqlite3_file *)(file + 1)};
  pthread_mutex_lock(&vfs->lock);
  if (name && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL))) file->tracked = track(vfs, name);
  pthread_mutex_unlock(&vfs->lock);
  int result = vfs->real->xOpen(vfs->real, name, file->real, flags, out_flags);
  file->base.pMethods = file->real->pMethods ? &methods : NULL;
  return result;
}

static int vfs_delete(sqlite3_vfs *base, const char *name, int sync) {
  naos_fault_vfs *vfs = base->pAppData;
  pthread_mutex_lock(&vfs->lock);
  int bad = fails(vfs, NAOS_FAULT_IO);
  if (!bad) before_change(vfs);
  for (int index = 0; !bad && index < vfs->file_count; index++)
    if (strcmp(vfs->files[index].name, name) == 0) {
      settle(&vfs->files[index]);
      vfs->files[index].count = 0;
    }
  pthread_mutex_unlock(&vfs->lock);
  return bad ? SQLITE_IOERR_DELETE : vfs->real->xDelete(vfs->real, name, sync);
}

static int vfs_access(sqlite3_vfs *base, const char *name, int flags, int *out) {
  naos_fault_vfs *vfs = base->pAppData;
  return vfs->real->xAccess(vfs->real, name, flags, out);
}

static int vfs_full_path(sqlite3_vfs *base, const char *name, int count, char *out) {
  naos_fault_vfs *vfs = base->pAppData;
  return vfs->real->xFullPathname(vfs->real, name, count, out);
}

naos_fault_vfs *naos_fault_create(const char *name) {
  naos_fault_vfs *vfs = calloc(1, sizeof *vfs);
  sqlite3_initialize();
  vfs->real = sqlite3_vfs_find(NULL);
  vfs->vfs = *vfs->real;
  vfs->vfs.pNext = NULL;
  vfs->vfs.zName = strdup(name);
  vfs->vfs.pAppData = vfs;
  vfs->vfs.szOsFile = (int)sizeof(fault_file) + vfs->real->szOsFile;
  vfs->vfs.xOpen = vfs_open;
  vfs->vfs.xDelete = vfs_delete;
  vfs->vfs.xAccess = vfs_access;
  vfs->vfs.xFullPathname = vfs_full_path;
  vfs->picture_mark = -1;
  pthread_mutex_init(&vfs->lock, NULL);
  sqlite3_vfs_register(&vfs->vfs, 0);
  return vfs;
}

void naos_fault_arm(naos_fault_vfs *vfs, int kind, int64_t at, int lasts) {
  pthread_mutex_lock(&vfs->lock);
  vfs->kind = kind;
  vfs->at = at;
  vfs->lasts = lasts;
  vfs->count = vfs->fired = 0;
  pthread_mutex_unlock(&vfs->lock);
}

static int64_t locked(naos_fault_vfs *vfs, const int64_t *value) {
  pthread_mutex_lock(&vfs->lock);
  int64_t result = *value;
  pthread_mutex_unlock(&vfs->lock);
  return result;
}

int64_t naos_fault_fired(naos_fault_vfs *vfs) { return locked(vfs, &vfs->fired); }
int64_t naos_fault_syncs(naos_fault_vfs *vfs) { return locked(vfs, &vfs->syncs); }
int64_t naos_fault_foreign_syncs(naos_fault_vfs *vfs) { return locked(vfs, &vfs->foreign_syncs); }

void naos_fault_crash_at(naos_fault_vfs *vfs, int64_t at, uint64_t seed) {
  pthread_mutex_lock(&vfs->lock);
  vfs->crash_at = at;
  vfs->random = seed;
  pthread_mutex_unlock(&vfs->lock);
}

void naos_fault_mark(naos_fault_vfs *vfs, int64_t mark) {
  pthread_mutex_lock(&vfs->lock);
  vfs->mark = mark;
  pthread_mutex_unlock(&vfs->lock);
}

int64_t naos_fault_write_picture(naos_fault_vfs *vfs, const char *folder) {
  pthread_mutex_lock(&vfs->lock);
  for (int index = 0; index < vfs->picture_count; index++) {
    const char *slash = strrchr(vfs->pictures[index].name, '/');
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, slash ? slash + 1 : vfs->pictures[index].name);
    int file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (write(file, vfs->pictures[index].bytes, (size_t)vfs->pictures[index].count) < 0) abort();
    close(file);
  }
  int64_t mark = vfs->picture_mark;
  pthread_mutex_unlock(&vfs->lock);
  return mark;
}

void *naos_other_lock(const char *path) {
  sqlite3 *other = NULL;
  if (sqlite3_open(path, &other) != SQLITE_OK || sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
    sqlite3_close(other);
    return NULL;
  }
  return other;
}

void naos_other_release(void *other) { sqlite3_close(other); }

void *naos_other_leave(const char *path, const char *script) {
  sqlite3 *other = NULL;
  if (sqlite3_open(path, &other) == SQLITE_OK && sqlite3_exec(other, script, NULL, NULL, NULL) == SQLITE_OK)
    return other;
  sqlite3_close(other);
  return NULL;
}

int naos_other_execute(const char *path, const char *script) {
  sqlite3 *other = NULL;
  int result = sqlite3_open(path, &other);
  if (result == SQLITE_OK) result = sqlite3_exec(other, script, NULL, NULL, NULL);
  sqlite3_close(other);
  return result;
}
