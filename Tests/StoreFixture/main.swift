// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore
internal import NexusStore
internal import NexusStoreSQLite
internal import NexusTestKit

// A process to be killed: commits one step of a scenario after the other and says on stdout, a line each, which of them
// the store has acknowledged. With a second argument the steps are those of model calls.

let store = try await SQLiteStore.open(path: CommandLine.arguments[1], clock: SystemClock())
for step in 1...10_000 {
  try await store.commit(CommandLine.arguments.count > 2 ? CallScenario.step(step) : CrashScenario.step(step))
  let line = Array("\(step)\n".utf8)
  _ = unsafe write(1, line, line.count)
}
