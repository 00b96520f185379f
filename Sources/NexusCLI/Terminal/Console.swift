// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
package import NexusCore
internal import Synchronization

/// Where the bytes of a stream go.
package protocol ByteSink: Sendable {
  func write(_ bytes: [UInt8])

  /// Why something that was written did not arrive; nil if all did, or if the reader went away.
  var failure: FileError? { get }
}

extension ByteSink {
  package var failure: FileError? { nil }
}

/// A file descriptor, written to the end; a reader that went away is no error of ours.
package final class DescriptorSink: ByteSink {
  private let descriptor: Int32
  private let name: String
  private let firstFailure = Mutex<FileError?>(nil)

  /// - Parameters:
  ///   - descriptor: where to.
  ///   - name: what people call it.
  package init(_ descriptor: Int32, name: String = "the standard output") {
    self.descriptor = descriptor
    self.name = name
  }

  package var failure: FileError? { firstFailure.withLock { $0 } }

  package func write(_ bytes: [UInt8]) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress.map { unsafe $0 + written }, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN {
        // Somebody who has the same pipe does not want to wait for it; we do.
        var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&room, 1, -1)
        continue
      }
      guard count > 0 else {
        let error = FileError.lastError(name)
        if error.errorNumber != EPIPE { firstFailure.withLock { if $0 == nil { $0 = error } } }
        return
      }
      written += count
    }
  }
}

/// How data is written on the standard output.
package enum OutputFormat: String, Sendable, CaseIterable { case table, json, jsonl, yaml }

/// The terminal: data on the standard output, words on the standard error.
package struct Console: Sendable {
  package var output: any ByteSink
  package var words: any ByteSink
  package var format: OutputFormat
  package var isQuiet: Bool
  package var isVerbose: Bool
  /// Escape sequences are allowed on the standard output.
  package var outputIsTerminal: Bool
  /// Escape sequences are allowed on the standard error.
  package var wordsAreTerminal: Bool
  package var isColoured: Bool
  /// In columns.
  package var width: Int
  /// Reads what a person types; nil where there is nobody to ask.
  package var answer: (@Sendable () -> String?)?

  package init(
    output: any ByteSink, words: any ByteSink, format: OutputFormat = .table, isQuiet: Bool = false,
    isVerbose: Bool = false, outputIsTerminal: Bool = false, wordsAreTerminal: Bool = false, isColoured: Bool = false,
    width: Int = 120, answer: (@Sendable () -> String?)? = nil
  ) {
    self.output = output
    self.words = words
    self.format = format
    self.isQuiet = isQuiet
    self.isVerbose = isVerbose
    self.outputIsTerminal = outputIsTerminal
    self.wordsAreTerminal = wordsAreTerminal
    self.isColoured = isColoured
    self.width = width
    self.answer = answer
  }

  /// The real terminal; colours only there, and never where `NO_COLOR` is set.
  package static func standard(environment: [String: String]) -> Console {
    let colour = (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    let hasPerson = isatty(0) == 1 && isatty(2) == 1
    return Console(
      output: DescriptorSink(1), words: DescriptorSink(2, name: "the standard error"), outputIsTerminal: isatty(1) == 1,
      wordsAreTerminal: isatty(2) == 1, isColoured: colour, width: terminalWidth(),
      answer: hasPerson ? typedLine : nil)
  }

  @Sendable private static func typedLine() -> String? { readLine() }

  private static func terminalWidth() -> Int {
    var size = winsize()
    guard unsafe ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else { return 120 }
    return Int(size.ws_col)
  }

  /// The columns that a table on the standard output has; nil off a terminal, where nothing has to fit.
  package var tableWidth: Int? { outputIsTerminal ? width : nil }

  package var outputStyle: Style { Style(isOn: isColoured && outputIsTerminal) }
  package var wordStyle: Style { Style(isOn: isColoured && wordsAreTerminal) }

  /// A line of data.
  package func data(_ text: String) { output.write(Array((text + "\n").utf8)) }

  /// A line for people; left out with `--quiet`.
  package func say(_ text: String) { if !isQuiet { words.write(Array((text + "\n").utf8)) } }

  /// A line for people who asked for more.
  package func detail(_ text: String) { if isVerbose && !isQuiet { words.write(Array((text + "\n").utf8)) } }

  /// An error; `--quiet` does not silence it.
  package func complain(_ text: String) { words.write(Array((text + "\n").utf8)) }

  /// Asks a person; whatever is not a yes is a no.
  package func confirms(_ question: String) -> Bool {
    guard let answer else { return false }
    words.write(Array((wordStyle.strong(question) + " [y/N] ").utf8))
    let word = answer()?.lowercased() ?? ""
    return ["y", "yes"].contains(word.filter { !$0.isWhitespace })
  }

  /// The state and the next step, at the end of every command.
  package func next(_ commands: String...) { next(contentsOf: commands) }

  package func next(contentsOf commands: [String]) {
    say(wordStyle.quiet("next: ") + commands.joined(separator: wordStyle.quiet("  ·  ")))
  }

  /// One value in the format that was asked for; `table` is made only if it is wanted.
  package func emit(_ value: JSONValue, lines: [JSONValue]? = nil, table: () -> String) {
    switch format {
    case .table:
      let text = table()
      if !text.isEmpty { data(text.hasSuffix("\n") ? String(text.dropLast()) : text) }
    case .json: data(shown(value.text(.pretty)))
    case .jsonl: for line in lines ?? [value] { data(shown(line.text(.compact))) }
    case .yaml: output.write(Array(shown(YAMLRendering.document(value)).utf8))
    }
  }

  /// JSON, or YAML whose texts are quoted as JSON's: a terminal gets escapes for what it would obey, a file the text.
  package func shown(_ text: String) -> String { outputIsTerminal ? TerminalText.json(text) : text }
}

/// Colours, or none.
package struct Style: Sendable {
  package let isOn: Bool
  package init(isOn: Bool) { self.isOn = isOn }

  private func wrapped(_ code: String, _ text: String) -> String { isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
  package func strong(_ text: String) -> String { wrapped("1", text) }
  package func quiet(_ text: String) -> String { wrapped("2", text) }
  /// Dark on light, or the other way round.
  package func inverse(_ text: String) -> String { wrapped("7", text) }
  package func good(_ text: String) -> String { wrapped("32", text) }
  package func warning(_ text: String) -> String { wrapped("33", text) }
  package func bad(_ text: String) -> String { wrapped("31", text) }
}
