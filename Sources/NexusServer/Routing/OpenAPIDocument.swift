// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
package import NexusCore

/// The OpenAPI 3.1 document of a route table.
package enum OpenAPIDocument {
  package static func describe(_ table: RouteTable, version: String, cookieName: String) -> JSONValue {
    var paths = JSONObject()
    // A file's address that is a call as well is described with both.
    let described = Set(table.routes.filter { !$0.isFile }.map(\.path))
    for route in table.routes where described.contains(route.path) {
      var item = paths[route.path]?.objectValue ?? JSONObject()
      item[route.method.lowercased()] = operation(route)
      paths[route.path] = .object(item)
    }
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Nexus OS operator API", "version": .string(version),
        "description": "Everything that the naos command line asks of a node. Additive changes only.",
        "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
      ],
      "servers": [["url": "/"]],
      "paths": .object(paths),
      "components": [
        "securitySchemes": [
          "token": [
            "type": "http", "scheme": "bearer", "description": "The content of .naos/token, or a named token.",
          ],
          "cookie": ["type": "apiKey", "in": "cookie", "name": .string(cookieName)],
          "session": ["type": "apiKey", "in": "header", "name": "X-Naos-Session"],
        ],
        "schemas": ["Problem": problemSchema],
      ],
    ]
  }

  private static func operation(_ route: Route) -> JSONValue {
    var operation: JSONObject = ["operationId": .string(operationID(route)), "summary": .string(route.summary)]
    let placeholders = route.segments.filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    let parameters: [JSONValue] =
      placeholders.map { parameter($0, in: "path", meaning: "", isRequired: true) }
      + route.query.map { parameter($0.name, in: "query", meaning: $0.meaning, isRequired: false) }
    if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
    if route.method == "POST" {
      operation["requestBody"] = ["content": ["application/json": ["schema": RequestBodies.schema(of: route.path)]]]
    }
    operation["responses"] = .object(responses(route))
    switch route.access {
    case .open: operation["security"] = []
    case .page, .api, .decision, .own: operation["security"] = [["token": []], ["cookie": [], "session": []]]
    case .token, .login: operation["security"] = [["token": []]]
    }
    return .object(operation)
  }

  /// What a call may answer: its own answers, and every kind of no.
  ///
  /// What is not listed is a failure of ours.
  private static func responses(_ route: Route) -> JSONObject {
    var responses = JSONObject()
    for status in route.statuses {
      var response: JSONObject = ["description": "As the summary says."]
      if status != 204, status != 304 {
        let schema: JSONValue = ["type": .string(route.contentType == "application/json" ? "object" : "string")]
        response["content"] = [route.contentType: ["schema": schema]]
      }
      responses["\(status)"] = .object(response)
    }
    let kinds = OperationError.Kind.allCases.filter { $0.httpStatus != 500 }
    for kind in kinds.sorted(by: { $0.httpStatus < $1.httpStatus }) where responses["\(kind.httpStatus)"] == nil {
      responses["\(kind.httpStatus)"] = [
        "description": .string("\(kind.commandExit.meaning): a problem document with the code of the error."),
        "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
      ]
    }
    return responses
  }

  private static func parameter(_ name: String, in place: String, meaning: String, isRequired: Bool) -> JSONValue {
    var object: JSONObject = ["name": .string(name), "in": .string(place)]
    if !meaning.isEmpty { object["description"] = .string(meaning) }
    object["required"] = .bool(isRequired)
    object["schema"] = ["type": "string"]
    return .object(object)
  }

  /// For example `post_runs_id_cancel`.
  private static func operationID(_ route: Route) -> String {
    let words = route.path.split(separator: "/").filter { $0 != "api" && $0 != "v1" }
      .map { $0.filter { $0.isLetter || $0.isNumber || $0 == "-" } }
    return ([route.method.lowercased()] + words.map { String($0).split(separator: "-").joined(separator: "_") })
      .joined(separator: "_")
  }

  private static let problemSchema: JSONValue = [
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": [
      "type": ["type": "string"], "title": ["type": "string"], "status": ["type": "integer"],
      "detail": ["type": "string"], "code": ["type": "string", "pattern": "^NX-[A-Z]{3}-[0-9]{3}$"],
      "hint": ["type": ["string", "null"]], "kind": ["type": "string"],
    ],
  ]
}
