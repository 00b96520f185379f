// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import Synchronization

/// `naos top` at work: one task asks the node, one hears its events, one does what was asked for, and one has the screen.
struct TopSession: Sendable {
  private let project: ProjectFolder
  private let console: Console
  private let clock: any NexusClock
  private let news = TopNews()

  /// Between two drawings, and between two questions to the node.
  private static let frame = Duration.milliseconds(100)
  /// The node is asked at least this often, whether it says something or not.
  private static let longest = Duration.seconds(1)
  /// How soon a key is noticed.
  private static let tick = Duration.milliseconds(25)
  /// Things to stop that wait for their turn; more keys than that are ignored.
  private static let waitingStops = 16

  init(_ project: ProjectFolder, console: Console, clock: any NexusClock = SystemClock()) {
    self.project = project
    self.console = console
    self.clock = clock
  }

  /// What the node, or else the store, says now.
  static func ask(_ project: ProjectFolder) async throws -> TopSnapshot {
    try await NodeAccess.reading(project) { operations in
      TopSnapshot(status: try await operations.status(), supervision: try await operations.supervision())
    }
  }

  /// Shows it until the user has enough.
  ///
  /// - Returns: False if a signal ended it.
  func run(beginningWith first: TopSnapshot) async throws -> Bool {
    let (stops, feed) = AsyncStream.makeStream(of: TopRow.self, bufferingPolicy: .bufferingOldest(Self.waitingStops))
    guard ScreenTerminal.enter() else {
      throw CommandFailure(.conflicting("The terminal cannot be used as a screen.", hint: "Use `naos top --once`."))
    }
    defer { ScreenTerminal.leave() }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask(name: "top:ask") { await asking() }
      group.addTask(name: "top:events") { await hearing() }
      group.addTask(name: "top:stop") { for await row in stops { await stop(row) } }
      // The screen is given back before the others have ended: a node that hangs must not keep it.
      defer {
        ScreenTerminal.leave()
        feed.finish()
        group.cancelAll()
      }
      return try await showing(first) { feed.yield($0) }
    }
  }

  // MARK: The node

  private func asking() async {
    while !Task.isCancelled {
      let began = clock.now()
      do {
        news.put(try await Self.ask(project))
      } catch let error as OperationError {
        news.put(trouble: "\(error.title): \(error.detail)")
      } catch {
        news.put(trouble: "the configuration has errors: `naos config validate`")
      }
      // A large or busy node is not asked more than a quarter of the time.
      let pause = max(Self.frame, (clock.now() - began) * 4)
      guard (try? await clock.sleep(until: began + pause)) != nil else { return }
      while !news.takeStale(), clock.now() < began + Self.longest {
        guard (try? await clock.sleep(until: clock.now() + Self.tick)) != nil else { return }
      }
    }
  }

  /// Each event says that what is shown may be old; a node that went is looked for again.
  private func hearing() async {
    while !Task.isCancelled {
      let news = news
      try? await NodeAccess.running(project) { node in
        for await _ in try await node.events(EventFilter(includesLogs: false)) { news.putStale() }
      }
      guard (try? await clock.sleep(until: clock.now() + Self.longest)) != nil else { return }
    }
  }

  private func stop(_ row: TopRow) async {
    let result: String
    do {
      result = try await NodeAccess.running(project) { node in
        switch row.subject {
        case .supervisor(let name): "\(row.name) is \(try await node.stopSupervisor(name, force: false).state)"
        case .agent(let name):
          "\(row.name) is \(try await node.stopAgent(name, force: false, noRestart: false).state.rawValue)"
        case .attempt(let run): "\(run) is \(try await node.cancelRun(run).status)"
        }
      }
    } catch let error as OperationError {
      result = error.detail.isEmpty ? error.title : error.detail
    } catch {
      result = "not stopped: \(error)"
    }
    news.put(message: result)
  }

  // MARK: The screen

  private func showing(_ first: TopSnapshot, stop: (TopRow) -> Void) async throws -> Bool {
    var model = TopModel()
    model.take(first)
    var screen = TopScreen()
    var keyboard = TopKeyboard()
    var size = ScreenTerminal.size
    var isDirty = true
    var drawn = clock.now() + (.zero - Self.frame)
    while !ScreenTerminal.isAskedToEnd {
      if ScreenTerminal.takeChange() {
        // After SIGCONT the settings may be those of the shell.
        guard ScreenTerminal.enter() else { return false }
        size = ScreenTerminal.size
        screen.forget()
        isDirty = true
      }
      guard let typed = ScreenTerminal.typed() else { return false }
      for key in keyboard.keys(typing: typed) {
        isDirty = true
        model.page = TopLayout.pageRows(size)
        switch model.take(key) {
        case .quit: return true
        case .suspend:
          guard ScreenTerminal.suspend() else { return false }
          screen.forget()
        case .redraw: screen.forget()
        case .stop(let row):
          model.message = "stopping \(row.word) …"
          stop(row)
        case nil: break
        }
      }
      if news.deliver(to: &model) { isDirty = true }
      if isDirty, clock.now() - drawn >= Self.frame {
        let lines = TopLayout.frame(model, size: size, now: clock.wallNow(), style: console.outputStyle)
        console.output.write(screen.drawing(lines))
        isDirty = false
        drawn = clock.now()
      }
      try await clock.sleep(until: clock.now() + Self.tick)
    }
    return false
  }
}

/// What has come in since the screen last looked: the newest of each.
private final class TopNews: Sendable {
  private struct Content {
    var snapshot: TopSnapshot?
    var trouble: String?
    var message: String?
    var isNew = false
    var isStale = false
  }

  private let content = Mutex(Content())

  func put(_ snapshot: TopSnapshot) {
    content.withLock { content in
      (content.snapshot, content.trouble) = (snapshot, nil)
      content.isNew = true
    }
  }

  func put(trouble: String) {
    content.withLock { content in
      content.trouble = trouble
      content.isNew = true
    }
  }

  func put(message: String) {
    content.withLock { content in
      content.message = message
      (content.isNew, content.isStale) = (true, true)
    }
  }

  func putStale() { content.withLock { $0.isStale = true } }

  func takeStale() -> Bool {
    content.withLock { content in
      defer { content.isStale = false }
      return content.isStale
    }
  }

  /// - Returns: Whether there was something.
  func deliver(to model: inout TopModel) -> Bool {
    let new = content.withLock { content -> Content? in
      guard content.isNew else { return nil }
      defer { (content.isNew, content.message, content.snapshot) = (false, nil, nil) }
      return content
    }
    guard let new else { return false }
    if let snapshot = new.snapshot { model.take(snapshot) }
    if let message = new.message { model.message = message }
    model.trouble = new.trouble
    return true
  }
}
