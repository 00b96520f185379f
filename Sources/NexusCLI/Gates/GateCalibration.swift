// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusAPI
package import NexusCore

/// What people have made of outputs that were not sure enough to pass: how far a validator's `confidence` can be trusted.
///
/// Told by the journals of stored runs alone: each judgement has the number that was too low, and each decision the word.
package struct GateCalibration: Sendable, Hashable {
  /// Decided outputs below which a bin says nothing.
  package static let fewest = 10
  /// The bins of a scale from 0 to 1.
  package static let bins = 20

  /// One part of the scale.
  package struct Bin: Sendable, Hashable {
    package var decided: Int
    package var accepted: Int

    package init(decided: Int = 0, accepted: Int = 0) {
      self.decided = decided
      self.accepted = accepted
    }
  }

  package let validator: String
  /// How often it was asked, and how often something else than `pass` came of it.
  package private(set) var asked = 0
  package private(set) var fired = 0
  package private(set) var bins = Array(repeating: Bin(), count: GateCalibration.bins)

  package init(validator: String) { self.validator = validator }

  package var decided: Int { bins.reduce(0) { $0 + $1.decided } }

  /// The lowest part of the scale from which on people have accepted at least this share, each part with enough decisions.
  ///
  /// - Returns: where it begins; nil if there is none, or too little is known.
  package func threshold(accepting share: Double) -> Double? {
    var lowest: Double?
    for (index, bin) in bins.enumerated().reversed() where bin.decided > 0 {
      guard bin.decided >= Self.fewest, Double(bin.accepted) >= share * Double(bin.decided) else { break }
      lowest = Double(index) / Double(Self.bins)
    }
    return lowest
  }

  package var json: JSONValue {
    [
      "validator": .string(validator), "asked": .int(Int64(asked)), "fired": .int(Int64(fired)),
      "decided": .int(Int64(decided)),
      "bins": .array(
        bins.enumerated().filter { $0.element.decided > 0 }.map { index, bin in
          [
            "from": .double(Double(index) / Double(Self.bins)), "to": .double(Double(index + 1) / Double(Self.bins)),
            "decided": .int(Int64(bin.decided)), "accepted": .int(Int64(bin.accepted)),
          ]
        }),
    ]
  }

  private mutating func note(_ confidence: Double, accepted: Bool) {
    let index = min(max(Int(confidence * Double(Self.bins)), 0), Self.bins - 1)
    bins[index].decided += 1
    if accepted { bins[index].accepted += 1 }
  }

  // MARK: Journals

  /// Takes what one run says of its validators.
  package static func take(_ journal: [JournalItem], into all: inout [String: GateCalibration]) {
    // What waits for a person's word, by step: the validators and their numbers.
    var waiting: [String: [(validator: String, confidence: Double)]] = [:]
    for item in journal {
      let step = item.entry["step"]?.stringValue ?? StepPath.main.text
      switch item.kind {
      case "judged":
        waiting[step] = []
        for finding in item.entry["findings"]?.arrayValue ?? [] {
          guard let name = finding["validator"]?.stringValue else { continue }
          all[name, default: GateCalibration(validator: name)].asked += 1
          if finding["verdict"] != "pass" { all[name]?.fired += 1 }
          guard let confidence = Self.confidence(in: finding) else { continue }
          waiting[step]?.append((name, confidence))
        }
      case "gate-decided":
        let isAccepted = item.entry["decision"] == "accept"
        for (name, confidence) in waiting.removeValue(forKey: step) ?? [] {
          all[name]?.note(confidence, accepted: isAccepted)
        }
      default: break
      }
    }
  }

  /// The number that was too low; nil if something else was wrong as well, which the person may have decided about.
  private static func confidence(in finding: JSONValue) -> Double? {
    let errors = finding["errors"]?.arrayValue ?? []
    guard errors.count == 1, errors[0]["code"] == "confidenceLow", let got = errors[0]["got"]?.stringValue,
      let number = Double(got), (0...1).contains(number)
    else { return nil }
    return number
  }
}
