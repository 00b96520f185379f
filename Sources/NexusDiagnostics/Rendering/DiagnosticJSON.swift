// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

extension SourceLocation {
  package var json: JSONValue {
    [
      "file": .string(file), "line": .int(Int64(line)), "column": .int(Int64(column)), "length": .int(Int64(length)),
    ]
  }
}

extension Diagnostic {
  /// The shape of `-o json`; additions only.
  package var json: JSONValue {
    var object: JSONObject = [
      "code": .string(code), "severity": .string(severity.rawValue), "message": .string(message),
    ]
    object["location"] = location?.json
    object["label"] = label.map(JSONValue.string)
    if !notes.isEmpty {
      object["notes"] = .array(
        notes.map { note in
          var object: JSONObject = ["message": .string(note.message)]
          object["location"] = note.location?.json
          return .object(object)
        })
    }
    object["help"] = help.map(JSONValue.string)
    object["suggestion"] = suggestion.map(JSONValue.string)
    return .object(object)
  }
}

extension [Diagnostic] {
  /// `{"diagnostics": […], "errors": 1, "warnings": 0}`, all of them, sorted by place.
  package var json: JSONValue {
    let errors = count { $0.severity == .error }
    return [
      "diagnostics": .array(sortedByLocation().map(\.json)), "errors": .int(Int64(errors)),
      "warnings": .int(Int64(count - errors)),
    ]
  }
}
