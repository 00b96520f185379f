// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore

/// The form in which a validator is kept with the runs that are pinned to it.
///
/// It holds everything that the verdict depends on: schemas stand in it whole, whatever file they came from.
extension Validator.Definition {
  /// The version of the form.
  package static let version: Int64 = 1

  package var pinned: JSONValue {
    var object: JSONObject = [
      "version": .int(Self.version), "format": .string(format.rawValue), "scope": .string(scope.rawValue),
      "onInvalid": .string(onInvalid.rawValue), "onError": .string(onError.rawValue),
      "rules": .array(rules.map(\.pinned)),
    ]
    object["schema"] = schemaValue
    if assertsFormats { object["assertFormats"] = true }
    object["confidence"] = confidence.map { check in
      [
        "value": .string(check.expression), "proceed": .double(check.proceed), "escalate": .double(check.escalate),
        "missing": .string(check.missing.rawValue),
      ]
    }
    return .object(object)
  }

  /// Reads the form and compiles the schema in it.
  ///
  /// - Throws: `ValidatorFormError` if this version does not read it, or if the schema cannot be used.
  package init(pinned form: JSONValue) throws(ValidatorFormError) {
    self.init()
    guard let object = form.objectValue, object["version"] == .int(Self.version),
      Set(object.keys).isSubset(of: Self.members),
      let format = object["format"]?.stringValue.flatMap(Validator.Format.init(rawValue:)),
      let scope = object["scope"]?.stringValue.flatMap(Validator.Scope.init(rawValue:)),
      let onInvalid = object["onInvalid"]?.stringValue.flatMap(Verdict.init(rawValue:)), onInvalid > .warn,
      let onError = object["onError"]?.stringValue.flatMap(Verdict.init(rawValue:)), onError >= .escalate,
      let rules = object["rules"]?.arrayValue
    else { throw ValidatorFormError(message: "this version does not read the validator") }
    (self.format, self.scope, self.onInvalid, self.onError) = (format, scope, onInvalid, onError)
    self.rules = []
    for form in rules {
      guard let rule = GateRule(pinned: form) else {
        throw ValidatorFormError(message: "this version does not read a rule of the validator")
      }
      self.rules.append(rule)
    }
    if let form = object["confidence"] {
      guard let check = ConfidenceCheck(pinned: form) else {
        throw ValidatorFormError(message: "this version does not read the confidence of the validator")
      }
      confidence = check
    }
    assertsFormats = object["assertFormats"] == true
    guard let value = object["schema"] else { return }
    schemaValue = value
    var options = Schema.Options()
    options.assertsFormats = assertsFormats
    do throws(SchemaLoadError) { schema = try Schema(value, options: options) } catch {
      throw ValidatorFormError(message: "its schema cannot be used: \(error.problems.first?.description ?? "")")
    }
  }

  private static let members: Set<String> = [
    "version", "format", "scope", "onInvalid", "onError", "rules", "schema", "assertFormats", "confidence",
  ]
}

/// Why a pinned validator cannot be used.
package struct ValidatorFormError: Error, Sendable, Hashable {
  package let message: String
}

extension GateRule {
  fileprivate var pinned: JSONValue {
    var object: JSONObject = [
      "id": .string(id), "expr": .string(expression), "path": .string(path), "onFail": .string(onFail.rawValue),
    ]
    object["when"] = precondition.map { .string($0) }
    object["message"] = message.map { .string($0) }
    object["messageExpr"] = messageExpression.map { .string($0) }
    return .object(object)
  }

  fileprivate init?(pinned form: JSONValue) {
    guard let object = form.objectValue,
      Set(object.keys).isSubset(of: ["id", "expr", "path", "onFail", "when", "message", "messageExpr"]),
      let id = object["id"]?.stringValue, let expression = object["expr"]?.stringValue,
      let path = object["path"]?.stringValue,
      let onFail = object["onFail"]?.stringValue.flatMap(Verdict.init(rawValue:)), onFail > .pass
    else { return nil }
    self.init(
      id: id, expression: expression, precondition: object["when"]?.stringValue,
      message: object["message"]?.stringValue, messageExpression: object["messageExpr"]?.stringValue, path: path,
      onFail: onFail)
  }
}

extension ConfidenceCheck {
  fileprivate init?(pinned form: JSONValue) {
    guard let expression = form["value"]?.stringValue, let proceed = form["proceed"]?.doubleValue,
      let escalate = form["escalate"]?.doubleValue,
      let missing = form["missing"]?.stringValue.flatMap(Verdict.init(rawValue:)), missing > .pass
    else { return nil }
    self.init(expression: expression, proceed: proceed, escalate: escalate, missing: missing)
  }
}

extension Timestamp {
  /// A time of the node's; nil outside of what rules know.
  init?(_ time: WallTime) {
    let (seconds, rest) = time.microseconds.floorDivided(by: 1_000_000)
    self.init(seconds: seconds, nanoseconds: Int32(rest * 1000))
  }
}

extension Validator {
  /// The validator of a pinned form.
  package init(pinned form: JSONValue) throws(ValidatorFormError) {
    let definition = try Definition(pinned: form)
    do throws(GateRuleProblems) { try self.init(definition) } catch {
      throw ValidatorFormError(message: "a rule cannot be used: \(error.all.first?.diagnostic.message ?? "")")
    }
  }
}
