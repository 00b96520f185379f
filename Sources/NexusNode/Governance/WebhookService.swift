// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Crypto
internal import Logging
internal import NexusAPI
internal import NexusCore
internal import NexusHTTP
internal import NexusKernel
internal import NexusRuntime
internal import NexusStore
internal import ServiceLifecycle
internal import Synchronization

/// What is to be told of questions to people, until it is sent.
final class WebhookQueue: Sendable {
  /// How much waits; the oldest gives way, and is looked for by whoever asks the node.
  static let limit = 256

  let news: AsyncStream<ApprovalNews>
  private let continuation: AsyncStream<ApprovalNews>.Continuation

  init() { (news, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.limit)) }

  func take(_ one: ApprovalNews) {
    guard !one.machine.request.policy.channels.isEmpty, Self.isTold(one.entry) else { return }
    if case .dropped(let oldest) = continuation.yield(one) {
      NodeLog.logger.warning("too much waits for the webhooks: nobody is told of \(oldest.machine.request.id)")
    }
  }

  /// Who tried in vain, and what it was used for, is no news for people.
  private static func isTold(_ entry: ApprovalEntry) -> Bool {
    switch entry {
    case .rejected, .consumed, .agreed: false
    default: true
    }
  }
}

/// Posts what becomes of questions to people to the webhooks that their policies name: signed, and again if that fails.
///
/// It tells people; nothing waits for it, and nothing is decided by it.
struct WebhookService: Service {
  /// How many are on their way at a time.
  private static let limit = 64
  private static let timeout = Duration.seconds(10)
  /// The waits before the second and later tries.
  private static let waits: [Duration] = [.seconds(2), .seconds(10), .seconds(60), .seconds(300)]

  let parts: NodeParts

  func run() async throws {
    let underWay = UnderWay()
    await cancelWhenGracefulShutdown {
      await withDiscardingTaskGroup { group in
        for await news in parts.hooks.news {
          guard underWay.count.load(ordering: .relaxed) < Self.limit else {
            NodeLog.logger.warning(
              "too much is on its way to the webhooks: nobody is told of \(news.machine.request.id)")
            continue
          }
          underWay.count.add(1, ordering: .relaxed)
          group.addTask(name: "webhook:\(news.machine.request.id)") {
            await tell(news)
            underWay.count.subtract(1, ordering: .relaxed)
          }
        }
        group.cancelAll()
      }
    }
  }

  private func tell(_ news: ApprovalNews) async {
    for name in news.machine.request.policy.channels {
      // One that is not configured any more is told nothing.
      guard let hook = parts.plan.webhooks.first(where: { $0.name == name }) else { continue }
      await send(news, to: hook)
    }
  }

  private func send(_ news: ApprovalNews, to hook: WebhookSpec) async {
    let body = WebhookMessage.body(of: news, project: parts.plan.name).encoded()
    for attempt in 0...Self.waits.count {
      let problem: String
      do {
        let answer = try await HTTPClient().execute(
          WebhookMessage.request(body, of: news, to: hook, at: parts.clock.wallNow()), timeout: Self.timeout)
        if answer.status < 300 { return }
        problem = "it answered with \(answer.status)"
        // Nothing that is sent again will be welcome.
        if (400..<500).contains(answer.status), answer.status != 408, answer.status != 429 {
          return NodeLog.logger.warning("the webhook \(hook.name) refuses \(news.machine.request.id): \(problem)")
        }
      } catch {
        problem = "\(error)"
      }
      guard attempt < Self.waits.count else {
        return NodeLog.logger.warning("the webhook \(hook.name) is not told of \(news.machine.request.id): \(problem)")
      }
      do { try await parts.clock.sleep(until: parts.clock.now() + Self.waits[attempt]) } catch { return }
    }
  }
}

/// How many are being sent.
private final class UnderWay: Sendable {
  let count = Atomic(0)
}

/// What a webhook gets.
enum WebhookMessage {
  static func body(of news: ApprovalNews, project: String) -> JSONValue {
    let record = ApprovalRecord([.init(at: news.machine.request.requestedAt, entry: .requested(news.machine.request))])
    var report = ApprovalReports.report(record)
    report?.status = news.machine.status.rawValue
    report?.approvers = news.machine.deciders
    report?.approvedBy = news.machine.agreements.map(\.by.name)
    report?.settledAt = news.machine.settledAt
    report?.decidedBy = news.machine.decider?.name
    report?.next = news.machine.next
    return [
      "id": .string(identifier(of: news)), "event": .string(word(of: news.entry)), "at": .string(news.at.iso8601),
      "project": .string(project), "approval": report?.json ?? .null,
    ]
  }

  static func request(
    _ body: [UInt8], of news: ApprovalNews, to hook: WebhookSpec, at now: WallTime
  ) throws -> HTTPRequestMessage {
    let time = String(now.microseconds / 1_000_000)
    let signed = Array("\(identifier(of: news)).\(time).".utf8) + body
    let code = HMAC<SHA256>.authenticationCode(
      for: signed, using: SymmetricKey(data: Array(hook.secret.revealed.utf8)))
    return try HTTPRequestMessage(
      method: "POST", url: hook.url,
      headers: [
        "content-type": "application/json", "naos-webhook-id": identifier(of: news), "naos-webhook-timestamp": time,
        "naos-webhook-signature": "v1=" + hexadecimal(Array(code)),
      ], body: body)
  }

  /// The same for every try, so that whoever gets it twice knows.
  private static func identifier(of news: ApprovalNews) -> String { "\(news.machine.request.id).\(news.number)" }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  private static func word(of entry: ApprovalEntry) -> String {
    switch entry {
    case .requested: "requested"
    case .warned: "warned"
    case .escalated: "escalated"
    case .agreed: "agreed"
    case .approved: "approved"
    case .denied: "denied"
    case .edited: "edited"
    case .expired: "expired"
    case .cancelled: "cancelled"
    case .voided: "voided"
    case .consumed: "consumed"
    case .rejected: "rejected"
    }
  }
}
