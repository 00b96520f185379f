// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
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
#endif
