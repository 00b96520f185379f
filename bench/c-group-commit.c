// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

// usage: c-group-commit DATABASE WRITERS SECONDS
//
// What plain C reaches on this disk with the node's own tables and statements: writers append one entry each to a run
// of their own and wait for the commit; one committer writes whatever queued while the last COMMIT ran. Prints one
// line: appends a second, commits a second.

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct Writer {
  pthread_t thread;
  pthread_cond_t committed;
  struct Writer *next;
  char id[40];
  long long key;
  long long sequence;
  int done;
} Writer;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queued = PTHREAD_COND_INITIALIZER;
static Writer *head, *tail;
static atomic_int stopping;
static sqlite3 *database;
static sqlite3_stmt *find, *advance, *insert, *begin, *commit;
static long long appends, commits;

static const char schema[] =
    "CREATE TABLE run (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT NOT NULL,"
    " definition TEXT NOT NULL, input NOT NULL, idempotency_key TEXT, created_at INTEGER NOT NULL,"
    " fence INTEGER NOT NULL, head INTEGER NOT NULL, status TEXT NOT NULL, pause_reason TEXT, output,"
    " error_code TEXT, error_message TEXT, error_retryable INTEGER, attempts INTEGER NOT NULL,"
    " tokens INTEGER NOT NULL, cost INTEGER NOT NULL, updated_at INTEGER NOT NULL, ended_at INTEGER);"
    "CREATE UNIQUE INDEX run_request ON run (name, idempotency_key) WHERE idempotency_key IS NOT NULL;"
    "CREATE INDEX run_name ON run (name, id);"
    "CREATE INDEX run_status ON run (status, id);"
    "CREATE TABLE journal (gid INTEGER PRIMARY KEY, run INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,"
    " entry NOT NULL);"
    "CREATE UNIQUE INDEX journal_run ON journal (run, seq);";

static const char payload[] =
    "{\"v\":1,\"type\":\"stepRecorded\",\"path\":\"research[2].draft\"}\n"
    "{\"title\":\"Sagas\",\"text\":\"If step five fails, the compensations of the steps before it run in reverse "
    "order, each as a step of its own with its own retries, and the run ends compensated.\"}";

static void check(int result, const char *what) {
  if (result == SQLITE_OK || result == SQLITE_DONE || result == SQLITE_ROW) return;
  fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(database));
  exit(1);
}

static sqlite3_stmt *prepare(const char *text) {
  sqlite3_stmt *statement = NULL;
  check(sqlite3_prepare_v3(database, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), text);
  return statement;
}

static void step(sqlite3_stmt *statement, const char *what) {
  check(sqlite3_step(statement), what);
  sqlite3_reset(statement);
}

static long long microseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static void append(Writer *writer) {
  long long now = microseconds();
  sqlite3_bind_text(find, 1, writer->id, -1, SQLITE_STATIC);
  check(sqlite3_step(find), "find");
  long long key = sqlite3_column_int64(find, 0);
  sqlite3_reset(find);
  sqlite3_bind_int64(advance, 1, key);
  sqlite3_bind_int64(advance, 2, 1);
  sqlite3_bind_int64(advance, 3, writer->sequence);
  sqlite3_bind_int64(advance, 4, writer->sequence + 1);
  sqlite3_bind_text(advance, 5, "running", -1, SQLITE_STATIC);
  for (int column = 6; column <= 10; column++) sqlite3_bind_null(advance, column);
  sqlite3_bind_int64(advance, 11, 1);
  sqlite3_bind_int64(advance, 12, writer->sequence);
  sqlite3_bind_int64(advance, 13, writer->sequence);
  sqlite3_bind_int64(advance, 14, now);
  sqlite3_bind_null(advance, 15);
  step(advance, "advance");
  if (sqlite3_changes(database) != 1) {
    fprintf(stderr, "a guard failed\n");
    exit(1);
  }
  writer->sequence += 1;
  sqlite3_bind_int64(insert, 1, key);
  sqlite3_bind_int64(insert, 2, writer->sequence);
  sqlite3_bind_int64(insert, 3, now);
  sqlite3_bind_blob(insert, 4, payload, sizeof payload - 1, SQLITE_STATIC);
  step(insert, "insert");
}

