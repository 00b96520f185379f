// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What WASI refused to a command, for its node to tell. Nothing is decided here: a path is worked out from its letters,
// and which file it would have led to is the library's business.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "WorkerInternal.h"

// Of WASI.
enum { ACCES = 2, IO = 29, MFILE = 33, NFILE = 41, NOENT = 44, NOTDIR = 54, PERM = 63, ROFS = 69, NOTCAPABLE = 76 };

#define LABEL_BYTES 1024
/// Descriptors beyond have no label: their paths are told as they are given.
#define LABELS 65536
#define WALK_FILES 4

/// What a descriptor was opened as.
struct label {
  char *path;
  bool is_writable;
};

static struct label *labels;
static uint32_t label_count;
/// The first descriptors are the folders that it was given.
static uint32_t folder_count;

struct denial {
  struct naos_wasm_denied head;
  char text[NAOS_WASM_DENIED_BYTES];
};

/// The runner adds to them; the watch reads them when it ends the process.
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static struct denial denials[NAOS_WASM_DENIALS];
static uint32_t denial_count;
static uint8_t told[NAOS_WASM_DENIED_ROOM];

static void deny(uint32_t kind, const char *path) {
  size_t bytes = strnlen(path, NAOS_WASM_DENIED_BYTES);
  pthread_mutex_lock(&guard);
  for (uint32_t index = 0; index < denial_count; index++) {
    struct denial *known = &denials[index];
    bool is_same = known->head.kind == kind && known->head.bytes == bytes && memcmp(known->text, path, bytes) == 0;
    // The last one is that of all others.
    if (!is_same && index + 1 < NAOS_WASM_DENIALS) continue;
    if (known->head.count < UINT32_MAX) known->head.count++;
    pthread_mutex_unlock(&guard);
    return;
  }
  struct denial *fresh = &denials[denial_count++];
  bool is_last = denial_count == NAOS_WASM_DENIALS;
  fresh->head = (struct naos_wasm_denied){is_last ? NAOS_WASM_DENIED_OTHERS : kind, 1, is_last ? 0 : (uint32_t)bytes};
  memcpy(fresh->text, path, fresh->head.bytes);
  pthread_mutex_unlock(&guard);
}

size_t naos_denials(const uint8_t **bytes, bool patiently) {
  *bytes = told;
  if (patiently) pthread_mutex_lock(&guard);
  else if (pthread_mutex_trylock(&guard) != 0) return 0;
  size_t count = 0;
  for (uint32_t index = 0; index < denial_count; index++) {
    const struct denial *denial = &denials[index];
    memcpy(told + count, &denial->head, sizeof denial->head);
    memcpy(told + count + sizeof denial->head, denial->text, denial->head.bytes);
    count += sizeof denial->head + denial->head.bytes;
  }
  pthread_mutex_unlock(&guard);
  return count;
}

// ---- Paths -------------------------------------------------------------------------------------------------------

/// Writes `path`, as seen from `base`, without `.` and `..`; cut to what fits.
static void resolve(const char *base, const char *path, char *out, size_t room) {
  size_t length = 0;
  const char *parts[] = {*path == '/' ? "" : base, path};
  for (int index = 0; index < 2; index++) {
    for (const char *cursor = parts[index]; *cursor;) {
      size_t count = strcspn(cursor, "/");
      if (count == 2 && memcmp(cursor, "..", 2) == 0) {
        while (length > 0 && out[--length] != '/') {}
      } else if (count > 0 && !(count == 1 && *cursor == '.') && length + 1 + count < room) {
        out[length++] = '/';
        memcpy(out + length, cursor, count);
        length += count;
      }
      cursor += count;
      if (*cursor) cursor++;
    }
  }
  if (length == 0) out[length++] = '/';
  out[length] = 0;
}

/// Whether `path` is `folder` or below it.
static bool is_within(const char *path, const char *folder) {
  size_t count = strlen(folder);
  return strncmp(path, folder, count) == 0 && (path[count] == '/' || path[count] == 0);
}

/// Whether it is in a folder that the command was given; `leads`: or on the way to one.
static bool is_given(const char *path, bool leads) {
  for (uint32_t index = 0; index < folder_count; index++) {
    const struct label *folder = &labels[NAOS_WASM_FIRST_FOLDER + index];
    if (!folder->path || strcmp(folder->path, "/") == 0) continue;
    if (is_within(path, folder->path) || (leads && is_within(folder->path, strcmp(path, "/") ? path : ""))) return true;
  }
  return false;
}

static struct label label_of(uint32_t descriptor) {
  return descriptor < label_count ? labels[descriptor] : (struct label){NULL, false};
}

static void set_label(uint32_t descriptor, const char *path, bool is_writable) {
  if (descriptor >= LABELS) return;
  if (descriptor >= label_count) {
    uint32_t count = descriptor + 64;
    struct label *more = realloc(labels, count * sizeof *more);
    if (!more) return;
    memset(more + label_count, 0, (count - label_count) * sizeof *more);
    labels = more;
    label_count = count;
  }
  char *copy = path ? strdup(path) : NULL;
  free(labels[descriptor].path);
  labels[descriptor] = (struct label){copy, is_writable};
}

void naos_label_folder(uint32_t index, const char *path, bool is_writable) {
  set_label(NAOS_WASM_FIRST_FOLDER + index, path, is_writable);
  folder_count = index + 1;
}

void naos_label_opened(uint32_t descriptor, const struct naos_path *path) {
  char full[LABEL_BYTES];
  struct label folder = label_of(path->descriptor);
  resolve(folder.path ? folder.path : "", path->text, full, sizeof full);
  set_label(descriptor, full, folder.is_writable);
}

void naos_label_moved(uint32_t from, uint32_t to) {
  struct label moved = label_of(from);
  if (from != to && moved.path) set_label(to, moved.path, moved.is_writable);
}

/// Whether the descriptors of the worker are used up. The library has no word for that, and needs some to walk a path.
static bool is_full(void) {
  int spare[WALK_FILES];
  int count = 0;
  while (count < WALK_FILES && (spare[count] = fcntl(NAOS_WASM_SOCKET, F_DUPFD_CLOEXEC, 0)) >= 0) count++;
  for (int index = 0; index < count; index++) close(spare[index]);
  return count < WALK_FILES;
}

void naos_refused(const struct naos_path *path, bool changes, int32_t error) {
  if (error == MFILE || error == NFILE || (error == IO && is_full())) return deny(NAOS_WASM_DENIED_FILES, "");
  char full[LABEL_BYTES];
  struct label folder = label_of(path->descriptor);
  resolve(folder.path ? folder.path : "", path->text, full, sizeof full);
  // `/` is an empty folder, which is there for this: whatever is looked for in it was not granted.
  bool is_in_nothing = folder.path && strcmp(folder.path, "/") == 0 && (error == NOENT || error == NOTDIR);
  if (is_in_nothing && is_given(full, true)) return;
  if (!is_in_nothing && error != PERM && error != NOTCAPABLE && error != ROFS && error != ACCES) return;
  uint32_t kind = changes ? NAOS_WASM_DENIED_WRITE : NAOS_WASM_DENIED_READ;
  bool is_read_only = changes && (!folder.is_writable || error == ROFS);
  if (is_given(full, false)) kind = is_read_only ? NAOS_WASM_DENIED_READ_ONLY : NAOS_WASM_DENIED_WITHIN;
  deny(kind, full);
}
