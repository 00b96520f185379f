// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
package import NexusCore

/// Numbers as people read them.
package enum Quantities {
  /// `100,000`.
  static func count(_ value: Int64) -> String {
    let digits = String(value.magnitude)
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { grouped.append(",") }
      grouped.append(digit)
    }
    return value < 0 ? "-" + grouped : grouped
  }

  /// `41.2k`, `9.0k`, `512`, `1.3M`.
  static func short(_ value: Int64) -> String {
    switch value.magnitude {
    case 0..<1000: "\(value)"
    case 1000..<1_000_000: tenths(value, 1000) + "k"
    case 1_000_000..<1_000_000_000: tenths(value, 1_000_000) + "M"
    default: tenths(value, 1_000_000_000) + "G"
    }
  }

  private static func tenths(_ value: Int64, _ unit: Int64) -> String {
    "\(value / unit).\(value.magnitude % unit.magnitude / (unit.magnitude / 10))"
  }

  /// `1.2 KB`.
  static func bytes(_ value: Int64) -> String {
    switch value {
    case ..<1000: "\(value) B"
    case ..<1_000_000: tenths(value, 1000) + " KB"
    case ..<1_000_000_000: tenths(value, 1_000_000) + " MB"
    default: tenths(value, 1_000_000_000) + " GB"
    }
  }

  /// `4 ms`, `0.1 s`, `2 min 5 s`.
  static func duration(_ value: Duration) -> String {
    let milliseconds = max(0, value.wholeMilliseconds)
    switch milliseconds {
    case 0..<100: return "\(milliseconds) ms"
    case 100..<60_000: return tenths(milliseconds, 1000) + " s"
    case 60_000..<3_600_000: return "\(milliseconds / 60_000) min \(milliseconds / 1000 % 60) s"
    default: return "\(milliseconds / 3_600_000) h \(milliseconds / 60_000 % 60) min"
    }
  }

  /// `3 of 5 in 60 s`.
  static func restarts(_ restarts: RestartStatus) -> String {
    "\(restarts.count) of \(restarts.max) in \(restarts.withinSeconds) s"
  }

  /// `restarted 12s ago: exit 1`; with a name where the window is that of several.
  static func restart(_ restart: RestartNote, now: WallTime, names: Bool) -> String {
    "\(names ? restart.child + " " : "")restarted \(ago(restart.at, now: now)): \(restart.reason)"
  }

  /// `12:30:05.125Z`, of another day with its date: as exact as it is known, and with its zone.
  package static func moment(_ time: WallTime, now: WallTime) -> String {
    let text = time.iso8601
    let dateAndT = 11
    return text.prefix(dateAndT) == now.iso8601.prefix(dateAndT) ? String(text.dropFirst(dateAndT)) : text
  }

  /// `2s ago`, `12m ago`, `3h ago`, `5d ago`.
  static func ago(_ time: WallTime?, now: WallTime) -> String {
    guard let time else { return "–" }
    let age = now - time
    return age < .seconds(1) ? "now" : Self.age(age) + " ago"
  }

  /// `2s`, `12m`, `3h`, `5d`.
  static func age(_ duration: Duration) -> String {
    let seconds = max(0, duration.wholeMilliseconds / 1000)
    switch seconds {
    case ..<60: return "\(seconds)s"
    case 60..<3600: return "\(seconds / 60)m"
    case 3600..<86_400: return "\(seconds / 3600)h"
    default: return "\(seconds / 86_400)d"
    }
  }

  /// Two decimals where that is exact or large, four where it is small: `$0.0021`, `$4.20`.
  static func money(_ amount: NanoUSD) -> String {
    let negative = amount.value < 0
    let magnitude = amount.value.magnitude
    let isFine = magnitude < 1_000_000_000 && magnitude % 10_000_000 != 0
    let unit: UInt64 = isFine ? 100_000 : 10_000_000
    let places = isFine ? 4 : 2
    // Rounded up: a cost is never shown smaller than it is.
    let rounded = magnitude / unit + (magnitude % unit == 0 ? 0 : 1)
    let scale: UInt64 = isFine ? 10_000 : 100
    let fraction = String(String(scale + rounded % scale).dropFirst())
    precondition(fraction.count == places, "a fraction has its places")
    return "\(negative ? "-" : "")$\(rounded / scale).\(fraction)"
  }

  /// What a run used, and what the limit that it stands nearest to leaves it and others:
  /// `508 tokens · $0.00 · 95,562 of 100,000 tokens left today`.
  static func cost(_ cost: RunCost) -> String {
    let used = "\(count(cost.tokens.value)) token\(cost.tokens.value == 1 ? "" : "s") · \(money(cost.cost))"
    return cost.budget.flatMap(left).map { "\(used) · \($0)" } ?? used
  }

  /// What is left of a budget, on the axis of which more is used.
  private static func left(of budget: BudgetStatus) -> String? {
    let tokens = budget.maxTokens.map { Share(used: budget.usedTokens.value, max: $0.value) }
    let cost = budget.maxNanoUSD.map { Share(used: budget.usedNanoUSD.value, max: $0.value) }
    let words: String
    if let tokens, cost.map({ !$0.isNearer(than: tokens) }) ?? true {
      words = "\(count(tokens.left)) of \(count(tokens.max)) tokens"
    } else if let cost {
      words = "\(money(NanoUSD(cost.left))) of \(money(NanoUSD(cost.max)))"
    } else if let limit = budget.maxRequests {
      words = "\(count(max(0, limit - budget.usedRequests))) of \(count(limit)) requests"
    } else {
      return nil
    }
    return "\(words) left\(window(budget.per))\(owner(budget.scope))"
  }

  private struct Share {
    let left: Int64
    let max: Int64

    init(used: Int64, max: Int64) {
      left = max - min(max, used)
      self.max = max
    }

    /// Compared crosswise; of a limit of 0 nothing is left.
    func isNearer(than other: Share) -> Bool {
      Int128(left) * Int128(Swift.max(1, other.max)) < Int128(other.left) * Int128(Swift.max(1, max))
    }
  }

  private static func window(_ word: String) -> String {
    switch word {
    case "run": " for this run"
    case "day": " today"
    case "hour", "week", "month": " this \(word)"
    default: ""
    }
  }

  /// Whose budget it is, unless it is the agent's own.
  private static func owner(_ scope: String) -> String {
    if scope == "global" { return " to the project" }
    // `workflow publish`, `step publish/research`.
    if !scope.hasPrefix("agent:"), !scope.hasPrefix("supervisor:"), let colon = scope.firstIndex(of: ":") {
      return " to \(TerminalText.line("\(scope[..<colon]) \(scope[scope.index(after: colon)...])"))"
    }
    return scope.hasPrefix("supervisor:") ? " to \(scope.dropFirst("supervisor:".count))" : ""
  }

  /// `$0.20 of $5.00/day`, of a shared budget with whose it is: `41.2k of 100.0k tokens (global)`.
  ///
  /// Of money and tokens it is what is used more.
  static func nearest(_ budget: BudgetStatus, of agent: AgentName) -> String {
    let own = budget.scope == "agent:\(agent)" ? "" : " (\(TerminalText.line(budget.scope)))"
    // There is no one sum of what all runs have spent of what each may spend.
    let isOfEach = budget.per == runWindow
    let tokens = budget.maxTokens.map { limit in
      (isOfEach ? "" : "\(short(budget.usedTokens.value)) of ") + "\(short(limit.value)) tokens"
    }
    let money = isOfEach ? budget.maxNanoUSD.map { self.money($0) } : moneyOf(budget)
    let nearer = budget.tokensAreNearer ? tokens ?? money : money ?? tokens
    let requests = budget.maxRequests.map { limit in
      (isOfEach ? "" : "\(short(budget.usedRequests)) of ") + "\(short(limit)) requests"
    }
    return (nearer ?? requests ?? "–") + window(of: budget) + own
  }

  private static let runWindow = "run"

  private static func moneyOf(_ budget: BudgetStatus) -> String? {
    budget.maxNanoUSD.map { "\(money(budget.usedNanoUSD - budget.heldNanoUSD)) of \(money($0))" }
  }

  private static func window(of budget: BudgetStatus) -> String {
    budget.per == "lifetime" ? "" : "/" + TerminalText.line(budget.per)
  }
}

extension BudgetStatus {
  /// A greater part of the tokens is used than of the money.
  fileprivate var tokensAreNearer: Bool {
    guard let tokens = maxTokens?.value, tokens > 0, let money = maxNanoUSD?.value, money > 0 else { return false }
    return Int128(usedTokens.value) * Int128(money) > Int128(usedNanoUSD.value) * Int128(tokens)
  }
}
