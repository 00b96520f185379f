// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusHTTP

/// `http.get`: text from granted hosts only, without credentials, and never from a private network by surprise.
struct WebFetch: Sendable {
  static let maxRedirects = 5
  static let maxBody = 256 << 10
  /// How many addresses of one host are tried.
  static let maxAddresses = 3
  static let timeout = Duration.seconds(30)

  let client: HTTPClient
  let hosts: [String]

  func get(_ arguments: ToolArguments) async throws -> JSONValue {
    let text = try arguments.requiredText("url")
    do {
      var url = try HTTPURL(text)
      for _ in 0...Self.maxRedirects {
        switch try await fetch(url) {
        case .page(let content): return content
        // Each hop is checked as if the model had asked for it.
        case .redirect(let location): url = try url.resolving(location)
        }
      }
    } catch let error as HTTPClientError {
      throw ToolFailure("\(text): \(error.message)")
    }
    throw ToolFailure("\(text) redirects more than \(Self.maxRedirects) times")
  }

  private enum Fetched: Sendable {
    case page(JSONValue)
    case redirect(String)
  }

  private func fetch(_ url: HTTPURL) async throws -> Fetched {
    try checkGrant(url)
    let addresses = try await addresses(of: url).prefix(Self.maxAddresses)
    for address in addresses.dropLast() {
      do {
        return try await fetch(url, from: address)
      } catch let error as HTTPClientError where error.code == .refused {
        continue
      }
    }
    guard let last = addresses.last else { throw ToolFailure("\(url.host) has no address") }
    return try await fetch(url, from: last)
  }

  private func fetch(_ url: HTTPURL, from address: IPAddress) async throws -> Fetched {
    var request = HTTPRequestMessage(
      endpoint: url.endpoint, target: url.target,
      headers: ["user-agent": "naos", "accept": "*/*", "accept-encoding": "identity"])
    request.pinned = address
    let timeouts = HTTPTimeouts(total: Self.timeout)
    return try await client.stream(request, timeouts: timeouts) { start, body in
      if [301, 302, 303, 307, 308].contains(start.status), let location = start.headers["location"] {
        return .redirect(location)
      }
      let type = start.headers["content-type"] ?? ""
      guard Self.isText(type) else { throw ToolFailure("\(url) is not text but \(type.prefix(100))") }
      var bytes: [UInt8] = []
      while bytes.count <= Self.maxBody, let piece = try await body.next() { bytes += piece }
      let isCut = bytes.count > Self.maxBody
      return .page([
        "url": .string(url.description), "status": .int(Int64(start.status)), "contentType": .string(type),
        "body": .string(String(decoding: bytes.prefix(Self.maxBody), as: UTF8.self)), "truncated": .bool(isCut),
      ])
    }
  }

  private func checkGrant(_ url: HTTPURL) throws(ToolFailure) {
    guard !isGranted(url) else { return }
    let port = url.port == (url.isSecure ? 443 : 80) ? "" : ":\(url.port)"
    let granted = hosts.isEmpty ? "none is" : "granted are \(hosts.joined(separator: ", "))"
    throw ToolFailure("the host \(url.host)\(port) is not granted to this agent; \(granted)")
  }

  /// A grant without a port is one for every port of the host.
  private func isGranted(_ url: HTTPURL) -> Bool {
    let named = url.host.contains(":") ? "[\(url.host)]" : url.host
    return hosts.contains { grant in
      let grant = grant.lowercased()
      return grant == "\(named):\(url.port)" || grant == named || grant == url.host
    }
  }

  /// The addresses that may be connected to: looked up once, so that a second answer of the DNS cannot differ.
  private func addresses(of url: HTTPURL) async throws -> [IPAddress] {
    let addresses = try await AddressLookup.addresses(of: url.host)
    // A literal address, or localhost, stands in the grant itself: that is leave enough.
    if IPAddress(url.host) != nil || url.host == "localhost" { return addresses }
    let open = addresses.filter(\.isPublic)
    guard !open.isEmpty else {
      throw ToolFailure("\(url.host) leads to a private address; grant the address itself to allow it")
    }
    return open
  }

  private static func isText(_ type: String) -> Bool {
    let kind = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    return kind.isEmpty || kind.hasPrefix("text/") || kind.hasSuffix("json") || kind.hasSuffix("xml")
      || kind.hasSuffix("yaml") || kind.hasSuffix("javascript") || kind == "application/x-ndjson"
  }
}
