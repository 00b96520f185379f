// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI

/// What a request has to show before a route answers.
package enum RouteAccess: String, Sendable {
  /// Nothing: health checks and the login page.
  case open
  /// The cookie of a session, or the bearer token: files of the page, which say nothing about the project.
  case page
  /// The bearer token, or a cookie together with its session secret.
  case api
  /// The same, and named tokens as well: whoever is asked decides by their role.
  case decision
  /// What everybody may do for themselves: ending their own session.
  case own
  /// A bearer token, the owner's or a named one: a session cannot make sessions.
  case login
  /// The owner's bearer token alone.
  case token
}

/// One call of the API.
///
/// Dispatch and the OpenAPI document read the same table.
package struct Route: Sendable {
  package let method: String
  /// Segments in braces are placeholders: `/api/v1/runs/{id}`.
  package let path: String
  package let access: RouteAccess
  package let summary: String
  /// Query parameters and what they are for.
  package let query: [(name: String, meaning: String)]
  package let bodyLimit: Int
  /// The statuses of answers that are no errors.
  package let statuses: [Int]
  /// What answers are, where they are no errors and not empty.
  package let contentType: String
  /// Whether the documentation of the API leaves it out: the dashboard's own files.
  package let isFile: Bool
  package let answer: @Sendable (OperatorRequest) async throws(OperationError) -> OperatorReply
  let segments: [Substring]

  package init(
    _ method: String, _ path: String, access: RouteAccess = .api, _ summary: String,
    query: [(name: String, meaning: String)] = [], bodyLimit: Int = OperatorLimits.bodyBytes,
    statuses: [Int] = [200], contentType: String = "application/json", isFile: Bool = false,
    answer: @escaping @Sendable (OperatorRequest) async throws(OperationError) -> OperatorReply
  ) {
    self.method = method
    self.path = path
    self.access = access
    self.summary = summary
    self.query = query
    self.bodyLimit = bodyLimit
    self.statuses = statuses
    self.contentType = contentType
    self.isFile = isFile
    self.answer = answer
    segments = path.split(separator: "/", omittingEmptySubsequences: false)
  }

  /// The placeholders' values if the path is this route's; a placeholder stands for one segment that is not empty.
  func match(_ path: [Substring]) -> [String: String]? {
    guard path.count == segments.count else { return nil }
    var values: [String: String] = [:]
    for (pattern, segment) in zip(segments, path) {
      if pattern.hasPrefix("{") {
        guard !segment.isEmpty else { return nil }
        values[String(pattern.dropFirst().dropLast())] = String(segment)
      } else if pattern != segment {
        return nil
      }
    }
    return values
  }
}

/// The routes in their order.
package struct RouteTable: Sendable {
  package let routes: [Route]

  package init(_ routes: [Route]) { self.routes = routes }

  /// What may be asked at an address, as the header `Allow` has it.
  package func methods(at path: String) -> String {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false)
    let methods = routes.filter { $0.match(segments) != nil }.map(\.method)
    return (methods + (methods.contains("GET") ? ["HEAD"] : [])).joined(separator: ", ")
  }

  /// Finds the route of a request; HEAD is answered as GET, whose body is then left out.
  package func find(method: String, path: String) throws(OperationError) -> (route: Route, parameters: [String: String])
  {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false)
    let wanted = method == "HEAD" ? "GET" : method
    var otherMethods: [String] = []
    for route in routes {
      guard let parameters = route.match(segments) else { continue }
      if route.method == wanted { return (route, parameters) }
      otherMethods.append(route.method)
    }
    guard otherMethods.isEmpty else {
      throw .wrongMethod("Use \(otherMethods.joined(separator: " or ")) here.")
    }
    throw .noRoute("There is nothing at this address.")
  }
}
