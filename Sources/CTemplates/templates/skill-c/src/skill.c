// A skill in C: one JSON value in, one out. What naos.h offers comes with the kit; there is no C library.
#include "naos.h"

void naos_skill(const naos_json *input) {
  naos_text text;
  if (!naos_get_text(input, "text", &text)) {
    naos_fail("bad_input", "`text` has to be a text");
    return;
  }
  int64_t words = 0, lines = 0;
  bool is_in_word = false;
  for (size_t i = 0; i < text.length; i++) {
    char byte = text.bytes[i];
    bool is_blank = byte == ' ' || (byte >= '\t' && byte <= '\r');
    if (!is_blank && !is_in_word) words++;
    if (byte == '\n') lines++;
    is_in_word = !is_blank;
  }
  // A last line without an end is one, too.
  if (text.length > 0 && text.bytes[text.length - 1] != '\n') lines++;

  naos_begin_object();
  naos_key_of("words");
  naos_int(words);
  naos_key_of("lines");
  naos_int(lines);
  naos_end_object();
}
