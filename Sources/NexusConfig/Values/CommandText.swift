// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Splits a command written as one text into its arguments, by the quoting rules of the shell but without a shell.
enum CommandText {
  enum Failure: Error, Equatable {
    case unclosedQuote
    /// An unquoted character that only a shell would understand.
    case shellSyntax(Character)
    case empty
  }

  static func split(_ text: String) throws(Failure) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for character in text {
      if isEscaped {
        // Inside double quotes a backslash is itself before anything but `"`, `\`, `$` and a backtick.
        if quote == "\"", !"\"\\$`".contains(character) { word?.append("\\") }
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if let open = quote {
        if character == open {
          quote = nil
        } else if character == "\\", open == "\"" {
          isEscaped = true
        } else {
          word?.append(character)
        }
      } else {
        switch character {
        case "'", "\"":
          quote = character
          word = word ?? ""
        case "\\": isEscaped = true
        case " ", "\t", "\n", "\r\n", "\r":
          if let done = word { words.append(done) }
          word = nil
        case "|", "&", ";", "<", ">", "`", "$", "*": throw .shellSyntax(character)
        default: word = (word ?? "") + String(character)
        }
      }
    }
    guard quote == nil, !isEscaped else { throw .unclosedQuote }
    if let word { words.append(word) }
    guard !words.isEmpty else { throw .empty }
    return words
  }
}
