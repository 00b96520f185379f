// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What compilers and Embedded Swift expect of a C library, over the module's own memory. Fresh memory is taken from its
// end; what is freed is kept for the next block of its size.
#include "naos.h"

#define PAGE 65536
#define CLASSES 32
/// Blocks are aligned to this, and their sizes are powers of two from it on.
#define LEAST 16

/// Before each block; keeps it aligned.
typedef struct header {
  size_t class;
  struct header *next;
} header;

extern unsigned char __heap_base;
static uintptr_t top;
static header *freed[CLASSES];

/// Takes fresh memory from the end; NULL if the module may not have more.
static void *fresh(size_t size) {
  if (top == 0) top = ((uintptr_t)&__heap_base + LEAST - 1) & ~(uintptr_t)(LEAST - 1);
  uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) * PAGE;
  if (size > UINTPTR_MAX - top) return NULL;
  if (top + size > have) {
    size_t pages = (top + size - have + PAGE - 1) / PAGE;
    if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) return NULL;
  }
  void *block = (void *)top;
  top += size;
  return block;
}

void *malloc(size_t size) {
  size_t class = 0;
  size_t room = LEAST;
  while (room < size) {
    class++;
    room <<= 1;
    if (class == CLASSES || room == 0) return NULL;
  }
  header *block = freed[class];
  if (block != NULL) {
    freed[class] = block->next;
  } else {
    if (room > UINTPTR_MAX - LEAST) return NULL;
    block = fresh(room + LEAST);
    if (block == NULL) return NULL;
    block->class = class;
  }
  return (char *)block + LEAST;
}

void free(void *pointer) {
  if (pointer == NULL) return;
  header *block = (header *)((char *)pointer - LEAST);
  block->next = freed[block->class];
  freed[block->class] = block;
}

void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
  void *block = malloc(bytes);
  return block == NULL ? NULL : memset(block, 0, bytes);
}

void *realloc(void *pointer, size_t size) {
  if (pointer == NULL) return malloc(size);
  size_t room = (size_t)LEAST << ((header *)((char *)pointer - LEAST))->class;
  if (size <= room) return pointer;
  void *block = malloc(size);
  if (block == NULL) return NULL;
  memcpy(block, pointer, room);
  free(pointer);
  return block;
}

/// Embedded Swift allocates with this; nothing of it needs more than 16.
int posix_memalign(void **result, size_t alignment, size_t size) {
  if (alignment > LEAST) return 22;
  *result = malloc(size);
  return *result == NULL ? 12 : 0;
}

// One instruction each, with bulk memory.
void *memcpy(void *restrict to, const void *restrict from, size_t length) { return __builtin_memcpy(to, from, length); }
void *memmove(void *to, const void *from, size_t length) { return __builtin_memmove(to, from, length); }
void *memset(void *to, int byte, size_t length) { return __builtin_memset(to, byte, length); }

int memcmp(const void *one, const void *other, size_t length) {
  const unsigned char *a = one, *b = other;
  for (size_t i = 0; i < length; i++) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

/// Seeds hash tables: the same in every call, so that a skill answers the same to the same input.
void arc4random_buf(void *bytes, size_t length) { memset(bytes, 0x5A, length); }

// What the compiler calls where it guards the stack.
uintptr_t __stack_chk_guard = 0x6E616F73;
_Noreturn void __stack_chk_fail(void) { __builtin_trap(); }

/// The product of two numbers of 128 bits: compilers call it where a product of 64 bits must not overflow.
__int128 __multi3(__int128 one, __int128 other) {
  uint64_t a = (uint64_t)one, b = (uint64_t)other;
  uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
  uint64_t low = a0 * b0;
  uint64_t middle = a1 * b0 + (low >> 32);
  uint64_t cross = a0 * b1 + (uint32_t)middle;
  uint64_t high = a1 * b1 + (middle >> 32) + (cross >> 32);
  high += (uint64_t)((unsigned __int128)one >> 64) * b + a * (uint64_t)((unsigned __int128)other >> 64);
  return (__int128)((unsigned __int128)high << 64 | (cross << 32 | (uint32_t)low));
}
