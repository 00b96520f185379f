// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

#include "naos.h"

#define MAX_LIMIT 1000
#define LONGEST_LOCAL 64
#define LONGEST_DOMAIN 253
#define LONGEST_LABEL 63
/// Places of addresses that were told; a power of two that stays less than half full.
#define SLOTS 4096

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// RFC 5322's `atext`, and the dot between atoms.
static bool is_local(char c) {
  if (is_letter(c) || is_digit(c)) return true;
  for (const char *p = ".!#$%&'*+/=?^_`{|}~-"; *p != 0; p++) {
    if (*p == c) return true;
  }
  return false;
}

static bool is_domain(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.'; }

/// What stands before the `@` at `at`, down to `start`; empty if that is no name.
static naos_text local_before(const char *start, const char *at) {
  const naos_text none = {at, 0};
  const char *from = at;
  while (from > start && is_local(from[-1])) {
    // Two dots in a row end what can be one name.
    if (from[-1] == '.' && (from == at || *from == '.')) break;
    from--;
  }
  while (from < at && (*from == '.' || *from == '\'' || *from == '`')) from++;
  if (from == at || at[-1] == '.' || (size_t)(at - from) > LONGEST_LOCAL) return none;
  if (from > start && from[-1] == '@') return none;
  return (naos_text){from, (size_t)(at - from)};
}

/// Whether the label may stand in a domain; the last one may not be a number.
static bool is_label(const char *from, const char *to, bool is_last) {
  size_t length = (size_t)(to - from);
  if (length == 0 || length > LONGEST_LABEL || *from == '-' || to[-1] == '-') return false;
  if (!is_last) return true;
  if (length < 2) return false;
  if (length > 4 && (from[0] | 32) == 'x' && (from[1] | 32) == 'n' && from[2] == '-' && from[3] == '-') return true;
  for (const char *p = from; p < to; p++) {
    if (!is_letter(*p)) return false;
  }
  return true;
}

/// What stands behind the `@`; empty if that is no domain.
static naos_text domain_after(const char *from, const char *end) {
  const naos_text none = {from, 0};
  const char *to = from;
  while (to < end && is_domain(*to) && !(*to == '.' && to + 1 < end && to[1] == '.')) to++;
  // A dot or a hyphen at the end belongs to the sentence.
  const char *stop = to;
  while (to > from && (to[-1] == '.' || to[-1] == '-')) to--;
  if (to == from || (size_t)(to - from) > LONGEST_DOMAIN) return none;
  if (stop < end && *stop == '@') return none;
  const char *label = from;
  int labels = 0;
  for (const char *p = from; p <= to; p++) {
    if (p < to && *p != '.') continue;
    if (!is_label(label, p, p == to)) return none;
    labels++;
    label = p + 1;
  }
  return labels < 2 ? none : (naos_text){from, (size_t)(to - from)};
}

// Which addresses were told, upper and lower case alike.

static naos_text told[SLOTS];

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static bool is_alike(naos_text one, naos_text other) {
  if (one.length != other.length) return false;
  for (size_t i = 0; i < one.length; i++) {
    if (lower(one.bytes[i]) != lower(other.bytes[i])) return false;
  }
  return true;
}

/// Whether it was told before; where it was not, it is noted if `keep` says so.
static bool was_told(naos_text address, bool keep) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < address.length; i++) hash = (hash ^ (uint8_t)lower(address.bytes[i])) * 16777619u;
  for (uint32_t slot = hash % SLOTS;; slot = (slot + 1) % SLOTS) {
    if (told[slot].bytes == NULL) {
      if (keep) told[slot] = address;
      return false;
    }
    if (is_alike(told[slot], address)) return true;
  }
}

void naos_skill(const naos_json *input) {
  naos_text text;
  if (!naos_get_text(input, "text", &text)) {
    naos_fail("bad_input", "`text` has to be a text");
    return;
  }
  int64_t limit = MAX_LIMIT;
  const naos_json *given = naos_get(input, "limit");
  if (given != NULL && (!naos_integer(given, &limit) || limit < 1 || limit > MAX_LIMIT)) {
    naos_fail("bad_input", "`limit` has to be a number from 1 to 1000");
    return;
  }
  const naos_json *unique = naos_get(input, "unique");
  bool is_unique = unique == NULL || unique->kind != NAOS_BOOL || unique->truth;

  const char *end = text.bytes + text.length;
  int64_t count = 0;
  bool is_truncated = false;
  naos_begin_object();
  naos_key_of("emails");
  naos_begin_array();
  for (const char *at = text.bytes; at < end; at++) {
    if (*at != '@') continue;
    naos_text local = local_before(text.bytes, at);
    naos_text domain = domain_after(at + 1, end);
    if (local.length == 0 || domain.length == 0) continue;
    naos_text address = {local.bytes, local.length + 1 + domain.length};
    if (is_unique && was_told(address, count < limit)) continue;
    if (count == limit) {
      is_truncated = true;
      break;
    }
    count++;
    naos_begin_object();
    naos_key_of("address");
    naos_string(address);
    naos_key_of("local");
    naos_string(local);
    naos_key_of("domain");
    naos_string(domain);
    naos_key_of("offset");
    naos_int((int64_t)(local.bytes - text.bytes));
    naos_end_object();
  }
  naos_end_array();
  naos_key_of("count");
  naos_int(count);
  naos_key_of("truncated");
  naos_bool(is_truncated);
  naos_end_object();
}
