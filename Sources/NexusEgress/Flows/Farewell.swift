// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// What an agent gets to read whose connection goes no further.
enum Farewell {
  /// A fatal alert of TLS 1.2 and 1.3: `unrecognized_name`.
  private static let unrecognizedName: [UInt8] = [21, 3, 3, 0, 2, 2, 112]

  /// In the language that the agent has begun; empty where there are no words for it.
  static func refusal(_ refusal: RequestGuard.Refusal, of grant: HostGrant, _ greeting: Greeting) -> [UInt8] {
    if greeting.isSecure { return alert(for: refusal) }
    guard greeting.isPlain else { return [] }
    return response(
      "403 Forbidden",
      "the sandbox does not let this through: \(refusal.rule.rawValue): \(words(for: refusal.rule, of: grant))")
  }

  /// In the words of TLS that has not begun yet.
  static func alert(for refusal: RequestGuard.Refusal) -> [UInt8] { refusal.rule == .sni ? unrecognizedName : [] }

  private static func words(for rule: DenialEvent.Rule, of grant: HostGrant) -> String {
    let place = grant.place
    return switch rule {
    case .host: "each request has to name \(place) and no other host"
    case .language: "this is not HTTP/1 that can be read in one way only, or it asks for another protocol"
    case .method: "the method is not granted at \(place)"
    case .path: "the path is not granted at \(place)"
    case .address: "\(place) leads to an address that is not granted"
    case .bytes: "limits.netBytes is used up"
    case .requests: "limits.requests is used up"
    case .time: "no request came in time"
    case .secret: "the secret that belongs to requests to \(place) is not there"
    case .name, .sni, .connections, .questions, .model, .limit, .module, .fs, .syscall, .net, .processes, .startup,
      .unavailable:
      "it is not granted"
    }
  }

  static func failure(_ why: String, of grant: HostGrant) -> [UInt8] {
    response("502 Bad Gateway", "\(grant.host):\(grant.port) cannot be reached: \(why)")
  }

  private static func response(_ status: String, _ words: String) -> [UInt8] {
    let body = "naos: \(words)\n"
    let head =
      "HTTP/1.1 \(status)\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: \(body.utf8.count)\r\n"
      + "connection: close\r\n\r\n"
    return Array((head + body).utf8)
  }
}
