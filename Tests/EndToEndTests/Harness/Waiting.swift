// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation

/// The longest that a test waits for anything; only a failing test gets there.
let patience: Duration = .seconds(90)

struct GaveUp: Error, CustomStringConvertible {
  let description: String
}

/// Runs a body that may block on a thread of its own, so that the threads of the tests stay free.
func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread { continuation.resume(returning: body()) }
  }
}
