// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

#include "naos.h"

#define MAX_COLUMNS 10000

typedef struct {
  const char *at;
  const char *end;
  /// Of the row that is read, from 1.
  int64_t line;
  char delimiter;
} reader;

typedef struct {
  naos_text text;
  bool was_quoted;
} field;

typedef struct {
  field *fields;
  size_t count;
  size_t capacity;
  int64_t line;
} row;

static void fail_at(const char *code, const char *message, int64_t line) {
  naos_buffer text = {NULL, 0, 0};
  naos_append_of(&text, message);
  naos_append_of(&text, ", in line ");
  naos_append_int(&text, line);
  naos_fail_text(code, naos_text_of(&text));
}

/// Whether a line ends here; moves behind the end.
static bool take_line_end(reader *r) {
  if (r->at < r->end && *r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n') r->at++;
  if (r->at < r->end && (*r->at == '\n' || *r->at == '\r')) {
    r->at++;
    r->line++;
    return true;
  }
  return r->at == r->end;
}

static bool is_at_end_of_field(const reader *r) {
  return r->at == r->end || *r->at == r->delimiter || *r->at == '\n' || *r->at == '\r';
}

static bool take_quoted(reader *r, field *f, int64_t row_line) {
  naos_buffer text = {NULL, 0, 0};
  const char *start = ++r->at;
  for (;;) {
    if (r->at == r->end) {
      fail_at("unclosed_quote", "a quote is opened and never closed", row_line);
      return false;
    }
    char byte = *r->at;
    if (byte == '\n') r->line++;
    if (byte != '"') {
      r->at++;
      continue;
    }
    if (r->at + 1 < r->end && r->at[1] == '"') {
      // Up to and with the first of the two.
      naos_append(&text, start, (size_t)(r->at + 1 - start));
      r->at += 2;
      start = r->at;
      continue;
    }
    break;
  }
  naos_append(&text, start, (size_t)(r->at - start));
  r->at++;
  if (!is_at_end_of_field(r)) {
    fail_at("stray_quote", "there is something between a closing quote and the end of its field", r->line);
    return false;
  }
  f->text = naos_text_of(&text);
  f->was_quoted = true;
  return true;
}

static bool take_field(reader *r, field *f, int64_t row_line) {
  if (r->at < r->end && *r->at == '"') return take_quoted(r, f, row_line);
  const char *start = r->at;
  while (!is_at_end_of_field(r)) {
    if (*r->at == '"') {
      fail_at("stray_quote", "a quote stands inside of a field that does not begin with one", r->line);
      return false;
    }
    r->at++;
  }
  f->text = (naos_text){start, (size_t)(r->at - start)};
  f->was_quoted = false;
  return true;
}

/// The next row that is not empty; false at the end and after an error.
static bool take_row(reader *r, row *result) {
  while (r->at < r->end && (*r->at == '\n' || *r->at == '\r')) take_line_end(r);
  if (r->at == r->end) return false;
  result->count = 0;
  result->line = r->line;
  for (;;) {
    if (result->count == MAX_COLUMNS) {
      fail_at("too_many_columns", "a row has more than 10000 fields", result->line);
      return false;
    }
    if (result->count == result->capacity) {
      result->capacity = result->capacity == 0 ? 16 : result->capacity * 2;
      result->fields = realloc(result->fields, result->capacity * sizeof(field));
      if (result->fields == NULL) __builtin_trap();
    }
    if (!take_field(r, &result->fields[result->count], result->line)) return false;
    result->count++;
    if (take_line_end(r)) return true;
    r->at++;
  }
}

/// The names of the columns; those without one are called by their number.
static bool name_columns(row *header) {
  for (size_t i = 0; i < header->count; i++) {
    if (header->fields[i].text.length == 0) {
      naos_buffer name = {NULL, 0, 0};
      naos_append_of(&name, "column_");
      naos_append_int(&name, (int64_t)i + 1);
      header->fields[i].text = naos_text_of(&name);
    }
    for (size_t j = 0; j < i; j++) {
      if (!naos_same(header->fields[i].text, header->fields[j].text)) continue;
      naos_buffer message = {NULL, 0, 0};
      naos_append_of(&message, "two columns are named `");
      naos_append(&message, header->fields[i].text.bytes, header->fields[i].text.length);
      naos_append_of(&message, "`");
      naos_fail_text("duplicate_column", naos_text_of(&message));
      return false;
    }
  }
  return true;
}

static void write_field(const field *f, bool is_typed) {
  if (!is_typed || f->was_quoted) {
    naos_string(f->text);
  } else if (f->text.length == 0) {
    naos_null();
  } else if (naos_is(f->text, "true") || naos_is(f->text, "false")) {
    naos_bool(f->text.length == 4);
  } else {
    naos_number(f->text);
  }
}

static bool flag(const naos_json *input, const char *key, bool otherwise) {
  const naos_json *value = naos_get(input, key);
  return value != NULL && value->kind == NAOS_BOOL ? value->truth : otherwise;
}

void naos_skill(const naos_json *input) {
  naos_text csv;
  if (!naos_get_text(input, "csv", &csv)) {
    naos_fail("bad_input", "`csv` has to be a text");
    return;
  }
  naos_text delimiter = {",", 1};
  if (naos_get(input, "delimiter") != NULL &&
      (!naos_get_text(input, "delimiter", &delimiter) || delimiter.length != 1 ||
       (!naos_is(delimiter, ",") && !naos_is(delimiter, ";") && !naos_is(delimiter, "\t") && !naos_is(delimiter, "|")))) {
    naos_fail("bad_input", "`delimiter` has to be a comma, a semicolon, a tab or a bar");
    return;
  }
  bool has_header = flag(input, "header", true), is_typed = flag(input, "types", false);

  reader r = {csv.bytes, csv.bytes + csv.length, 1, delimiter.bytes[0]};
  if (csv.length >= 3 && memcmp(csv.bytes, "\xEF\xBB\xBF", 3) == 0) r.at += 3;
  row header = {NULL, 0, 0, 0}, current = {NULL, 0, 0, 0};
  if (has_header && take_row(&r, &header) && !name_columns(&header)) return;

  naos_begin_object();
  naos_key_of("columns");
  naos_begin_array();
  for (size_t i = 0; i < header.count; i++) naos_string(header.fields[i].text);
  naos_end_array();
  naos_key_of("rows");
  naos_begin_array();
  size_t width = header.count;
  int64_t count = 0;
  while (!naos_has_failed() && take_row(&r, &current)) {
    if (width == 0) width = current.count;
    if (current.count != width) {
      fail_at("ragged_row", "a row has another number of fields than the first one", current.line);
      return;
    }
    if (has_header) naos_begin_object(); else naos_begin_array();
    for (size_t i = 0; i < width; i++) {
      if (has_header) naos_key(header.fields[i].text);
      write_field(&current.fields[i], is_typed);
    }
    if (has_header) naos_end_object(); else naos_end_array();
    count++;
  }
  naos_end_array();
  naos_key_of("count");
  naos_int(count);
  naos_end_object();
}
