// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Foresees which budgets will be used up soon, from looks at their counters now and then.
///
/// What a look finds more than the one before is a sample of the pace. A budget that is seen for the first time says
/// nothing about it: what was spent there may be of any age.
package struct ForecastWatch: Sendable {
  /// How many samples are kept of a budget; when there are more, each two neighbours become one.
  package static let mostSamples = 1024

  /// A budget over all its windows.
  package struct Place: Sendable, Hashable {
    package var scope: String
    package var window: String
    package init(_ key: CounterKey) {
      scope = key.scope
      window = key.window
    }
  }

  private struct Track: Sendable {
    var seen: (index: Int64, spent: Spend)?
    var samples: [SpendSample] = []
  }

  private var tracks: [Place: Track] = [:]

  package init() {}

  /// Whether nothing is known of any pace.
  package var isEmpty: Bool { tracks.isEmpty }

  /// Takes up what was charged before the first look, in the order of time.
  package mutating func seed(_ samples: [SpendSample], at place: Place) {
    tracks[place, default: Track()].samples = Self.bounded(samples)
  }

  /// Looks at all counters that can be foreseen.
  ///
  /// - Parameters:
  ///   - views: the counters of the present windows.
  ///   - horizon: how soon a budget has to be used up to be told.
  ///   - now: the time.
  /// - Returns: one alert for each limit that will be reached in time, at each look.
  package mutating func look(at views: [BudgetCounterView], within horizon: Duration, now: WallTime) -> [BudgetAlert] {
    let present = Set(views.map { Place($0.key) })
    tracks = tracks.filter { present.contains($0.key) }
    var alerts: [BudgetAlert] = []
    for view in views.sorted(by: { $0.key.scope < $1.key.scope }) {
      guard let window = view.rules.first?.window else { continue }
      note(view, window, now)
      let samples = tracks[Place(view.key)]?.samples ?? []
      for rule in view.rules {
        let left = rule.limit.minus(view.spent)
        guard
          case .exhaustsAt(let time) = SpendForecast.of(
            samples, window: window, left: left, reset: view.reset, now: now), time - now <= horizon
        else { continue }
        alerts.append(BudgetAlert(view.key, rule, .foreseen(time), spent: view.spent))
      }
    }
    return alerts
  }

  private mutating func note(_ view: BudgetCounterView, _ window: BudgetWindow, _ now: WallTime) {
    var track = tracks[Place(view.key)] ?? Track()
    defer { tracks[Place(view.key)] = track }
    defer { track.seen = (view.key.index, view.spent) }
    guard let seen = track.seen, view.key.index >= seen.index else { return }
    let before = view.key.index == seen.index ? seen.spent : .zero
    // A correction is no call, and no pace.
    guard view.spent.requests > before.requests, view.spent.cost >= before.cost, view.spent.tokens >= before.tokens
    else { return }
    track.samples.append(
      SpendSample(at: now, cost: view.spent.cost - before.cost, tokens: view.spent.tokens - before.tokens))
    let oldest = now + (.zero - SpendRate.lookBack(of: window))
    track.samples = Self.bounded(track.samples.filter { $0.at >= oldest })
  }

  private static func bounded(_ samples: [SpendSample]) -> [SpendSample] {
    guard samples.count > mostSamples else { return samples }
    var halved: [SpendSample] = []
    for index in stride(from: 0, to: samples.count, by: 2) {
      var sample = samples[index]
      if index + 1 < samples.count {
        sample.cost += samples[index + 1].cost
        sample.tokens += samples[index + 1].tokens
        sample.at = samples[index + 1].at
      }
      halved.append(sample)
    }
    return bounded(halved)
  }
}
