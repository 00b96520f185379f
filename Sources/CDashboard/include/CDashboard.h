// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CDASHBOARD_H
#define CDASHBOARD_H

#include <stddef.h>

/// One file of the dashboard, embedded.
struct naos_dashboard_file {
  const char *name;
  const unsigned char *bytes;
  size_t length;
  /// The same, compressed by gzip.
  const unsigned char *packed;
  size_t packed_length;
};

/// All files of packed/.
extern const struct naos_dashboard_file *const naos_dashboard_files;
extern const size_t naos_dashboard_file_count;

#endif
