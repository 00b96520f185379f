// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CTEMPLATES_H
#define CTEMPLATES_H

#include <stddef.h>

/// One file of a template, embedded.
struct naos_template_file {
  const char *template_name;
  /// Relative to the project; NAME stands for the agent's name.
  const char *path;
  const unsigned char *bytes;
  size_t length;
};

/// All files, sorted by template and path; the array is generated into templates.c.
extern const struct naos_template_file *const naos_template_files;
extern const size_t naos_template_file_count;

#endif
