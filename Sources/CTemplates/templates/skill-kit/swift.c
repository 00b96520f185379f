// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The kit as Swift calls it: plain pointers and lengths.
#include "naos.h"

void naos_fail_with(naos_text code, naos_text message);

int32_t naos_node_kind(const naos_json *node) { return (int32_t)node->kind; }
bool naos_node_truth(const naos_json *node) { return node->truth; }
size_t naos_node_count(const naos_json *node) { return node->count; }
const naos_json *naos_node_first(const naos_json *node) { return node->first; }
const naos_json *naos_node_next(const naos_json *node) { return node->next; }
const char *naos_node_text(const naos_json *node) { return node->text.bytes; }
size_t naos_node_text_length(const naos_json *node) { return node->text.length; }
const char *naos_node_key(const naos_json *node) { return node->key.bytes; }
size_t naos_node_key_length(const naos_json *node) { return node->key.length; }
bool naos_node_integer(const naos_json *node, int64_t *result) { return naos_integer(node, result); }

void naos_put_key(const char *bytes, size_t length) { naos_key((naos_text){bytes, length}); }
void naos_put_string(const char *bytes, size_t length) { naos_string((naos_text){bytes, length}); }
void naos_put_number(const char *bytes, size_t length) { naos_number((naos_text){bytes, length}); }

void naos_put_failure(const char *code, size_t code_length, const char *message, size_t message_length) {
  naos_fail_with((naos_text){code, code_length}, (naos_text){message, message_length});
}

void naos_put_log(int32_t level, const char *bytes, size_t length) {
  naos_log((naos_log_level)level, (naos_text){bytes, length});
}

const naos_json *naos_send(const char *bytes, size_t length) { return naos_http((naos_text){bytes, length}); }
const naos_json *naos_ask(const char *bytes, size_t length) { return naos_llm((naos_text){bytes, length}); }

int32_t naos_kept(const char *key, size_t key_length, const char **value, size_t *length) {
  naos_text kept = {NULL, 0};
  naos_state result = naos_state_get((naos_text){key, key_length}, &kept);
  *value = kept.bytes;
  *length = kept.length;
  return result;
}

int32_t naos_keep(const char *key, size_t key_length, const char *value, size_t length) {
  return naos_state_set((naos_text){key, key_length}, (naos_text){value, length});
}
