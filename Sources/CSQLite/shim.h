// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H
#include <sqlite3.h>

/// SQLITE_TRANSIENT is a cast that Swift cannot import.
static inline sqlite3_destructor_type naos_sqlite_transient(void) { return SQLITE_TRANSIENT; }
#endif
