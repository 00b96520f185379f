// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// The form in which ceilings are pinned with an agent's definition.
extension ProcessCeilings {
  /// Nil without any ceiling.
  var definition: JSONValue? {
    guard !isEmpty else { return nil }
    var object: JSONObject = [:]
    object["memory"] = memoryBytes.map { .int($0) }
    object["milliCores"] = milliCores.map { .int(Int64($0)) }
    object["cpuTime"] = cpuTime.map { .int($0.wholeNanoseconds) }
    object["processes"] = processes.map { .int(Int64($0)) }
    return .object(object)
  }

  init(definition: JSONValue?) {
    self.init(
      memoryBytes: definition?["memory"]?.intValue,
      milliCores: definition?["milliCores"]?.intValue.map(Int.init(clamping:)),
      cpuTime: definition?["cpuTime"]?.intValue.map { .nanoseconds($0) },
      processes: definition?["processes"]?.intValue.map(Int.init(clamping:)))
  }
}
