// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore
internal import NexusGates

/// The rules of a gate.
extension ConfigKeys {
  /// What a file of rules may hold: the rules, alone or under their key.
  static let rulesFile = Shape(sequence: .list(.object(gateRule)), mapping: .object(gateRules))

  static let gateRules = ObjectShape(
    "a file of rules",
    [KeySpec("rules", .list(.object(gateRule)), required: true, "The rules, all of which are asked.")])

  static let gateRule = ObjectShape(
    "a rule",
    [
      KeySpec("id", Shape(.name(.free)), required: true, "Its name, by which verdicts tell of it."),
      KeySpec("when", Shape(.literal), default: "always", "Where this does not hold, the rule is passed over."),
      KeySpec("expr", Shape(.literal), required: true, "What has to hold, in the rule language (CEL)."),
      KeySpec("message", Shape(.literal), default: "that it does not hold", "What is said if it does not."),
      KeySpec("messageExpr", Shape(.literal), "An expression that makes the message."),
      KeySpec("path", Shape(.literal), default: "the whole output", "What it is about, as a JSON Pointer."),
      KeySpec(
        "onFail", Shape(.word(Verdict.allCases.filter { $0 != .pass }.map(\.rawValue))), default: "stop",
        "What it means that it does not hold."),
    ])
}
