// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import NIOCore
internal import NexusCore
internal import NexusKernel
internal import NexusStore

/// A request's conversation as a chain of digests, by which its beginning is known again.
enum Conversation {
  private static let members: Set<String> = ["messages", "input", "contents"]

  /// Nil if the body holds no conversation that is an array.
  ///
  /// The first link covers the model and everything that is not a message, byte for byte: what the provider counted
  /// holds for the very same beginning only.
  static func chain(_ body: ByteBuffer, of model: String) -> PrefixMemo.Chain? {
    let bytes = body.readableBytesUInt8Span
    guard let members = try? JSONScan.members(of: bytes, in: 0..<bytes.count),
      let talk = members.first(where: { Self.members.contains($0.key) }),
      let messages = JSONScan.elements(of: bytes, in: talk.value), !messages.isEmpty
    else { return nil }
    var hash = SHA256()
    hash.update(data: Array("\(model)\n\(talk.key)\n".utf8))
    for member in members where member.key != talk.key {
      hash.update(data: Array("\(member.key.utf8.count) \(member.key) \(member.value.count) ".utf8))
      hash.update(data: JSONScan.array(bytes, member.value))
    }
    var known = bytes.count - messages.reduce(0) { $0 + $1.count }
    let links = messages.map { message in
      hash.update(data: Array("\n\(message.count) ".utf8))
      hash.update(data: JSONScan.array(bytes, message))
      known += message.count
      return PrefixMemo.Chain.Link(digest: String(describing: hash.finalize()), bytes: known)
    }
    return PrefixMemo.Chain(links: links)
  }
}

extension ModelExchange {
  /// Whether a better bound may be found where the one by bytes does not fit.
  ///
  /// Counts of one model say nothing about another; pictures, sound and what stands beside the body have bounds of
  /// their own.
  var mayTighten: Bool { isPlainText && candidates.count == attempts.candidate + 1 && run?.hasCounts == true }

  private var isPlainText: Bool {
    let facts = call.request.facts
    return facts.images == 0 && facts.soundBytes == 0 && facts.hiddenTexts == 0 && facts.kept.isEmpty
      && facts.hosted.isEmpty && facts.unbounded.isEmpty && facts.knownPrefix == nil && !facts.isFree
  }

  /// Asks again with what the provider has counted of the conversation's beginning in this run.
  func tighten() {
    let (body, model) = (call.body, call.target.fullName)
    parts.heavy.run(on: body.readableBytes, loop) {
      Conversation.chain(body, of: model)
    } then: { chain in
      // The agent may have left meanwhile.
      guard self.phase == .waiting else { return }
      let known = chain.flatMap { self.run?.longestCount(of: $0) }
      self.admit(knowing: known.map { RequestFacts.KnownPrefix(tokens: $0.tokens, bytes: $0.bytes) }, isTight: true)
    }
  }

  /// Remembers what the provider counted, for the next call of the run.
  func remember(_ end: CallEnd, _ settlement: Settlement?) {
    guard let run, isPlainText, let settlement else { return }
    if settlement.isViolation { return run.distrustCounts() }
    guard case .usage(let usage) = end, settlement.charge.basis == .usage,
      services.ledger.isLimited(call.session.caller)
    else { return }
    let body = call.body
    let model = call.target.fullName
    parts.heavy.run(on: body.readableBytes, loop) {
      Conversation.chain(body, of: model)
    } then: { chain in
      if let chain { run.learn(chain, tokens: usage.input) }
    }
  }
}
