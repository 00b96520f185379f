// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Foundation
import NexusCore
import NexusStore
import NexusStoreSQLite
import NexusTestKit
import Testing

/// A process that is killed with -9 loses nothing that it was told is written.
@Suite struct KillTests {
  @Test(arguments: [1, 2, 3, 4, 5, 7, 11, 30, 101, 400], [false, true])
  func `acknowledged steps outlive kill -9`(_ kills: Int, _ areCalls: Bool) async throws {
    try await withScratchFolder { folder in
      let path = folder + "/nexus.db"
      let fixture = Process()
      fixture.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("naos-store-fixture")
      fixture.arguments = areCalls ? [path, "calls"] : [path]
      let output = Pipe()
      fixture.standardOutput = output
      try fixture.run()
      var told: [UInt8] = []
      while told.count(where: { $0 == 10 }) < kills {
        let data = output.fileHandleForReading.availableData
        try #require(!data.isEmpty, "the process ended by itself")
        told += data
      }
      kill(fixture.processIdentifier, SIGKILL)
      fixture.waitUntilExit()
      told += output.fileHandleForReading.readDataToEndOfFile()
      let acknowledged = told.count { $0 == 10 }
      // A command that only reads sees the same as the next node.
      for isReader in [true, false] {
        let store =
          if isReader { try await SQLiteStore.openReadOnly(path: path) } else {
            try await SQLiteStore.open(path: path, clock: SystemClock())
          }
        let steps = areCalls ? try await CallScenario.steps(in: store) : try await CrashScenario.steps(in: store)
        // One more may be there: written, and killed before it was told of.
        #expect((acknowledged...acknowledged + 1).contains(steps))
        await store.close()
      }
    }
  }
}
