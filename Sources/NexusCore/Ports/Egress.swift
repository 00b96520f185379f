// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// One host, at one port, that an agent in a sandbox may reach.
package struct HostGrant: Sendable, Hashable {
  /// What is spoken there, and so what the gate can hold the agent to.
  package enum Language: String, Sendable, CaseIterable {
    /// TLS or HTTP, whichever the agent begins.
    case web
    /// TLS, whose greeting names the host.
    case tls
    /// HTTP without TLS, each request of which names the host.
    case http
    /// Anything; nothing in it names the host.
    case tcp
  }

  /// A name in lower case, or an IPv4 address.
  package var host: String
  package var port: Int
  package var language: Language
  /// Where the name may lead; empty: to the public internet.
  package var ranges: [AddressRange]
  /// The addresses that the name has; empty: it is looked up.
  package var addresses: [IPAddress]
  /// The methods of its requests, in capitals; empty: any.
  package var methods: [String]
  /// What the paths of its requests may be: exactly, or with `*` behind it what they begin with; empty: any.
  package var paths: [String]
  /// Whether TLS of the agent ends at the gate, which reads what is in it and goes on with TLS of its own.
  package var isTerminated = false
  /// What the host's certificate has to be signed by where TLS is terminated; nil: by whom the machine trusts.
  package var authority: HostAuthority?
  /// What the gate adds to the requests.
  package var secrets: [SecretInjection] = []

  package init(
    host: String, port: Int, language: Language = .web, ranges: [AddressRange] = [], addresses: [IPAddress] = [],
    methods: [String] = [], paths: [String] = []
  ) {
    self.host = host
    self.port = port
    self.language = language
    self.ranges = ranges
    self.addresses = addresses
    self.methods = methods
    self.paths = paths
  }

  /// The address that the grant is for, if it is for one.
  package var literal: IPAddress? { IPAddress(host) }

  /// Whether the gate may connect to an address that its name leads to.
  package func allows(_ address: IPAddress) -> Bool {
    if literal == address || addresses.contains(address) { return true }
    if !ranges.isEmpty { return ranges.contains { $0.contains(address) } }
    return address.isPublic && !address.isTranslated
  }
}

/// How much an agent in a sandbox may send and receive in one attempt, all hosts together.
package struct EgressCaps: Sendable, Hashable {
  package var bytes: Int64?
  package var requests: Int?

  package init(bytes: Int64? = nil, requests: Int? = nil) {
    self.bytes = bytes
    self.requests = requests
  }
}

/// One connection of an agent to a granted host, when it is over, or when it has lasted long.
package struct EgressFlow: Sendable, Hashable {
  /// The `end` of one that has not ended yet.
  package static let open = "open"

  package var host: String
  package var port: Int
  /// Nil if there was none to connect to.
  package var address: IPAddress?
  package var sent: Int64
  package var received: Int64
  package var requests: Int
  package var duration: Duration
  /// How it ended: `closed`, `denied`, `unreachable`, `broken`, `idle`, `shutdown`, `handshake`;
  /// `open` if it has not.
  package var end: String
  /// The names of the secrets that were added to its requests.
  package var secrets: [String] = []
  /// Whether the host was connected to, and what the agent says is passed on to it.
  package var hasReached = false

  package init(
    host: String, port: Int, address: IPAddress?, sent: Int64, received: Int64, requests: Int, duration: Duration,
    end: String
  ) {
    self.host = host
    self.port = port
    self.address = address
    self.sent = sent
    self.received = received
    self.requests = requests
    self.duration = duration
    self.end = end
  }
}

