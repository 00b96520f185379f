// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// The first bytes of a stream, up to a limit, and how many there were in all.
package struct OutputCapture: Sendable, Equatable {
  package let limit: Int
  package private(set) var bytes: [UInt8] = []
  /// What was written, kept or not.
  package private(set) var totalBytes: Int64 = 0

  package init(limit: Int) { self.limit = limit }

  /// There was more than the limit.
  package var overflowed: Bool { totalBytes > Int64(limit) }

  package mutating func append(_ chunk: [UInt8]) {
    totalBytes += Int64(chunk.count)
    if bytes.count < limit { bytes += chunk.prefix(limit - bytes.count) }
  }
}
