// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The form of health in a pinned definition: times in nanoseconds, absent keys for what is not configured.
extension HealthSpec {
  var definition: JSONValue {
    var object: JSONObject = ["onStuck": .string(onStuck.rawValue)]
    object["stuckAfter"] = stuckAfter.map { .int($0.wholeNanoseconds) }
    object["heartbeat"] = heartbeat.map { .int($0.wholeNanoseconds) }
    for kind in ProbeKind.allCases { object[kind.rawValue] = probe(kind).map(\.definition) }
    return .object(object)
  }

  /// Nil if there is anything in it that this version does not read: a probe that is left out protects nobody.
  init?(definition: JSONValue) {
    var probes: [ProbeKind: ProbeSpec] = [:]
    for kind in ProbeKind.allCases {
      guard let probe = definition[kind.rawValue] else { continue }
      guard let spec = ProbeSpec(definition: probe) else { return nil }
      probes[kind] = spec
    }
    guard let onStuck = definition["onStuck"]?.stringValue.flatMap(OnStuck.init(rawValue:)) else { return nil }
    self.init(
      startup: probes[.startup], liveness: probes[.liveness], readiness: probes[.readiness],
      stuckAfter: definition["stuckAfter"]?.intValue.map { .nanoseconds($0) }, onStuck: onStuck,
      heartbeat: definition["heartbeat"]?.intValue.map { .nanoseconds($0) })
  }
}

extension ProbeSpec {
  var definition: JSONValue {
    var object: JSONObject = [
      "initialDelay": .int(initialDelay.wholeNanoseconds), "interval": .int(interval.wholeNanoseconds),
      "timeout": .int(timeout.wholeNanoseconds), "failureThreshold": .int(Int64(failureThreshold)),
      "successThreshold": .int(Int64(successThreshold)),
    ]
    switch check {
    case .http(let target):
      object["http"] = [
        "secure": .bool(target.isSecure), "host": .string(target.host), "port": .int(Int64(target.port)),
        "path": .string(target.path),
      ]
    case .exec(let command): object["exec"] = .array(command.map { .string($0) })
    case .heartbeat: object["heartbeat"] = true
    }
    return .object(object)
  }

  init?(definition: JSONValue) {
    let check: ProbeCheck
    if let http = definition["http"] {
      guard let host = http["host"]?.stringValue, let port = http["port"]?.intValue,
        let path = http["path"]?.stringValue
      else { return nil }
      check = .http(
        ProbeTarget(isSecure: http["secure"]?.boolValue ?? false, host: host, port: Int(clamping: port), path: path))
    } else if let command = definition["exec"]?.arrayValue {
      check = .exec(command.compactMap(\.stringValue))
    } else if definition["heartbeat"]?.boolValue == true {
      check = .heartbeat
    } else {
      return nil
    }
    guard let delay = definition["initialDelay"]?.intValue, let interval = definition["interval"]?.intValue,
      let timeout = definition["timeout"]?.intValue, let failures = definition["failureThreshold"]?.intValue,
      let successes = definition["successThreshold"]?.intValue
    else { return nil }
    self.init(
      check: check, initialDelay: .nanoseconds(delay), interval: .nanoseconds(interval),
      timeout: .nanoseconds(timeout), failureThreshold: Int(clamping: failures),
      successThreshold: Int(clamping: successes))
  }
}
