// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/// GNU functions that the C library declares only on demand.
extern int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *end);
extern int pthread_setname_np(pthread_t thread, const char *name);

/// SQLITE_TRANSIENT is a cast that Swift cannot import, so binding that copies is done here. Null binds the empty value.
static inline int naos_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, int length) {
  return sqlite3_bind_text(statement, index, text ? text : "", text ? length : 0, SQLITE_TRANSIENT);
}

static inline int naos_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int length) {
  if (length == 0) return sqlite3_bind_zeroblob(statement, index, 0);
  return sqlite3_bind_blob(statement, index, bytes, length, SQLITE_TRANSIENT);
}

/// Swift cannot call a function with variable arguments.
///
/// The library counts no memory: nobody asks for the figures, and each allocation would pass a lock for them. Without
/// effect once it is in use.
static inline int naos_sqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
static inline int naos_sqlite_defensive(sqlite3 *database) {
  return sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}
static inline int naos_sqlite_no_checkpoint_on_close(sqlite3 *database) {
  return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

/// Keeps the length of the write-ahead log, in pages, in `*pages` after each commit, and never checkpoints by itself.
static inline int naos_sqlite_note_log(void *pages, sqlite3 *database, const char *schema, int count) {
  (void)database;
  (void)schema;
  *(int *)pages = count;
  return SQLITE_OK;
}
static inline void naos_sqlite_watch_log(sqlite3 *database, int *pages) {
  sqlite3_wal_hook(database, naos_sqlite_note_log, pages);
}

/// A file beside the database, in the database's own file system: what stands in for the one stands in for both.
///
/// Its name must live as long as it does, so it is kept behind it. Null if it cannot be opened; `*result` says why.
static inline sqlite3_file *naos_file_open(sqlite3 *database, const char *suffix, int creates, int *result) {
  sqlite3_vfs *system = NULL;
  const char *base = sqlite3_db_filename(database, "main");
  *result = sqlite3_file_control(database, "main", SQLITE_FCNTL_VFS_POINTER, &system);
  if (*result != SQLITE_OK || !base) return NULL;
  size_t space = ((size_t)system->szOsFile + 15) / 16 * 16, length = strlen(base) + strlen(suffix);
  sqlite3_file *file = (sqlite3_file *)calloc(1, space + length + 2);
  *result = SQLITE_NOMEM;
  if (!file) return NULL;
  char *name = (char *)file + space;
  memcpy(name, base, strlen(base));
  memcpy(name + strlen(base), suffix, strlen(suffix));
  int exists = 0;
  *result = creates ? SQLITE_OK : system->xAccess(system, name, SQLITE_ACCESS_EXISTS, &exists);
  if (*result == SQLITE_OK && !creates && !exists) *result = SQLITE_NOTFOUND;
  // As a write-ahead log: it gets the owner and the permissions of its database.
  int access = creates ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  if (*result == SQLITE_OK) *result = system->xOpen(system, name, file, access | SQLITE_OPEN_WAL, NULL);
  if (*result == SQLITE_OK) return file;
  if (file->pMethods) file->pMethods->xClose(file);
  free(file);
  return NULL;
}
static inline void naos_file_close(sqlite3_file *file) {
  file->pMethods->xClose(file);
  free(file);
}
static inline int naos_file_size(sqlite3_file *file, sqlite3_int64 *size) {
  return file->pMethods->xFileSize(file, size);
}
static inline int naos_file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  return file->pMethods->xRead(file, bytes, count, offset);
}
static inline int naos_file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  return file->pMethods->xWrite(file, bytes, count, offset);
}
/// Empties the file and takes `size` bytes of the device for it, all zero.
static inline int naos_file_clear(sqlite3_file *file, int size) {
  sqlite3_int64 hint = size;
  int result = file->pMethods->xTruncate(file, 0);
  if (result == SQLITE_OK) result = file->pMethods->xFileControl(file, SQLITE_FCNTL_CHUNK_SIZE, &size);
  if (result == SQLITE_OK) result = file->pMethods->xFileControl(file, SQLITE_FCNTL_SIZE_HINT, &hint);
  return result;
}
#endif
