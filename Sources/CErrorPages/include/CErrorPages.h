// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
#ifndef CERRORPAGES_H
#define CERRORPAGES_H

#include <stddef.h>

/// One page of docs/errors, embedded.
struct naos_error_page {
  const char *code;
  const unsigned char *text;
  size_t length;
};

/// All pages, sorted by code; the array is generated into pages.c.
extern const struct naos_error_page *const naos_error_pages;
extern const size_t naos_error_page_count;

#endif
