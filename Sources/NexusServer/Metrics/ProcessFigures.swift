// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import NexusCore

/// What the kernel says about this process, by the names that all exporters of Prometheus use.
package struct ProcessFigures: Sendable, Hashable {
  package let processorSeconds: Double
  package let residentBytes: Int64
  package let virtualBytes: Int64
  /// Seconds since 1970; nil where the kernel does not tell when it began itself.
  package let startSeconds: Double?

  /// Nil where the kernel does not tell.
  static func now() -> ProcessFigures? {
    guard let own = try? Files.read("/proc/self/stat", limit: 4096) else { return nil }
    let machine = (try? Files.read("/proc/stat", limit: 1 << 20)) ?? []
    return ProcessFigures(
      own: String(decoding: own, as: UTF8.self), machine: String(decoding: machine, as: UTF8.self),
      ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))), pageBytes: Int64(sysconf(Int32(_SC_PAGESIZE))))
  }

  /// Reads `/proc/self/stat` and `/proc/stat`.
  package init?(own: String, machine: String, ticksPerSecond: Double, pageBytes: Int64) {
    // The program's name is in parentheses, and may hold spaces and parentheses itself.
    guard let name = own.lastIndex(of: ")"), ticksPerSecond > 0 else { return nil }
    let fields = own[own.index(after: name)...].split(separator: " ")
    // The third field of the manual is the first one here.
    func field(_ number: Int) -> Int64? { fields.count > number - 3 ? Int64(fields[number - 3]) : nil }
    guard let user = field(14), let system = field(15), let start = field(22), let size = field(23),
      let pages = field(24)
    else { return nil }
    processorSeconds = Double(user + system) / ticksPerSecond
    virtualBytes = size
    residentBytes = pages * pageBytes
    let boot = machine.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Int64($0.dropFirst(6)) }
    startSeconds = boot.map { Double($0) + Double(start) / ticksPerSecond }
  }
}
