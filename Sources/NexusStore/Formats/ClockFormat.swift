// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
package import NexusKernel

/// How the last trusted reading of the clocks stands in the database: one JSON object.
///
/// `CLOCK_BOOTTIME` goes on over restarts of the node, so a wall clock that was set meanwhile is known as that.
package enum ClockFormat {
  /// The version that is written.
  package static let version: Int64 = 1
  private static let name = "trusted"

  /// The row of a reading.
  ///
  /// - Parameters:
  ///   - reading: what the clocks said when the wall clock was trusted.
  ///   - kernelBoot: the boot of the machine, beyond which its monotonic clock says nothing.
  /// - Returns: the row to put.
  package static func row(_ reading: ClockReading, under kernelBoot: String) -> ComponentRow {
    let state: JSONValue = [
      "v": .int(version), "kernelBoot": .string(kernelBoot), "wall": .int(reading.wall.microseconds),
      "monotonic": .int(reading.monotonic.nanoseconds),
    ]
    return ComponentRow(kind: .clock, name: name, state: state.encoded())
  }

  /// The reading that was kept under this boot of the machine; nil if there is none.
  ///
  /// - Throws: `corrupt` if the row is none that this version knows.
  package static func reading(_ rows: [ComponentRow], under kernelBoot: String) throws(StoreError) -> ClockReading? {
    guard let row = rows.first(where: { $0.name == name }) else { return nil }
    do {
      var members = try MemberReader(try JSONValue(parsing: row.state))
      guard try members.integer("v") == version else { throw FormatError("its version is unknown") }
      let boot = try members.string("kernelBoot")
      let reading = ClockReading(
        wall: WallTime(microseconds: try members.integer("wall")),
        monotonic: Instant(nanoseconds: try members.integer("monotonic")))
      try members.finish()
      return boot == kernelBoot ? reading : nil
    } catch {
      throw StoreError(.corrupt, "the last trusted reading of the clocks cannot be read: \(error)")
    }
  }
}
