// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusCore

/// One line of a log file: `{"at":…,"agent":…,"run":…,"attempt":…,"step":…,"stream":…,"text":…}`, and `cut` or `dropped` where
/// a limit had to be kept.
struct LogRecord: Sendable {
  var event: LogEvent
  /// Bytes of the line that were not kept.
  var cut = 0
  /// Lines that this one stands for.
  var dropped = 0

  /// With the newline that ends the record.
  var encoded: [UInt8] {
    var object: JSONObject = [
      "at": .string(event.at.iso8601), "agent": .string(event.agent.text),
      "run": event.run.map { .string($0.text) } ?? .null,
      "attempt": event.attempt.map { .int(Int64($0.value)) } ?? .null, "stream": .string(event.stream.rawValue),
      "text": .string(event.text),
    ]
    if let step = event.step { object["step"] = .string(step.text) }
    if cut > 0 { object["cut"] = .int(Int64(cut)) }
    if dropped > 0 { object["dropped"] = .int(Int64(dropped)) }
    return JSONValue.object(object).encoded() + [UInt8(ascii: "\n")]
  }

  /// Nil for a torn or foreign line: a reader goes on after it.
  static func decode(_ line: [UInt8]) -> LogEvent? {
    guard let json = try? JSONValue(parsing: line), let at = json["at"]?.stringValue.flatMap(WallTime.init(log:)),
      let agent = json["agent"]?.stringValue, let text = json["text"]?.stringValue,
      let stream = json["stream"]?.stringValue.flatMap(LogStream.init(rawValue:))
    else { return nil }
    return LogEvent(
      at: at, agent: AgentName(agent), run: json["run"]?.stringValue.map { RunID($0) },
      step: json["step"]?.stringValue.map { StepPath($0) },
      attempt: json["attempt"]?.intValue.map { AttemptNumber(Int($0)) }, stream: stream, text: text)
  }
}

extension WallTime {
  /// Reads back what `iso8601` writes.
  init?(log text: String) {
    let bytes = Array(text.utf8)
    let shape = Array("0000-00-00T00:00:00.000Z".utf8)
    guard bytes.count == shape.count else { return nil }
    var numbers: [Int64] = [0]
    for (byte, expected) in zip(bytes, shape) {
      if expected == UInt8(ascii: "0") {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int64(byte - UInt8(ascii: "0"))
      } else {
        guard byte == expected else { return nil }
        numbers.append(0)
      }
    }
    let (year, month, day) = (numbers[0], numbers[1], numbers[2])
    guard (1...12).contains(month), (1...31).contains(day), numbers[3] < 24, numbers[4] < 60, numbers[5] < 60
    else { return nil }
    // Days since 1970 by Howard Hinnant's `days_from_civil`, for years from 0 on.
    let shifted = month <= 2 ? year - 1 : year
    guard shifted >= 0 else { return nil }
    let yearOfEra = shifted % 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let days = shifted / 400 * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    let seconds = days * 86_400 + numbers[3] * 3_600 + numbers[4] * 60 + numbers[5]
    self.init(microseconds: seconds * 1_000_000 + numbers[6] * 1_000)
  }
}
