// A skill in Embedded Swift: one JSON value in, one out. JSON and SkillError come with the kit.

func skill(_ input: JSON) throws(SkillError) -> JSON {
  guard let text = input["text"]?.text else { throw SkillError("bad_input", "`text` has to be a text") }
  var words: Int64 = 0
  var lines: Int64 = 0
  var isInWord = false
  var last: UInt8 = 10
  for byte in text.utf8 {
    let isBlank = byte == 32 || (9...13).contains(byte)
    if !isBlank && !isInWord { words += 1 }
    if byte == 10 { lines += 1 }
    isInWord = !isBlank
    last = byte
  }
  // A last line without an end is one, too.
  if last != 10 { lines += 1 }
  return .object([.init("words", .int(words)), .init("lines", .int(lines))])
}
