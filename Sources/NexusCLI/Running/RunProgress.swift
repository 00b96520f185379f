// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
package import NexusCore
internal import NexusDiagnostics

/// What is said while a run goes on: one line for each thing that happens.
///
///     ● researcher · attempt 1 · local/extractive (offline, quotes its sources; set a provider for an LLM)
///       files.search  saga step five fails               3 hits      2 ms
///       model         local/extractive          412 → 96 tokens     4 ms
///     ▲ researcher exited (signal 9) · restart 1 of 3 in 60 s · attempt 2
///       replayed      6 model calls, 4 tool calls from the journal    $0.00   3 ms
package struct RunProgress: Sendable {
  /// Effects answered from the journal one after the other, told in one line.
  private struct Replayed: Sendable {
    var models = 0
    var others = 0
    var duration = Duration.zero
    var isEmpty: Bool { models + others == 0 }
  }

  private let style: Style
  private let showsLogs: Bool
  private var replayed = Replayed()
  /// The last note of the run that gave a reason: it is not said again in other words.
  private var said = ""

  package init(style: Style, showsLogs: Bool = false) {
    self.style = style
    self.showsLogs = showsLogs
  }

  /// The lines to write for an event; none for what does not matter to whoever waits.
  package mutating func lines(for event: NodeEvent) -> [String] {
    switch event {
    case .effect(let effect): return lines(for: effect)
    case .run(let run): return flush() + lines(for: run)
    case .agent(let agent): return lines(for: agent)
    case .budget(let budget): return flush() + ["\(style.warning("▲")) \(TerminalText.line(budget.note))"]
    case .denial(let denial): return flush() + ["\(style.warning("▲")) \(TerminalText.line(denial.note))"]
    // What it means for the run is told by the run.
    case .supervisor, .secret, .approval: return []
    case .log(let line):
      guard showsLogs else { return [] }
      let label = line.stream == .node ? "naos          " : "log           "
      return flush() + ["  \(style.quiet(label + TerminalText.line(line.text)))"]
    }
  }

  /// What is left to say at the end.
  package mutating func flush() -> [String] {
    guard !replayed.isEmpty else { return [] }
    var parts: [String] = []
    if replayed.models > 0 { parts.append("\(replayed.models) model call\(replayed.models == 1 ? "" : "s")") }
    if replayed.others > 0 { parts.append("\(replayed.others) tool call\(replayed.others == 1 ? "" : "s")") }
    let line = Self.row("replayed", parts.joined(separator: ", ") + " from the journal", "$0.00", replayed.duration)
    replayed = Replayed()
    return [style.quiet(line)]
  }

  private mutating func lines(for effect: EffectEvent) -> [String] {
    switch effect.phase {
    case .started: return []
    case .replayed:
      if effect.kind == .model { replayed.models += 1 } else { replayed.others += 1 }
      replayed.duration += effect.duration
      return []
    case .succeeded:
      return flush() + [Self.row(Self.label(effect), Self.subject(effect), Self.result(effect), effect.duration)]
    case .failed:
      let line = Self.row(Self.label(effect), Self.subject(effect), "failed", effect.duration)
      return flush() + [style.bad(line)] + reason(of: effect)
    case .refused:
      return flush() + [style.warning(Self.row(Self.label(effect), Self.subject(effect), "refused", effect.duration))]
    }
  }

  /// Why it failed, below it: it may be long.
  private func reason(of effect: EffectEvent) -> [String] {
    let words = TerminalText.line(effect.result, limit: 300)
    return words.isEmpty ? [] : ["  " + Self.pad("", 14) + style.quiet(words)]
  }

  private static func label(_ effect: EffectEvent) -> String {
    effect.kind == .model ? "model" : effect.kind == .request ? "request" : effect.name
  }

  private static func subject(_ effect: EffectEvent) -> String {
    effect.kind == .tool ? effect.detail : effect.detail.isEmpty ? effect.name : "\(effect.name)  \(effect.detail)"
  }

  private static func result(_ effect: EffectEvent) -> String {
    guard effect.kind == .model else { return TerminalText.line(effect.result) }
    let tokens = "\(Quantities.count(effect.inputTokens.value)) → \(Quantities.count(effect.outputTokens.value)) tokens"
    return effect.cost > .zero ? "\(tokens)  \(Quantities.money(effect.cost))" : tokens
  }

  private mutating func lines(for run: RunEvent) -> [String] {
    let agent = style.strong(TerminalText.line(run.agent.text))
    let whole = TerminalText.line(run.note)
    let note = news(in: whole)
    // The line at the end says it, with its reason.
    guard note == whole || (note != "failed" && !note.hasPrefix("paused (")) else { return [] }
    let words = note.isEmpty ? "" : " · \(note)"
    if run.status != "suspended", Self.isEndOfAttempt(note) { return [style.warning("▲") + " \(agent)\(words)"] }
    switch run.status {
    case "running": return [style.good("●") + " \(agent)\(words)"]
    case "queued", "completed": return []
    case "paused": return [style.warning("‖") + " \(agent) paused\(words)"]
    case "suspended": return [style.quiet("◌") + " \(agent) waits\(words)"] + wayOut(of: note)
    default: return note.isEmpty ? [] : [style.quiet("·") + " \(agent)\(words)"]
    }
  }

  /// The note without a reason that a note before has given: `failed: NX-AGT-001 …` behind `attempt 3: …` is `failed`.
  private mutating func news(in note: String) -> String {
    guard let (head, reason) = Self.reason(in: note), said.hasSuffix(reason) else {
      said = note
      return note
    }
    return head
  }

  private static func reason(in note: String) -> (head: String, reason: String)? {
    let head: Range<String.Index>
    var reason: Substring
    if let code = note.firstRange(of: ": NX-") {
      head = note.startIndex..<code.lowerBound
      reason = note[code.upperBound...].drop { $0 != " " }.dropFirst()
    } else if note.hasPrefix("paused ("), let end = note.firstRange(of: "): ") {
      head = note.startIndex..<note.index(after: end.lowerBound)
      reason = note[end.upperBound...]
    } else {
      return nil
    }
    // A flow says at which step.
    if reason.hasPrefix("step "), let step = reason.firstRange(of: ": ") { reason = reason[step.upperBound...] }
    return reason.isEmpty ? nil : (String(note[head]), String(reason))
  }

  /// `attempt 2: …`, also behind the name of a step; the note of its start says nothing behind the number.
  private static func isEndOfAttempt(_ note: String) -> Bool {
    guard let word = note.firstRange(of: "attempt ") else { return false }
    return note[word.upperBound...].drop(while: \.isWholeNumber).hasPrefix(": ")
  }

  /// How a person answers what the run asks.
  private func wayOut(of note: String) -> [String] {
    let asks = "asks for the approval "
    guard let place = note.firstRange(of: asks) else { return [] }
    let id = note[place.upperBound...].prefix { $0 != ":" }
    return ["  \(style.quiet("decide with"))   naos approvals approve \(id)   \(style.quiet("or deny, edit, show"))"]
  }

  /// Only what a restart needs: an agent that comes and goes with its run is told by the run.
  private mutating func lines(for agent: AgentEvent) -> [String] {
    guard ["backoff", "failed", "exhausted", "waiting"].contains(agent.state) else { return [] }
    let name = TerminalText.line(agent.agent.text)
    let note = TerminalText.line(agent.note)
    // The run has said why, or its last line will.
    let isSaid = note.isEmpty || note.hasPrefix("paused: ") || said.hasSuffix(note)
    // Others of its runs wait for something of their own.
    if note.hasSuffix(" wait") || note.hasSuffix(" waits") { return [] }
    guard !isSaid, Self.reason(in: ": \(note)").map({ !said.hasSuffix($0.reason) }) ?? true else { return [] }
    return flush() + [style.warning("▲") + " \(style.strong(name)) \(note)"]
  }

  /// `  files.search  saga step five fails               3 hits      2 ms`.
  private static func row(_ label: String, _ subject: String, _ result: String, _ duration: Duration) -> String {
    let middle = TerminalText.line(subject, limit: 60)
    let line = "  \(pad(TerminalText.line(label, limit: 20), 12))  \(pad(middle, 34))  \(pad(result, 18, right: true))"
    return "\(line)  \(pad(Quantities.duration(duration), 8, right: true))"
  }

  private static func pad(_ text: String, _ width: Int, right: Bool = false) -> String {
    let spaces = String(repeating: " ", count: max(0, width - DisplayText.width(of: text)))
    return right ? spaces + text : text + spaces
  }
}
