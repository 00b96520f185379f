// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// A request to run an agent, workflow, saga or pool.
package struct StartRun: Sendable, Hashable {
  /// The largest input, in bytes of its JSON.
  package static let maxInputBytes = 4 << 20

  package var name: String
  package var input: JSONValue
  /// The same key with the same name starts nothing new: it answers with the run that it started first.
  package var idempotencyKey: String?
  package var timeout: Duration?
  /// Members that replace those of an input object.
  package var set: JSONObject
  /// The largest cassette, in bytes of its JSON.
  package static let maxCassetteBytes = 32 << 20
  /// What all its model calls are answered from; nil to ask the models.
  package var cassette: JSONValue?

  package init(
    name: String, input: JSONValue = .null, idempotencyKey: String? = nil, timeout: Duration? = nil,
    set: JSONObject = JSONObject()
  ) {
    self.name = name
    self.input = input
    self.idempotencyKey = idempotencyKey
    self.timeout = timeout
    self.set = set
  }

  /// The input with what was set.
  ///
  /// - Throws: `OperationError` of kind `usage` if members are set on an input that is no object.
  package func effectiveInput() throws(OperationError) -> JSONValue {
    guard !set.isEmpty else { return input }
    var object: JSONObject
    switch input {
    case .null: object = JSONObject()
    case .object(let given): object = given
    default:
      throw OperationError(
        .usage, code: "NX-API-001", title: "The request is not understood",
        detail: "`set` needs an input that is a JSON object.", hint: "Give `--input '{…}'`, or no input at all.")
    }
    for member in set { object[member.key] = member.value }
    return .object(object)
  }
}

extension StartRun: WireValue {
  package var json: JSONValue {
    [
      "name": .string(name), "input": input, "idempotencyKey": .of(idempotencyKey),
      "timeoutMilliseconds": .of(timeout?.wholeMilliseconds), "set": .object(set), "cassette": cassette ?? .null,
    ]
  }

  package init(json: JSONValue) throws(WireError) {
    let reader = try WireReader(json, "run")
    name = try reader.text("name")
    input = reader.value("input") ?? .null
    idempotencyKey = try reader.optionalText("idempotencyKey")
    // What a variable that is not set leaves would make all runs of a name the same one.
    if idempotencyKey?.isEmpty == true {
      throw WireError(path: "run.idempotencyKey", message: "expected at least one byte")
    }
    timeout = try reader.optionalInteger("timeoutMilliseconds").map { Duration.milliseconds($0) }
    if let timeout, timeout <= .zero {
      throw WireError(path: "run.timeoutMilliseconds", message: "expected more than 0")
    }
    cassette = reader.value("cassette")
    guard let set = reader.value("set") else {
      self.set = JSONObject()
      return
    }
    guard case .object(let members) = set else { throw WireError(path: "run.set", message: "expected an object") }
    self.set = members
  }
}
