// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// Decides whether what an agent begins with may go to a host, and afterwards whether what follows may.
struct Greeting: Sendable {
  enum Outcome: Sendable, Equatable {
    /// More has to come before anything goes on.
    case more
    /// What may go on, and the methods of the requests that it begins; of what is not read, one without a name for each.
    /// With the place where a body begins whose host is asked first, if that is in there.
    case pass([UInt8], requests: [String], asked: Int? = nil)
    /// With what may go on before it, and whether it is a request of its own.
    case refuse(RequestGuard.Refusal, after: [UInt8], requests: [String], isBetween: Bool)
  }

  private enum Language {
    case unknown, secure
    case plain(RequestGuard)
    /// Nothing is looked at any more.
    case open
  }

  private let grant: HostGrant
  private var language: Language
  private var held: [UInt8] = []

  /// What an agent says that the host may read: of a grant whose TLS ends at the gate, what is in it.
  init(_ grant: HostGrant, secrets: [GateSecret] = []) {
    self.grant = grant
    switch grant.language {
    case .tcp: language = .open
    case .http: language = .plain(RequestGuard(grant, secrets: secrets))
    case .tls: language = grant.isTerminated ? .plain(RequestGuard(grant, secrets: secrets)) : .secure
    case .web: language = .unknown
    }
  }

  /// What it says before anything is encrypted, where its TLS ends at the gate.
  init(helloTo grant: HostGrant) {
    self.grant = grant
    language = .secure
  }

  /// Whether nothing has to be said before the host is connected to: it may be the one who speaks first.
  var isOpen: Bool {
    if case .open = language { return true }
    return false
  }

  /// Whether who is refused can be told so in a response.
  var isPlain: Bool {
    if case .plain = language { return true }
    return false
  }

  /// Whether the last request has begun that goes to the host.
  var isLast: Bool {
    if case .plain(let requests) = language { return requests.isLast }
    return false
  }

  /// Whether nothing more goes to the host.
  var isOver: Bool {
    if case .plain(let requests) = language { return requests.isOver }
    return false
  }

  var isSecure: Bool {
    if case .secure = language { return true }
    return false
  }

  mutating func take(_ bytes: [UInt8]) -> Outcome {
    if case .unknown = language, let first = bytes.first {
      language = ClientHello.isBegun(by: first) ? .secure : .plain(RequestGuard(grant))
    }
    switch language {
    case .open: return .pass(bytes, requests: [])
    case .unknown: return .more
    case .plain(var requests):
      let passage = requests.take(bytes)
      language = .plain(requests)
      if let refusal = passage.refusal {
        let bytes = passage.asked.map { Array(passage.bytes.prefix($0)) } ?? passage.bytes
        return .refuse(refusal, after: bytes, requests: passage.methods, isBetween: passage.isBetween)
      }
      return passage.bytes.isEmpty ? .more : .pass(passage.bytes, requests: passage.methods, asked: passage.asked)
    case .secure:
      held += bytes
      switch ClientHello.read(held) {
      case .incomplete:
        guard held.count > ClientHello.maxBytes else { return .more }
        return refuse(.language, "a greeting that is too long")
      case .malformed(let why): return refuse(.language, why)
      case .complete(let name, let hidesName):
        if hidesName { return refuse(.sni, "an encrypted name") }
        guard isGranted(name) else { return refuse(.sni, name ?? "(no name)") }
        language = .open
        defer { held = [] }
        return .pass(held, requests: [""])
      }
    }
  }

  /// An address is named by nobody: TLS has no word for it.
  private func isGranted(_ name: String?) -> Bool {
    guard let name else { return grant.literal != nil }
    return name == grant.host || name == grant.host + "."
  }

  private func refuse(_ rule: DenialEvent.Rule, _ target: String) -> Outcome {
    .refuse(RequestGuard.Refusal(rule: rule, target: target), after: [], requests: [], isBetween: false)
  }
}
