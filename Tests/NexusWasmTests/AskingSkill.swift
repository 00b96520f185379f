// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Skills that ask their host by one of the functions whose answer is read by `response`.
struct AskingSkill {
  /// `http`, `llm`.
  let function: String

  /// What both return where nothing is granted: -2, and no bytes.
  static let refused: [UInt8] = [0xFE] + [UInt8](repeating: 0xFF, count: 7) + [0, 0, 0, 0]

  func skill(_ body: String) -> String {
    let imports = """
      (import "naos" "\(function)" (func $\(function) (param i32 i32) (result i64)))
      (import "naos" "response" (func $response (param i32 i32 i32) (result i32)))
      """
    return Guest.skill(body).replacing("(memory (export", with: imports + "\n(memory (export")
  }

  /// Asks its input, and its output is what came back.
  var asks: String {
    skill(
      """
      (i64.store (i32.const 0) (call $\(function) (local.get $at) (local.get $count)))
      (call $pack (i32.const 1024) (call $response (i32.const 0) (i32.const 1024) (i32.const 60000)))
      """)
  }

  /// Its output is what the function and `response` return.
  var numbers: String {
    skill(
      """
      (i64.store (i32.const 0) (call $\(function) (local.get $at) (local.get $count)))
      (i32.store (i32.const 8) (call $response (i32.const 0) (i32.const 1024) (i32.const 60000)))
      (call $pack (i32.const 0) (i32.const 12))
      """)
  }
}
