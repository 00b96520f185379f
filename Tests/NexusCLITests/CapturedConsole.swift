// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusAPI
import NexusCLI
import Synchronization

/// Keeps what is written.
final class MemorySink: ByteSink {
  private let bytes = Mutex<[UInt8]>([])
  func write(_ more: [UInt8]) { bytes.withLock { $0 += more } }
  var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
}

/// A terminal whose two streams a test reads.
struct CapturedConsole {
  let output = MemorySink()
  let words = MemorySink()

  func console(terminal: Bool = false) -> Console {
    Console(output: output, words: words, outputIsTerminal: terminal, wordsAreTerminal: terminal, isColoured: terminal)
  }
}

/// A run of the command line: what it wrote and how it ended.
struct CommandRun {
  let output: String
  let words: String
  let status: Int32

  init(_ arguments: String...) async { await self.init(arguments) }

  init(_ arguments: [String]) async {
    let captured = CapturedConsole()
    status = await CommandLineInterface.run(arguments, console: captured.console(), environment: [:]).rawValue
    output = captured.output.text
    words = captured.words.text
  }
}