/// What a sandbox did not let an agent do, or could not keep it from.
package struct DenialEvent: Sendable, Hashable {
  /// By what it was denied; the words are stable.
  package enum Rule: String, Sendable, CaseIterable {
    /// A name that is not granted was asked for.
    case name
    /// A granted name leads to an address that it may not lead to.
    case address
    /// TLS greets another host than the granted one, or none.
    case sni
    /// A request names another host than the granted one, or none.
    case host
    /// The agent speaks something that the grant does not allow, or that cannot be checked.
    case language
    case method
    case path
    /// `limits.netBytes` is used up.
    case bytes
    /// `limits.requests` is used up.
    case requests
    /// More connections at a time than a sandbox may have.
    case connections
    /// More questions about names than a sandbox may ask.
    case questions
    /// It took too long to say what it wants.
    case time
    /// A secret that belongs to the requests of the host is not there.
    case secret
    /// A skill asked a model that its manifest does not name; the target is the name.
    case model
    /// A program was ended, or held back, over a limit; the target is the key of it, `limits.cpu`, with the place behind
    /// it where there are several, `limits.disk (/tmp)`, or what is bounded without a key: `/dev/shm`, `/tmp (files)`.
    case limit
    /// Processes that were left running when the main one had ended, and were ended with its sandbox; the count is
    /// theirs.
    case processes
    /// A file that others run by themselves (`StartupPlace`) was made or changed where the agent may write; it is not denied.
    /// The target is its path on the host.
    case startup
    /// The sandbox cannot be made, so nothing was started in it; the target is what it lacks.
    case unavailable
    /// A path that it has no grant for. Of a process the target is the host's path, with `(ro)`, `(rw)` or `(kept)` behind
    /// it; of a module what it asked for, as `FileDenial` writes it.
    case fs
    /// A module is not run: it imports what there is not, or is none.
    case module
    /// A system call that no program in a sandbox may make; the target is its name.
    case syscall
    /// An address that the sandbox's network does not lead to was asked for directly.
    case net
  }

  package var caller: Caller
  package var rule: Rule
  /// What was asked for, as far as it can be shown; untrusted text.
  package var target: String
  /// Nil where none is known, as of a name that was asked for.
  package var port: Int?
  /// How often since it was told last.
  package var count: Int

  package init(caller: Caller, rule: Rule, target: String, port: Int?, count: Int) {
    self.caller = caller
    self.rule = rule
    self.target = target
    self.port = port
    self.count = count
  }

  /// In words, for the log of the agent.
  package var note: String {
    // A whole address has its port in it.
    let place = target.contains("://") ? target : port.map { "\(target):\($0)" } ?? target
    let times = count > 1 && rule != .processes ? " (\(count) times)" : ""
    let words =
      switch rule {
      case .name: "the name \(target) is not granted"
      case .address: "\(place) leads to an address that is not granted"
      case .sni: "\(place) is asked for where another host is granted (SNI)"
      case .host: "\(place) is asked for where another host is granted (Host)"
      case .language: "\(place) is not spoken to in a way that can be checked"
      case .method: "\(place): the method is not granted"
      case .path: "\(place): the path is not granted"
      case .bytes: "\(place): limits.netBytes is used up"
      case .requests: "\(place): limits.requests is used up"
      case .connections: "\(place): too many connections at a time"
      case .questions: "too many names were asked for"
      case .time: "\(place): no request came in time"
      case .secret: "\(place): the secret of its requests is not there"
      case .model: "\(target): the model is not granted"
      case .limit: "\(target) is used up"
      case .processes: "\(count) \(count == 1 ? "process" : "processes") left running, ended with the sandbox"
      case .startup: "\(target) was made or changed: others run it by themselves, outside of the sandbox"
      case .unavailable: "the sandbox cannot be made: \(target)"
      case .fs: "the path \(target) is not granted"
      case .module: "the module is not run: \(target)"
      case .syscall: "the system call \(target)"
      case .net: "\(place) is not reached directly; grant the host in sandbox.net"
      }
    return rule == .startup ? words : "denied: \(words)\(times)"
  }
}

/// Is told what comes out of sandboxes, and what does not.
///
/// Called from event loops; must not block.
package protocol EgressWatcher: Sendable {
  func flow(_ report: EgressFlow, of caller: Caller)
  func denied(_ denial: DenialEvent)
  /// All was told of a sandbox that is no more, as far as it is known.
  func ended(_ caller: Caller)
}

extension EgressWatcher {
  package func ended(_ caller: Caller) {}
}
