// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Whose clock says when days, weeks and months begin; known by its name alone.
package struct BudgetZone: Sendable, Hashable {
  /// Of the IANA database: `Europe/Berlin`.
  package let name: String
  package let rules: TimeZoneRules

  package init(name: String, rules: TimeZoneRules) {
    self.name = name
    self.rules = rules
  }

  package static func == (left: Self, right: Self) -> Bool { left.name == right.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

// Windows of another clock than UTC's.
extension BudgetCalendar {
  /// The index of the window that holds `time` by the clock of a zone; of hours and of what has no end, that of UTC.
  ///
  /// A day begins when the clock first shows it: it is 23 or 25 hours long where the clock is set, and a clock that is set
  /// back over midnight does not begin yesterday again.
  package static func index(of window: BudgetWindow, at time: WallTime, in zone: TimeZoneRules?) -> Int64 {
    guard let zone, window.followsZone else { return index(of: window, at: time) }
    let local = WallTime(
      microseconds: time.microseconds.addingSaturating(zone.utcOffset(at: time) * 1_000_000))
    let index = index(of: window, at: local)
    guard let next = start(of: window, index: index + 1, in: zone) else { return index }
    return next <= time ? index + 1 : index
  }

  /// When the window of that index begins; nil for windows that the calendar does not end.
  package static func start(of window: BudgetWindow, index: Int64, in zone: TimeZoneRules?) -> WallTime? {
    guard let start = start(of: window, index: index) else { return nil }
    guard let zone, window.followsZone else { return start }
    let civil = CivilSecond(start.microseconds / 1_000_000)
    let second =
      switch zone.moment(of: civil) {
      case .once(let time), .skipped(at: let time), .repeated(first: let time, second: _, until: _): time
      }
    let (microseconds, overflow) = second.multipliedReportingOverflow(by: 1_000_000)
    return overflow ? start : WallTime(microseconds: microseconds)
  }
}

extension BudgetWindow {
  /// Days and what is made of them; an hour is one everywhere.
  package var followsZone: Bool { self == .day || self == .week || self == .month }
}

/// A window as counters name it: `day`, `day Europe/Berlin`.
package struct WindowName: Sendable, Hashable {
  package var window: BudgetWindow
  /// Nil for UTC.
  package var zone: String?

  package init(_ window: BudgetWindow, zone: String? = nil) {
    self.window = window
    self.zone = window.followsZone ? zone : nil
  }

  /// Nil for a window that this version does not know.
  package init?(text: String) {
    let parts = text.split(separator: " ", maxSplits: 1)
    guard let first = parts.first, let window = BudgetWindow(rawValue: String(first)) else { return nil }
    self.init(window, zone: parts.count > 1 ? String(parts[1]) : nil)
  }

  package var text: String { zone.map { "\(window.rawValue) \($0)" } ?? window.rawValue }
}
