// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// Header fields in the order in which they travel; names compare without case.
package struct HeaderFields: Sendable, Hashable, ExpressibleByDictionaryLiteral, Sequence {
  package struct Field: Sendable, Hashable {
    package let name: String
    package let value: String
    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  package private(set) var fields: [Field]

  package init() { fields = [] }

  package init(dictionaryLiteral elements: (String, String)...) {
    fields = elements.map { Field(name: $0, value: $1) }
  }

  package func makeIterator() -> IndexingIterator<[Field]> { fields.makeIterator() }

  package mutating func append(name: String, value: String) { fields.append(Field(name: name, value: value)) }

  /// The first field of that name; setting replaces all of that name.
  package subscript(name: String) -> String? {
    get {
      let wanted = name.lowercased()
      return fields.first { $0.name.lowercased() == wanted }?.value
    }
    set {
      let wanted = name.lowercased()
      fields.removeAll { $0.name.lowercased() == wanted }
      if let newValue { fields.append(Field(name: name, value: newValue)) }
    }
  }
}

/// Where a request goes.
package enum HTTPEndpoint: Sendable, Hashable {
  case tcp(host: String, port: Int)
  /// The certificate is verified for `host`.
  case tls(host: String, port: Int)
  /// A unix socket, whose path may be longer than the kernel's 107 bytes.
  case unix(path: String)
}

package struct HTTPRequestMessage: Sendable {
  package var method: String
  package var endpoint: HTTPEndpoint
  /// Path and query as they travel: `/v1/models?limit=1`.
  package var target: String
  package var headers: HeaderFields
  package var body: [UInt8]
  /// The address to connect to instead of looking up the endpoint's host again.
  package var pinned: IPAddress?

  package init(
    method: String = "GET", endpoint: HTTPEndpoint, target: String, headers: HeaderFields = [:], body: [UInt8] = []
  ) {
    self.method = method
    self.endpoint = endpoint
    self.target = target
    self.headers = headers
    self.body = body
  }

  /// A request to an `http://` or `https://` URL.
  package init(method: String = "GET", url: String, headers: HeaderFields = [:], body: [UInt8] = [])
    throws(HTTPClientError)
  {
    let parsed = try HTTPURL(url)
    self.init(method: method, endpoint: parsed.endpoint, target: parsed.target, headers: headers, body: body)
  }
}

/// The first part of an answer.
package struct HTTPResponseStart: Sendable {
  package let status: Int
  package let headers: HeaderFields
}

/// An answer with all of its body.
package struct HTTPResponseMessage: Sendable {
  package let status: Int
  package let headers: HeaderFields
  package let body: [UInt8]

  package init(status: Int, headers: HeaderFields, body: [UInt8]) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// How long the parts of an exchange may take.
package struct HTTPTimeouts: Sendable, Hashable {
  package var connect: Duration
  /// From the start of the exchange to the last byte; nil for none.
  package var total: Duration?
  /// Between two reads that the caller waits for; nil for none.
  package var idle: Duration?

  package init(connect: Duration = .seconds(10), total: Duration? = nil, idle: Duration? = nil) {
    self.connect = connect
    self.total = total
    self.idle = idle
  }
}
