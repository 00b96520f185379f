// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// What the two clocks of the machine say at one moment.
package struct ClockReading: Sendable, Hashable {
  package var wall: WallTime
  package var monotonic: Instant
  package init(wall: WallTime, monotonic: Instant) {
    self.wall = wall
    self.monotonic = monotonic
  }
}

/// Decides which window it is, against a wall clock that may step.
///
/// Windows never go back, and a wall clock that runs ahead of the monotonic one opens no new window until a person
/// confirms it: a fresh budget is not to be had by setting the clock.
package struct WindowClock: Sendable, Hashable {
  /// How far the wall clock may get ahead of the monotonic one at a time.
  package static let tolerance = Duration.seconds(300)

  /// The greatest index seen of each window.
  private var floors: [WindowName: Int64] = [:]
  /// The last trusted reading; a wall clock that went back has an older one.
  private(set) var anchor: ClockReading?
  /// Whether the wall clock is ahead without an explanation, so that time is counted from the last trusted reading.
  package private(set) var isHeld = false

  package init() {}

  /// Takes a reading and returns the time that windows go by.
  package mutating func trusted(_ reading: ClockReading) -> WallTime {
    guard let anchor else {
      anchor = reading
      return reading.wall
    }
    let expected = anchor.wall + max(.zero, reading.monotonic - anchor.monotonic)
    guard reading.wall - expected <= Self.tolerance else {
      isHeld = true
      return expected
    }
    isHeld = false
    // A clock that went back keeps its old anchor: coming home later is then no jump ahead.
    if reading.wall - expected >= .zero - Self.tolerance { self.anchor = reading }
    return reading.wall
  }

  /// Takes up what a node before this one trusted, while the machine has not been started anew.
  package mutating func restore(_ reading: ClockReading) { anchor = reading }

  /// A person says that the wall clock is right.
  package mutating func confirm(_ reading: ClockReading) {
    anchor = reading
    isHeld = false
  }

  /// The index of the window at a trusted time; never less than one seen before.
  package mutating func index(of name: WindowName, at time: WallTime, in zone: TimeZoneRules? = nil) -> Int64 {
    let index = max(floors[name] ?? .min, BudgetCalendar.index(of: name.window, at: time, in: zone))
    floors[name] = index
    return index
  }

  /// Remembers an index that the store holds a counter of.
  package mutating func raiseFloor(of name: WindowName, to index: Int64) {
    floors[name] = max(floors[name] ?? .min, index)
  }

  /// The greatest index seen; nil if none was.
  package func floor(of name: WindowName) -> Int64? { floors[name] }

  /// Whether the window is over for good.
  package func isPast(_ name: WindowName, _ index: Int64) -> Bool { index < floors[name] ?? .min }
}
