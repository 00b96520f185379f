// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CFAULTVFS_H
#define CFAULTVFS_H
#include <stdint.h>

// A file system for SQLite that fails on demand and knows what a power loss would leave.
//
// Each has a name of its own, so that tests run side by side. It stands on the system's own file system and passes
// everything through; nothing is ever unregistered.
typedef struct naos_fault_vfs naos_fault_vfs;

enum naos_fault_kind { NAOS_FAULT_NONE, NAOS_FAULT_IO, NAOS_FAULT_FULL, NAOS_FAULT_READ };

naos_fault_vfs *_Nonnull naos_fault_create(const char *_Nonnull name);

// Fails the `at`th operation of the kind from now, from 1; all later ones too if `lasts`.
void naos_fault_arm(naos_fault_vfs *_Nonnull vfs, int kind, int64_t at, int lasts);
// How often a fault fired since it was armed.
int64_t naos_fault_fired(naos_fault_vfs *_Nonnull vfs);

// How many flushes there were, and how many of them on a thread that is not the writer's.
int64_t naos_fault_syncs(naos_fault_vfs *_Nonnull vfs);
int64_t naos_fault_foreign_syncs(naos_fault_vfs *_Nonnull vfs);

// Takes a picture of what a power loss before the `at`th change from now would leave: what was flushed, and of the
// rest a random part of the sectors.
void naos_fault_crash_at(naos_fault_vfs *_Nonnull vfs, int64_t at, uint64_t seed);
// Notes how far the test has been told; the picture keeps the note.
void naos_fault_mark(naos_fault_vfs *_Nonnull vfs, int64_t mark);
// Writes the picture's files into a folder. Gives the note, or -1 if the moment never came.
int64_t naos_fault_write_picture(naos_fault_vfs *_Nonnull vfs, const char *_Nonnull folder);

// Another program: opens the database, begins to write and holds the lock until it is released. Null if it cannot.
void *_Nullable naos_other_lock(const char *_Nonnull path);
void naos_other_release(void *_Nonnull other);
// Runs a script in a connection of its own; gives SQLite's result.
int naos_other_execute(const char *_Nonnull path, const char *_Nonnull script);

/// Executes a script and leaves the connection as it is, in the middle of a transaction perhaps; NULL if it fails.
void *_Nullable naos_other_leave(const char *_Nonnull path, const char *_Nonnull script);
#endif
