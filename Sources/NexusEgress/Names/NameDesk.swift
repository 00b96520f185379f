// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NIOCore
internal import NexusCore

/// Answers what a sandbox asks about names: granted ones have an address in there, others do not exist.
///
/// No question leaves the machine, so none can carry anything out.
final class NameDesk: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  typealias OutboundOut = AddressedEnvelope<ByteBuffer>

  /// What every machine knows by itself.
  private static let own = ["localhost": IPAddress("127.0.0.1"), "agent": IPAddress("127.0.0.1")]

  private let sandbox: SandboxDoors
  private var tokens: Int
  private var filledAt: NIODeadline

  init(_ sandbox: SandboxDoors) {
    self.sandbox = sandbox
    tokens = sandbox.limits.questionBurst
    filledAt = sandbox.loop.now
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let envelope = unwrapInboundIn(data)
    guard mayAsk() else { return sandbox.deny(.questions, "", port: nil) }
    guard let answer = answer(Array(envelope.data.readableBytesView)) else { return }
    let reply = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: answer))
    context.write(wrapOutboundOut(reply), promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
    context.fireChannelReadComplete()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // An answer that nobody waits for any more; the next question is heard all the same.
  }

  private func answer(_ message: [UInt8]) -> [UInt8]? {
    switch NameMessage.read(message) {
    case .malformed(let answer): return answer
    case .question(let question):
      guard question.isInternet else { return NameMessage.answer(question, .notImplemented) }
      guard let address = sandbox.names[question.name] ?? Self.own[question.name].flatMap(\.self) else {
        // Whom an address belongs to is asked by programs that log, and is no wish to go there.
        if question.type != NameQuestion.pointerType { sandbox.deny(.name, question.name, port: nil) }
        return NameMessage.answer(question, .noSuchName)
      }
      let isAddress = question.type == NameQuestion.addressType
      return NameMessage.answer(question, .found, address: isAddress ? address.bytes : nil)
    }
  }

  private func mayAsk() -> Bool {
    let now = sandbox.loop.now
    let passed = (now - filledAt).nanoseconds
    let perQuestion = 1_000_000_000 / Int64(sandbox.limits.questionsPerSecond)
    let fresh = passed / perQuestion
    if fresh > 0 {
      tokens = min(sandbox.limits.questionBurst, tokens + Int(clamping: fresh))
      filledAt = filledAt + .nanoseconds(fresh * perQuestion)
    }
    guard tokens > 0 else { return false }
    tokens -= 1
    return true
  }
}
