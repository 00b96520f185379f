// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Kinds of scalars: two scalars are of one kind if every set of a pattern holds both or neither.
///
/// A pattern then reads kinds, of which there are few, and its table needs no column for each scalar.
struct ScalarPartition: Sendable {
  private(set) var count = 0
  /// The kinds of ASCII, the common case.
  private(set) var ascii = [UInt16](repeating: 0, count: 128)
  /// Where a run of one kind begins, and which kind; the first begins at 0.
  private var starts: [UInt32] = []
  private var kinds: [UInt16] = []
  /// For each set, which kinds are in it.
  private(set) var members: [[Bool]] = []

  /// Nil if there are more kinds than the limits allow.
  init?(of sets: [ScalarSet]) {
    guard sets.reduce(0, { $0 + $1.ranges.count }) <= PatternLimits.maxRanges else { return nil }
    var edges: [(place: UInt32, set: Int32, isStart: Bool)] = []
    for (number, set) in sets.enumerated() {
      for range in set.ranges {
        edges.append((range.low, Int32(number), true))
        edges.append((range.high + 1, Int32(number), false))
      }
    }
    edges.sort { $0.place < $1.place }
    var active: Set<Int32> = []
    var kindOf: [Set<Int32>: UInt16] = [:]
    var cells = 0
    var index = 0
    var place: UInt32 = 0
    while true {
      while index < edges.count, edges[index].place == place {
        let edge = edges[index]
        if edge.isStart { active.insert(edge.set) } else { active.remove(edge.set) }
        index += 1
      }
      if kindOf[active] == nil {
        cells += sets.count + active.count
        guard kindOf.count < Int(UInt16.max), cells <= PatternLimits.maxMembershipBits else { return nil }
        kindOf[active] = UInt16(kindOf.count)
      }
      starts.append(place)
      kinds.append(kindOf[active] ?? 0)
      guard index < edges.count, edges[index].place <= ScalarSet.highest else { break }
      place = edges[index].place
    }
    count = kindOf.count
    members = sets.map { _ in [Bool](repeating: false, count: count) }
    for (active, kind) in kindOf {
      for set in active { members[Int(set)][Int(kind)] = true }
    }
    for value in 0..<128 { ascii[value] = lookUp(UInt32(value)) }
  }

  func kind(of scalar: UInt32) -> UInt16 { scalar < 128 ? ascii[Int(scalar)] : lookUp(scalar) }

  private func lookUp(_ scalar: UInt32) -> UInt16 {
    var low = 0
    var high = starts.count
    while low + 1 < high {
      let middle = (low + high) / 2
      if starts[middle] <= scalar { low = middle } else { high = middle }
    }
    return kinds[low]
  }
}
