// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

// usage: c-group-commit DATABASE WRITERS SECONDS [STEPS]
//
// What plain C reaches on this disk with the node's own tables and statements: writers append one entry each to a run
// of their own and wait for the commit; one committer writes whatever queued while the last COMMIT ran. Prints one
// line: appends a second, commits a second.
//
// With STEPS each writer does the writes of one workflow of so many steps after the other, as the node does: the run
// with its definition and its first entries, then for each step the end of its attempt, its result and the start of the
// next, in one append. Prints steps a second, commits a second.

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
  long long bytes;
  int number;
  int runs;
  /// Of the workflow: the steps whose result is written; -2 before the run is, -1 before it is taken up.
  int step;
  int done;
} Writer;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queued = PTHREAD_COND_INITIALIZER;
static Writer *head, *tail;
static atomic_int stopping;
static sqlite3 *database;
static sqlite3_stmt *find, *advance, *insert, *begin, *commit;
static sqlite3_stmt *create, *advance_same, *advance_facet;
static long long appends, commits;
/// Of a workflow; 0 for single entries.
static int step_count;

static const char schema[] =
    "CREATE TABLE definition (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE run (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT NOT NULL,"
    " definition TEXT NOT NULL, input NOT NULL, idempotency_key TEXT, created_at INTEGER NOT NULL,"
    " fence INTEGER NOT NULL, head INTEGER NOT NULL, status TEXT NOT NULL, pause_reason TEXT, output,"
    " error_code TEXT, error_message TEXT, error_retryable INTEGER, attempts INTEGER NOT NULL,"
    " tokens INTEGER NOT NULL, cost INTEGER NOT NULL, updated_at INTEGER NOT NULL, ended_at INTEGER, parent TEXT,"
    " facet INTEGER NOT NULL DEFAULT 0, journal_bytes INTEGER NOT NULL DEFAULT 0, error_exit INTEGER,"
    " error_retry_after INTEGER, error_applied INTEGER);"
    "CREATE UNIQUE INDEX run_request ON run (name, idempotency_key) WHERE idempotency_key IS NOT NULL;"
    "CREATE INDEX run_facet ON run (facet, id);"
    "CREATE INDEX run_parent ON run (parent, id) WHERE parent IS NOT NULL;"
    "CREATE TABLE facet (key INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, is_top INTEGER NOT NULL,"
    " status TEXT NOT NULL, reason TEXT NOT NULL, code TEXT NOT NULL, runs INTEGER NOT NULL,"
    " UNIQUE (name, kind, is_top, status, reason, code));"
    "INSERT INTO facet VALUES (1, 'bench', 'workflow', 1, 'queued', '', '', 0),"
    " (2, 'bench', 'workflow', 1, 'running', '', '', 0), (3, 'bench', 'workflow', 1, 'completed', '', '', 0);"
    "CREATE TRIGGER run_made AFTER INSERT ON run BEGIN UPDATE facet SET runs = runs + 1 WHERE key = NEW.facet; END;"
    "CREATE TRIGGER run_moved AFTER UPDATE OF facet ON run WHEN OLD.facet <> NEW.facet BEGIN"
    " UPDATE facet SET runs = runs - 1 WHERE key = OLD.facet; UPDATE facet SET runs = runs + 1 WHERE key = NEW.facet;"
    " END;"
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

// MARK: Workflows

enum Facet { QUEUED = 1, RUNNING, COMPLETED };
static const char *const statuses[] = {"", "queued", "running", "completed"};
static const char definition_hash[] = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
static char definition_text[2048], result_text[256];

/// Entries that are appended together are one row, with a separator between them.
static char row[2048];
static int row_length;

static void add_entry(Writer *writer, const char *text) {
  int length = (int)strlen(text);
  writer->sequence += 1;
  writer->bytes += length;
  if (row_length > 0) row[row_length++] = 0x1E;
  memcpy(row + row_length, text, (size_t)length);
  row_length += length;
}

static void insert_row(Writer *writer, long long now) {
  sqlite3_bind_int64(insert, 1, writer->key);
  sqlite3_bind_int64(insert, 2, writer->sequence);
  sqlite3_bind_int64(insert, 3, now);
  sqlite3_bind_blob(insert, 4, row, row_length, SQLITE_STATIC);
  step(insert, "insert");
  row_length = 0;
}

