// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// What a step remembers of its calls beside their record: how fast it spent, and what equal requests were answered.
///
/// Read from the store when nothing of the step is in memory, after a restart of the node as well as of the agent.
struct RunPast {
  /// How many of the last calls are looked at.
  static let mostCalls = 4096
  /// How many repeated requests are looked at, those that were repeated last first.
  static let mostRepeated = 64
  /// The answers to one of them that are read: a loop is found before it takes more.
  static let mostAnswers = 4
  /// Longer answers are not read; those of streams have some hundred bytes for each token.
  static let mostTokens = TokenCount(1024)

  var pace = SpendPace()
  var repeats = AnswerRepeats()

  /// - Throws: `StoreError` if an answer cannot be read.
  static func read(
    _ rows: [EffectRow], from store: any Store, at reading: ClockReading
  ) async throws(StoreError) -> RunPast {
    var past = RunPast()
    let calls = rows.suffix(mostCalls).filter { $0.record.kind == .model && $0.record.state == .succeeded }
    past.takePace(of: calls, at: reading)
    try await past.takeAnswers(of: calls, from: store)
    return past
  }

  private mutating func takePace(of calls: [EffectRow], at reading: ClockReading) {
    let ended = calls.compactMap { call in call.endedAt.map { (at: $0, call: call) } }.sorted { $0.at < $1.at }
    for (at, call) in ended {
      // The minutes of the monotonic clock; what is said to end later ended now.
      let age = max(.zero, reading.wall - at)
      pace.note(
        Spend(cost: call.cost, tokens: call.inputTokens + call.outputTokens, requests: 1),
        at: reading.monotonic + (.zero - age))
    }
  }

  private mutating func takeAnswers(of calls: [EffectRow], from store: any Store) async throws(StoreError) {
    var equals: [RequestDigest: [EffectRow]] = [:]
    for call in calls { equals[call.record.digest, default: []].append(call) }
    let repeated = equals.values.filter { $0.count > 1 }.sorted {
      ($0.last?.record.ordinal ?? 0) > ($1.last?.record.ordinal ?? 0)
    }
    for same in repeated.prefix(Self.mostRepeated) {
      // The first answer is not looked at: most requests are made once.
      for call in same.dropFirst().suffix(Self.mostAnswers) {
        repeats.note(call.record.digest, answer: try await answerPrint(of: call, in: store))
      }
    }
  }

  /// What an answer is known again by; nil for one that is too long, or that cannot be told.
  private func answerPrint(of call: EffectRow, in store: any Store) async throws(StoreError) -> String? {
    guard call.outputTokens <= Self.mostTokens else { return nil }
    let parts = call.detail.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, let outcome = try await store.outcome(of: call.record.id) else { return nil }
    let uri = String(parts[1])
    let path = uri.prefix { $0 != "?" }
    guard let (api, _) = ModelRoutes.find(path, uri) else { return nil }
    // `EffectName` says it of an array and of nothing else.
    let isArray = uri.hasSuffix("?alt=json")
    return AnswerPrint.of(
      outcome.body, AnswerForm(api: api, isStream: outcome.isStream, isArray: isArray), isStream: outcome.isStream)
  }
}
