// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// How often each thing was denied to whoever called for it, where there is no end at which the rest could be told.
///
/// It is told at the first time, and then whenever the count has doubled.
package struct DenialCounts: Sendable {
  /// Different ones of one caller beyond that are counted together.
  package static let most = 100
  /// Callers that are remembered; of the one that was heard the longest time ago the rest is told, and it is forgotten.
  package static let mostCallers = 256

  private struct Key: Hashable {
    let agent: AgentName
    let run: RunID?
  }

  private struct Thing: Hashable {
    var denial: ProgramDenial
    var port: Int?

    func event(of caller: Caller, count: Int) -> DenialEvent {
      var event = denial.event(of: caller, count: count)
      event.port = port
      return event
    }
  }

  private struct Count {
    var all = 0
    var told = 0
  }

  private struct Book {
    var caller: Caller
    var counts: [Thing: Count] = [:]
    /// In the order of their coming.
    var order: [Thing] = []
    var heard = 0

    mutating func note(_ thing: Thing) -> DenialEvent? {
      let isTold = counts[thing] != nil || counts.count < DenialCounts.most
      let key = isTold ? thing : Thing(denial: ProgramDenial(thing.denial.rule, "(others)"), port: nil)
      var count = counts[key] ?? Count()
      if counts[key] == nil { order.append(key) }
      count.all += 1
      defer { counts[key] = count }
      guard count.all >= 2 * count.told else { return nil }
      let fresh = count.all - count.told
      count.told = count.all
      return key.event(of: caller, count: fresh)
    }

    /// What has not been told yet.
    var rest: [DenialEvent] {
      order.compactMap { thing in
        guard let count = counts[thing], count.all > count.told else { return nil }
        return thing.event(of: caller, count: count.all - count.told)
      }
    }
  }

  private var books: [Key: Book] = [:]
  private var heard = 0

  package init() {}

  /// Counts a denial.
  ///
  /// - Returns: what is to be told now.
  package mutating func note(
    _ rule: DenialEvent.Rule, _ target: String, port: Int? = nil, of caller: Caller
  ) -> [DenialEvent] {
    let key = Key(agent: caller.agent, run: caller.run)
    var events: [DenialEvent] = []
    if books[key] == nil, books.count >= Self.mostCallers { events = forgetOne() }
    heard += 1
    var book = books[key] ?? Book(caller: caller)
    (book.caller, book.heard) = (caller, heard)
    let thing = Thing(denial: ProgramDenial(rule, target), port: port)
    if let event = book.note(thing) { events.append(event) }
    books[key] = book
    return events
  }

  private mutating func forgetOne() -> [DenialEvent] {
    guard let oldest = books.min(by: { $0.value.heard < $1.value.heard }) else { return [] }
    books[oldest.key] = nil
    return oldest.value.rest
  }
}
