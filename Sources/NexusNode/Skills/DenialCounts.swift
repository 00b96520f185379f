// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// How often each thing was denied, where there is no end at which the rest could be told.
///
/// It is told at the first time, and then whenever the count has doubled.
struct DenialCounts: Sendable {
  /// Different ones beyond that are counted together.
  static let most = 100

  private struct Count {
    var all = 0
    var told = 0
  }

  private var counts: [ProgramDenial: Count] = [:]

  mutating func note(_ denial: ProgramDenial, of caller: Caller) -> DenialEvent? {
    let key =
      counts[denial] != nil || counts.count < Self.most ? denial : ProgramDenial(denial.rule, "(others)")
    var count = counts[key] ?? Count()
    defer { counts[key] = count }
    count.all += 1
    guard count.all >= 2 * count.told else { return nil }
    let fresh = count.all - count.told
    count.told = count.all
    return key.event(of: caller, count: fresh)
  }
}
