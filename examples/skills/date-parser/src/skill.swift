// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

func skill(_ input: JSON) throws(SkillError) -> JSON {
  guard let text = input["text"]?.text else { throw SkillError("bad_input", "`text` has to be a text") }
  guard text.utf8.count <= Words.longest, let tokens = Words.tokens(text), !tokens.isEmpty else {
    throw SkillError("unknown_format", "this is not written like a date")
  }
  var isDayFirst: Bool?
  if let order = input["order"] {
    guard let order = order.text, order.has("dmy") || order.has("mdy") else {
      throw SkillError("bad_input", "`order` has to be dmy or mdy")
    }
    isDayFirst = order.has("dmy")
  }
  var reference: Day?
  if let given = input["reference"] {
    guard let given = given.text, let tokens = Words.tokens(given), given.utf8.count == 10 else {
      throw SkillError("bad_input", "`reference` has to be a date like 2026-11-28")
    }
    var reader = DateReader(tokens, isDayFirst: nil, reference: nil)
    reference = try reader.read().day
  }
  var reader = DateReader(tokens, isDayFirst: isDayFirst, reference: reference)
  let (day, clock) = try reader.read()
  return answer(day, clock)
}

private func answer(_ day: Day, _ clock: Clock?) -> JSON {
  let date =
    DateReader.padded(day.year, 4) + [45] + DateReader.padded(day.month, 2) + [45]
    + DateReader.padded(day.day, 2)
  var iso = date
  var members: [JSON.Member] = [.init("date", .string(String(bytes: date)))]
  if let clock {
    var time =
      DateReader.padded(clock.hour, 2) + [58] + DateReader.padded(clock.minute, 2) + [58]
      + DateReader.padded(clock.second, 2)
    if !clock.fraction.isEmpty { time += [46] + clock.fraction }
    members.append(.init("time", .string(String(bytes: time))))
    iso += [84] + time
    if let offset = clock.offset {
      let distance = abs(offset)
      let sign: UInt8 = offset < 0 ? 45 : 43
      let text = [sign] + DateReader.padded(distance / 60, 2) + [58] + DateReader.padded(distance % 60, 2)
      members.append(.init("offset", .string(String(bytes: text))))
      iso += offset == 0 ? [90] : text
    }
  }
  let weekday = Words.weekdays[day.weekday]
  members += [
    .init("iso", .string(String(bytes: iso))),
    .init("weekday", .string(String(bytes: (0..<weekday.utf8CodeUnitCount).map { weekday.utf8Start[$0] }))),
    .init("dayOfYear", .int(Int64(day.dayOfYear))),
  ]
  return .object(members)
}