static void renew_row(Writer *writer, long long now, long long head, enum Facet before, enum Facet after) {
  sqlite3_stmt *statement = before == after ? advance_same : advance_facet;
  sqlite3_bind_int64(statement, 1, after);
  if (after == COMPLETED) sqlite3_bind_blob(statement, 2, result_text, (int)strlen(result_text), SQLITE_STATIC);
  else sqlite3_bind_null(statement, 2);
  for (int column = 3; column <= 8; column++) sqlite3_bind_null(statement, column);
  sqlite3_bind_int64(statement, 9, writer->step + 1);
  sqlite3_bind_int64(statement, 10, 0);
  sqlite3_bind_int64(statement, 11, 0);
  sqlite3_bind_int64(statement, 12, now);
  if (after == COMPLETED) sqlite3_bind_int64(statement, 13, now);
  else sqlite3_bind_null(statement, 13);
  if (before != after) {
    sqlite3_bind_text(statement, 14, statuses[after], -1, SQLITE_STATIC);
    sqlite3_bind_null(statement, 15);
  }
  sqlite3_bind_int64(statement, 16, writer->sequence);
  sqlite3_bind_int64(statement, 17, writer->bytes);
  sqlite3_bind_int64(statement, 18, writer->key);
  sqlite3_bind_int64(statement, 19, 1);
  sqlite3_bind_int64(statement, 20, head);
  step(statement, "renew");
  if (sqlite3_changes(database) != 1) {
    fprintf(stderr, "a guard failed\n");
    exit(1);
  }
}

static void start_attempt(Writer *writer) {
  char text[160];
  snprintf(text, sizeof text, "{\"v\":1,\"type\":\"attemptStarted\",\"step\":\"s%d\",\"attempt\":1,\"dropped\":0}",
           writer->step);
  add_entry(writer, text);
}

static void begin_run(Writer *writer, long long now) {
  static const char input[] = "{\"n\":1}";
  writer->runs += 1;
  writer->sequence = writer->bytes = 0;
  writer->step = -1;
  snprintf(writer->id, sizeof writer->id, "run_%013d%013d", writer->runs, writer->number);
  sqlite3_bind_text(create, 1, writer->id, -1, SQLITE_STATIC);
  sqlite3_bind_text(create, 2, definition_hash, -1, SQLITE_STATIC);
  sqlite3_bind_blob(create, 3, input, sizeof input - 1, SQLITE_STATIC);
  sqlite3_bind_int64(create, 4, now);
  step(create, "create");
  writer->key = sqlite3_last_insert_rowid(database);
  char text[400];
  snprintf(text, sizeof text,
           "{\"v\":1,\"type\":\"created\",\"kind\":\"workflow\",\"name\":\"bench\",\"definition\":\"%s\"}\n%s",
           definition_hash, input);
  add_entry(writer, text);
  renew_row(writer, now, 0, QUEUED, QUEUED);
  insert_row(writer, now);
}

/// The run is taken up: its first attempt starts.
static void claim_run(Writer *writer, long long now) {
  long long head = writer->sequence;
  writer->step = 0;
  start_attempt(writer);
  renew_row(writer, now, head, QUEUED, RUNNING);
  insert_row(writer, now);
}

static void end_step(Writer *writer, long long now) {
  char text[512];
  long long head = writer->sequence;
  snprintf(text, sizeof text,
           "{\"v\":1,\"type\":\"attemptEnded\",\"step\":\"s%d\",\"attempt\":1,\"outcome\":{\"type\":\"succeeded\"},"
           "\"passed\":0,\"replayed\":0,\"tokens\":0,\"costNanoUSD\":0}",
           writer->step);
  add_entry(writer, text);
  snprintf(text, sizeof text, "{\"v\":1,\"type\":\"stepCompleted\",\"path\":\"s%d\"}\n%s", writer->step, result_text);
  add_entry(writer, text);
  writer->step += 1;
  if (writer->step < step_count) {
    start_attempt(writer);
    renew_row(writer, now, head, RUNNING, RUNNING);
    insert_row(writer, now);
  } else {
    snprintf(text, sizeof text, "{\"v\":1,\"type\":\"completed\"}\n%s", result_text);
    add_entry(writer, text);
    renew_row(writer, now, head, RUNNING, COMPLETED);
    insert_row(writer, now);
    writer->step = -2;
  }
}

