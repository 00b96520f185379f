// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

extension StandardFunctions {
  /// What the accessors without a counterpart on durations read from the calendar.
  static let times: [RuleFunction] = [
    calendar("getFullYear") { date, _ in date.year },
    calendar("getMonth") { date, _ in date.month - 1 },
    calendar("getDate") { date, _ in date.day },
    calendar("getDayOfMonth") { date, _ in date.day - 1 },
    calendar("getDayOfWeek") { date, _ in date.weekday },
    calendar("getDayOfYear") { date, _ in date.dayOfYear },
  ]

  /// Of a timestamp the part of its second, minute or hour; of a duration the whole of it in that unit, except
  /// milliseconds, which are those of its last second.
  static let timeParts: [RuleFunction] = [
    calendar("getHours", duration: { $0.nanoseconds / 3_600_000_000_000 }, { date, _ in date.hour }),
    calendar("getMinutes", duration: { $0.nanoseconds / 60_000_000_000 }, { date, _ in date.minute }),
    calendar("getSeconds", duration: { $0.nanoseconds / 1_000_000_000 }, { date, _ in date.second }),
    calendar(
      "getMilliseconds", duration: { $0.nanoseconds / 1_000_000 % 1000 },
      { _, time in Int64(time.nanoseconds) / 1_000_000 }),
  ]

  private static func calendar(
    _ name: String, duration: (@Sendable (RuleDuration) -> Int64)? = nil,
    _ part: @escaping @Sendable (CivilDate, Timestamp) -> Int64
  ) -> RuleFunction {
    let ofDuration = duration == nil ? [] : [FunctionSignature([.duration], .int)]
    return RuleFunction(
      name,
      .unary(.method, [FunctionSignature([.timestamp], .int)] + ofDuration) { value, _ throws(RuleFault) in
        switch value {
        case .timestamp(let time): return .int(part(CivilDate(seconds: time.seconds), time))
        case .duration(let value):
          guard let duration else { throw .noOverload("\(name)()", .duration(value)) }
          return .int(duration(value))
        default: throw .noOverload("\(name)()", value)
        }
      },
      .binary(.method, [FunctionSignature([.timestamp, .string], .int)]) { value, zone, state throws(RuleFault) in
        guard case .timestamp(let time) = value, case .string(let zone) = zone else {
          throw .noOverload("\(name)()", value, zone)
        }
        try state.meter.spend(zoneCost)
        try state.meter.walk(zone.utf8.count)
        let offset = try state.zones.offset(of: zone, at: time)
        return .int(part(CivilDate(seconds: time.seconds, offset: offset), time))
      })
  }

  /// A zone by its name is read from a file each time.
  private static let zoneCost = 100
}