static void *run_committer(void *unused) {
  (void)unused;
  for (;;) {
    pthread_mutex_lock(&lock);
    while (head == NULL && !atomic_load(&stopping)) pthread_cond_wait(&queued, &lock);
    Writer *batch = head;
    head = tail = NULL;
    pthread_mutex_unlock(&lock);
    if (batch == NULL) return NULL;

    step(begin, "begin");
    for (Writer *writer = batch; writer != NULL; writer = writer->next) append(writer);
    step(commit, "commit");
    commits += 1;

    pthread_mutex_lock(&lock);
    while (batch != NULL) {
      Writer *next = batch->next;
      appends += 1;
      batch->done = 1;
      pthread_cond_signal(&batch->committed);
      batch = next;
    }
    pthread_mutex_unlock(&lock);
  }
}

static void *run_writer(void *argument) {
  Writer *writer = argument;
  while (!atomic_load(&stopping)) {
    pthread_mutex_lock(&lock);
    writer->next = NULL;
    writer->done = 0;
    if (tail != NULL) tail->next = writer;
    else head = writer;
    tail = writer;
    pthread_cond_signal(&queued);
    while (!writer->done) pthread_cond_wait(&writer->committed, &lock);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

static void open_database(const char *path) {
  check(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL), path);
  check(sqlite3_exec(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL, NULL, NULL), "pragma");
  check(sqlite3_exec(database, schema, NULL, NULL, NULL), "schema");
  begin = prepare("BEGIN IMMEDIATE");
  commit = prepare("COMMIT");
  find = prepare("SELECT key, fence, head, status FROM run WHERE id = ?1");
  advance = prepare(
      "UPDATE run SET head = ?4, status = ?5, pause_reason = ?6, output = ?7, error_code = ?8, error_message = ?9,"
      " error_retryable = ?10, attempts = ?11, tokens = ?12, cost = ?13, updated_at = ?14, ended_at = ?15"
      " WHERE key = ?1 AND fence = ?2 AND head = ?3");
  insert = prepare("INSERT INTO journal (run, seq, at, entry) VALUES (?1, ?2, ?3, ?4)");
}

static void create_runs(Writer *writers, int count) {
  sqlite3_stmt *create = prepare(
      "INSERT INTO run (key, id, kind, name, definition, input, created_at, fence, head, status, attempts, tokens,"
      " cost, updated_at) VALUES (?, ?, 'agent', 'bench', 'd', '{}', 0, 1, 0, 'running', 1, 0, 0, 0)");
  step(begin, "begin");
  for (int index = 0; index < count; index++) {
    Writer *writer = &writers[index];
    writer->key = index + 1;
    snprintf(writer->id, sizeof writer->id, "run_%026d", index);
    pthread_cond_init(&writer->committed, NULL);
    sqlite3_bind_int64(create, 1, writer->key);
    sqlite3_bind_text(create, 2, writer->id, -1, SQLITE_STATIC);
    step(create, "create");
  }
  step(commit, "commit");
  sqlite3_finalize(create);
}

int main(int count, char **arguments) {
  if (count != 4) {
    fprintf(stderr, "usage: %s DATABASE WRITERS SECONDS\n", arguments[0]);
    return 2;
  }
  int writer_count = atoi(arguments[2]);
  double seconds = atof(arguments[3]);
  Writer *writers = calloc((size_t)writer_count, sizeof *writers);
  open_database(arguments[1]);
  create_runs(writers, writer_count);

  pthread_t committer;
  pthread_create(&committer, NULL, run_committer, NULL);
  long long start = microseconds();
  for (int index = 0; index < writer_count; index++) {
    pthread_create(&writers[index].thread, NULL, run_writer, &writers[index]);
  }
  usleep((useconds_t)(seconds * 1e6));
  atomic_store(&stopping, 1);
  for (int index = 0; index < writer_count; index++) pthread_join(writers[index].thread, NULL);
  double elapsed = (double)(microseconds() - start) / 1e6;
  pthread_mutex_lock(&lock);
  pthread_cond_signal(&queued);
  pthread_mutex_unlock(&lock);
  pthread_join(committer, NULL);
  printf("%.0f %.0f\n", (double)appends / elapsed, (double)commits / elapsed);
  sqlite3_close(database);
  free(writers);
  return 0;
}