/// The next transaction of the writer's workflow; a step is counted once its result is written.
static void go_on(Writer *writer) {
  long long now = microseconds();
  if (writer->step == -2) return begin_run(writer, now);
  if (writer->step == -1) return claim_run(writer, now);
  end_step(writer, now);
  appends += 1;
}

static void prepare_workflows(void) {
  sqlite3_stmt *define = prepare("INSERT INTO definition VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING");
  char words[201];
  memset(words, 'x', 200);
  words[200] = 0;
  snprintf(result_text, sizeof result_text, "{\"i\":3,\"text\":\"%s\"}", words);
  memset(definition_text, 'd', 1600);
  sqlite3_bind_text(define, 1, definition_hash, -1, SQLITE_STATIC);
  sqlite3_bind_blob(define, 2, definition_text, (int)strlen(definition_text), SQLITE_STATIC);
  step(define, "define");
  sqlite3_finalize(define);
  create = prepare(
      "INSERT INTO run (facet, attempts, tokens, cost, updated_at, status, id, kind, name, definition, input,"
      " created_at, fence, head) VALUES (1, 0, 0, 0, ?4, 'queued', ?1, 'workflow', 'bench', ?2, ?3, ?4, 1, 0)");
  advance_same = prepare(
      "UPDATE run SET output = ?2, error_code = ?3, error_message = ?4, error_retryable = ?5, error_exit = ?6,"
      " error_retry_after = ?7, error_applied = ?8, attempts = ?9, tokens = ?10, cost = ?11, updated_at = ?12,"
      " ended_at = ?13, head = ?16, journal_bytes = ?17"
      " WHERE key = ?18 AND fence = ?19 AND head = ?20 AND facet = ?1");
  advance_facet = prepare(
      "UPDATE run SET facet = ?1, output = ?2, error_code = ?3, error_message = ?4, error_retryable = ?5,"
      " error_exit = ?6, error_retry_after = ?7, error_applied = ?8, attempts = ?9, tokens = ?10, cost = ?11,"
      " updated_at = ?12, ended_at = ?13, status = ?14, pause_reason = ?15, head = ?16, journal_bytes = ?17"
      " WHERE key = ?18 AND fence = ?19 AND head = ?20");
}

// MARK: Threads

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
    for (Writer *writer = batch; writer != NULL; writer = writer->next) {
      if (step_count > 0) go_on(writer);
      else append(writer);
    }
    step(commit, "commit");
    commits += 1;

    pthread_mutex_lock(&lock);
    while (batch != NULL) {
      Writer *next = batch->next;
      if (step_count == 0) appends += 1;
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
  check(sqlite3_exec(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384;", NULL, NULL, NULL), "pragma");
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
  sqlite3_stmt *insert_run = prepare(
      "INSERT INTO run (key, id, kind, name, definition, input, created_at, fence, head, status, attempts, tokens,"
      " cost, updated_at) VALUES (?, ?, 'agent', 'bench', 'd', '{}', 0, 1, 0, 'running', 1, 0, 0, 0)");
  step(begin, "begin");
  for (int index = 0; index < count; index++) {
    Writer *writer = &writers[index];
    writer->key = index + 1;
    writer->number = index;
    writer->step = -2;
    snprintf(writer->id, sizeof writer->id, "run_%026d", index);
    pthread_cond_init(&writer->committed, NULL);
    sqlite3_bind_int64(insert_run, 1, writer->key);
    sqlite3_bind_text(insert_run, 2, writer->id, -1, SQLITE_STATIC);
    step(insert_run, "create");
  }
  step(commit, "commit");
  sqlite3_finalize(insert_run);
}

int main(int count, char **arguments) {
  if (count != 4 && count != 5) {
    fprintf(stderr, "usage: %s DATABASE WRITERS SECONDS [STEPS]\n", arguments[0]);
    return 2;
  }
  int writer_count = atoi(arguments[2]);
  double seconds = atof(arguments[3]);
  Writer *writers = calloc((size_t)writer_count, sizeof *writers);
  step_count = count == 5 ? atoi(arguments[4]) : 0;
  open_database(arguments[1]);
  if (step_count > 0) prepare_workflows();
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
