// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import ArgumentParser
internal import NexusAPI
internal import NexusCore

/// `naos dashboard`: opens the dashboard with a login that works once.
struct DashboardCommand: NaosCommand {
  static let configuration = CommandConfiguration(
    commandName: "dashboard",
    abstract: "Open the dashboard: prints a login link that works once; starts the node if none runs.")

  @Flag(help: "Only print the link.")
  var noOpen = false

  @Option(
    help: ArgumentHelp(
      "Log in with the named token in FILE, - for the standard input: such a session reads, and decides what its role may.",
      valueName: "file"))
  var tokenFile: String?

  @OptionGroup var global: GlobalOptions

  func perform(_ context: CommandContext) async throws {
    let project = try context.project()
    if await !NodeAccess.isRunning(project) {
      try UpCommand.requireValid(project, context.console)
      let status = try await DetachedNode.start(project)
      context.console.say(
        "no node was running: started one, pid \(status.node.pid.map(String.init) ?? "?"); `naos down` ends it")
    }
    let token = try tokenFile.map { try TokenFile.read($0) }
    let (code, status) = try await NodeAccess.running(project, token: token) { node in
      (try await node.loginCode(), try await node.status())
    }
    guard let base = status.node.dashboard else {
      throw OperationError(
        .conflict, code: "NX-API-024", title: "This node has no dashboard",
        detail: "It was started for one run and has no port.", hint: "Start one with `naos up -d`.")
    }
    let link = "\(base)/login#\(code)"
    let console = context.console
    console.emit(["url": .string(link)]) { link }
    let hasDesktop = ["DISPLAY", "WAYLAND_DISPLAY"].contains { !(context.environment[$0] ?? "").isEmpty }
    if !noOpen, hasDesktop, console.outputIsTerminal { Self.open(link, project) }
    console.say("the link works once, for two minutes")
    let port = base.split(separator: ":").last ?? "4200"
    console.next("from another machine: ssh -L \(port):localhost:\(port) HOST, then open the link there")
  }

  /// Opens the browser on a file of ours that leads to the link: a program's arguments are seen by every user.
  private static func open(_ link: String, _ project: ProjectFolder) {
    let page =
      "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=\"0;url=\(link)\"><title>naos</title>\n"
    let path = project.state + "/login.html"
    guard (try? Files.write(Array(page.utf8), to: path, mode: 0o600)) != nil else { return }
    // Without a browser the link that was printed is all there is.
    _ = ProgramStart.start("xdg-open", ["xdg-open", path], log: nil)
  }
}
