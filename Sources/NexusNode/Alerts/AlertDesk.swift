// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Logging
internal import NexusCore
internal import NexusGateway
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore

/// Tells what comes near to its limit: to the log, to those who watch, and to `naos cost status`.
///
/// Each alert is written down before it is told, so that no restart tells it twice. A threshold whose node died before
/// it was written down is found by the next one, which looks at all budgets when it comes up.
struct AlertDesk {
  /// How many runs that are not over are looked at for budgets of their own.
  private static let mostRuns = 10_000

  let store: any Store
  let ledger: Ledger
  let events: any EventSink
  let clock: any NexusClock
  private let meter: NodeMeter
  /// A node for one run has nobody who reads its log; whoever waits for the run is told by its progress.
  private let isLogged: Bool
  private var book: AlertBook
  private var pace = ForecastWatch()
  private var isPaceSeeded = false

  init(_ parts: NodeParts, told: AlertBook) {
    store = parts.store
    ledger = parts.ledger
    events = parts.events
    clock = parts.clock
    meter = parts.meter
    isLogged = parts.options.purpose == .project
    book = told
  }

  /// Tells what was not told yet, the first words first.
  mutating func tell(_ alerts: [BudgetAlert]) async {
    for alert in alerts {
      let now = clock.wallNow()
      guard let entries = book.adding(alert, at: now), let row = AlertFormat.row(entries) else { continue }
      do throws(StoreError) {
        try await store.commit(StoreTransaction(.synced, [.putComponent(row)]))
      } catch {
        // Not told: the next look finds it again.
        NodeLog.logger.error("an alert cannot be written down (\(alert.words)): \(error.message)")
        continue
      }
      book.take(entries)
      if isLogged { NodeLog.logger.warning("\(alert.words)") }
      meter.count(.budgetActions, [OnLimit.alert.rawValue])
      events.publish(.budget(Self.event(alert)))
    }
  }

  /// Looks at all thresholds.
  mutating func look() async {
    do throws(StoreError) {
      let query = RunQuery(statuses: Set(RunStatus.allCases.filter { !$0.isFinal }), limit: Self.mostRuns)
      let runs = try await store.runs(query).map(\.id)
      await tell(ledger.passedAlerts(ofRuns: Set(runs)))
    } catch {
      NodeLog.logger.error("the budgets cannot be looked at for alerts: \(error.message)")
    }
  }

  /// Looks how fast is spent; what was charged before this node came up counts too.
  mutating func foresee(within horizon: Duration) async {
    if !isPaceSeeded { await seedPace() }
    await tell(pace.look(at: ledger.foreseeable(), within: horizon, now: clock.wallNow()))
  }

  private mutating func seedPace() async {
    // Once: what cannot be read now is no pace, and the next looks make one.
    isPaceSeeded = true
    do throws(StoreError) {
      let books = try await CostBooks.read(store)
      let horizon = clock.wallNow() + (.zero - SpendRate.lookBack(of: .month))
      var samples: [ForecastWatch.Place: [SpendSample]] = [:]
      for charge in books.charges where !charge.basis.isCorrection && charge.basis != .released {
        if charge.at < horizon { break }
        let sample = SpendSample(at: charge.at, cost: charge.spend.cost, tokens: charge.spend.tokens)
        for key in charge.counters { samples[ForecastWatch.Place(key), default: []].append(sample) }
      }
      for (place, found) in samples { pace.seed(found.reversed(), at: place) }
    } catch {
      NodeLog.logger.warning("what was charged before cannot be read, so forecasts begin anew: \(error.message)")
    }
  }

  private static func event(_ alert: BudgetAlert) -> BudgetEvent {
    var usedUpAt: WallTime?
    if case .foreseen(let time) = alert.sign { usedUpAt = time }
    return BudgetEvent(
      scope: alert.scope.text, per: alert.window.rawValue, run: alert.run, percent: alert.percent, usedUpAt: usedUpAt,
      note: alert.words)
  }
}
