;; Gives its input back: what naos's skill of the bench does, by Extism's interface.
(module
  (import "extism:host/env" "input_length" (func $length (result i64)))
  (import "extism:host/env" "input_load_u8" (func $load (param i64) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
  (import "extism:host/env" "output_set" (func $set (param i64 i64)))
  (memory (export "memory") 2)
  (func (export "run") (result i32)
    (local $count i64) (local $at i64) (local $index i64)
    (local.set $count (call $length))
    (local.set $at (call $alloc (local.get $count)))
    (loop $next
      (call $store (i64.add (local.get $at) (local.get $index)) (call $load (local.get $index)))
      (local.set $index (i64.add (local.get $index) (i64.const 1)))
      (br_if $next (i64.lt_u (local.get $index) (local.get $count))))
    (call $set (local.get $at) (local.get $count))
    (i32.const 0)))
