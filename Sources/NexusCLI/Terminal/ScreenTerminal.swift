// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
internal import Synchronization

/// The terminal as a whole screen: keys one by one, a screen of its own, and everything put back at every end.
///
/// There is one terminal for a process, so there is one of this.
enum ScreenTerminal {
  /// Where the settings of before are kept, for a signal handler to find; 0 before the first use.
  private static let settings = Atomic<UInt>(0)
  private static let isEntered = Atomic<Bool>(false)
  private static let endings = Atomic<Int>(0)
  private static let hasChanged = Atomic<Bool>(false)

  /// The other screen, without a cursor and without wrapping: a character that is wider than we think harms one line.
  private static let opening: StaticString = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J"
  private static let closing: StaticString = "\u{1B}[?7h\u{1B}[?25h\u{1B}[0m\u{1B}[?1049l"

  /// Both ends are a terminal that can do it.
  static func isPossible(_ environment: [String: String]) -> Bool {
    isatty(0) == 1 && isatty(1) == 1 && environment["TERM"] ?? "dumb" != "dumb"
  }

  /// Takes the screen.
  ///
  /// - Returns: False if the terminal refuses, which is then as it was.
  static func enter() -> Bool {
    var now = termios()
    guard unsafe tcgetattr(0, &now) == 0 else { return false }
    if settings.load(ordering: .acquiring) == 0 {
      let kept = UnsafeMutablePointer<termios>.allocate(capacity: 1)
      unsafe kept.initialize(to: now)
      settings.store(UInt(bitPattern: kept), ordering: .releasing)
      catchSignals()
    }
    // Signals still come from the keys, but Ctrl-Z is a key: the screen has to be given back first.
    now.c_lflag &= ~tcflag_t(ICANON | ECHO)
    unsafe withUnsafeMutableBytes(of: &now.c_cc) { bytes in
      unsafe bytes[Int(VMIN)] = 0
      unsafe bytes[Int(VTIME)] = 0
      unsafe bytes[Int(VSUSP)] = 0
    }
    isEntered.store(true, ordering: .releasing)
    guard unsafe tcsetattr(0, TCSAFLUSH, &now) == 0 else {
      leave()
      return false
    }
    write(opening)
    return true
  }

  /// Gives the screen back; doing it twice is harmless, and a signal handler may do it.
  static func leave() {
    guard isEntered.exchange(false, ordering: .acquiringAndReleasing) else { return }
    write(closing)
    if let kept = unsafe UnsafePointer<termios>(bitPattern: settings.load(ordering: .acquiring)) {
      _ = unsafe tcsetattr(0, TCSANOW, kept)
    }
  }

  /// Gives the screen back, stops like any program at Ctrl-Z, and takes it again once it is continued.
  static func suspend() -> Bool {
    leave()
    // The whole job stops, as it would without us in between.
    _ = kill(0, SIGTSTP)
    return enter()
  }

  private static func catchSignals() {
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
      // Only what is safe in a handler: atomics, write, tcsetattr, _exit.
      _ = signal(number) { @Sendable _ in
        guard ScreenTerminal.endings.add(1, ordering: .relaxed).oldValue > 0 else { return }
        ScreenTerminal.leave()
        _exit(130)
      }
    }
    for number in [SIGWINCH, SIGCONT] {
      _ = signal(number) { @Sendable _ in ScreenTerminal.hasChanged.store(true, ordering: .relaxed) }
    }
  }

  /// A signal has asked to end; a second one ends the process without asking anybody.
  static var isAskedToEnd: Bool { endings.load(ordering: .relaxed) > 0 }

  /// Whether the size may have changed since the last time that it was asked.
  static func takeChange() -> Bool { hasChanged.exchange(false, ordering: .relaxed) }

  static var size: ScreenSize {
    var size = winsize()
    guard unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
      return ScreenSize(rows: 24, columns: 80)
    }
    // Nobody reads more, and every line is made anew each time.
    return ScreenSize(rows: min(Int(size.ws_row), 500), columns: min(Int(size.ws_col), 1000))
  }

  /// What was typed since the last time, without waiting; nil once nothing can come any more.
  static func typed() -> [UInt8]? {
    var watch = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&watch, 1, 0) > 0 else { return [] }
    guard watch.revents & Int16(POLLIN) != 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.read(0, $0.baseAddress, $0.count) }
    if count < 0 { return errno == EINTR || errno == EAGAIN ? [] : nil }
    return count == 0 ? nil : Array(bytes.prefix(count))
  }

  private static func write(_ sequence: StaticString) {
    _ = unsafe Glibc.write(1, sequence.utf8Start, sequence.utf8CodeUnitCount)
  }
}
