// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusSandbox
import Synchronization
import Testing

/// Files that others run by themselves, in a folder that a sandbox may write to.
@Suite(.timeLimit(.minutes(2))) struct StartupFileTests {
  let output = Recorder()
  let told = RefusalTests.Told()
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try needRefusals()
    try make("grant")
    guard unsafe chmod(folder.path, 0o755) == 0 else { throw TemporaryFolder.Failure(what: "chmod") }
  }

  private func make(_ name: String) throws {
    guard unsafe mkdir(folder.path + "/" + name, 0o755) == 0 else { throw TemporaryFolder.Failure(what: name) }
  }

  private func link(_ target: String, _ name: String) throws {
    guard unsafe symlink(target, folder.path + "/" + name) == 0 else { throw TemporaryFolder.Failure(what: name) }
  }

  private func enclosure(_ more: [String] = [], place: String? = nil) -> Enclosure {
    let grant = folder.path + "/grant"
    let own = more.map { Enclosure.Folder(path: "\(grant)/\($0)", place: "\(grant)/\($0)", isWritable: true) }
    return Enclosure(
      folders: [Enclosure.Folder(path: grant, place: place ?? grant, isWritable: true)] + own, temporaryBytes: 1 << 20)
  }

  private func run(_ script: String, in enclosure: Enclosure) async throws -> String {
    var request = shell("cd \(enclosure.folders[0].place); exec 2>&1; \(script)")
    request.workingDirectory = folder.path
    request.enclosure = enclosure
    request.refusals = told
    let exit = try await GuardedLauncher().launch(request, output: output).waitForExit()
    #expect(exit.status == .exited(code: 0))
    return output.text()
  }

  private var startup: [String] { told.all.filter { $0.kind == .startup }.map(\.text) }

  @Test(arguments: [nil, "/elsewhere"])
  func `making one is told at once, by its path, and making others is not`(_ place: String?) async throws {
    let enclosure = enclosure(place: place)
    let before = StartupFiles(enclosure, workingDirectory: folder.path)
    _ = try await run(
      """
      echo x > .envrc; mkdir -p .git/hooks sub/.git/hooks .vscode src; echo x > .git/hooks/pre-commit
      echo x > .git/hooks/pre-push.sample; echo x > sub/.git/hooks/post-checkout; echo x > .vscode/tasks.json
      echo x > src/main.py; echo x > sub/.bashrc; echo x > .bashrc; cat .envrc > /dev/null; echo x > /tmp/.envrc
      """, in: enclosure)
    let grant = enclosure.folders[0].place
    let made = [".bashrc", ".envrc", ".git/hooks/pre-commit", ".vscode/tasks.json"]
    #expect(startup.sorted() == (made + ["sub/.git/hooks/post-checkout"]).map { "\(grant)/\($0)" }.sorted())
    #expect(before.path(of: grant + "/.envrc") == folder.path + "/grant/.envrc")
    // Deeper ones are only heard of.
    #expect(before.changed() == made.map { "\(folder.path)/grant/\($0)" })
  }

  @Test func `what is there can only be read, and what was tried is told`() async throws {
    for name in [".vscode", ".claude"] { try make("grant/\(name)") }
    _ = try folder.write("grant/.mcp.json", "{}", mode: 0o666)
    _ = try folder.write("grant/.claude/settings.json", "{}", mode: 0o666)
    let enclosure = enclosure([".claude"])
    let text = try await run(
      """
      for name in .mcp.json .vscode/tasks.json; do (echo x > $name) && echo "$name: written"; done
      rm -rf .mcp.json .vscode; mv .vscode other; mv .mcp.json other; ls -A; cat .mcp.json
      echo mine > .claude/settings.json && cat .claude/settings.json
      """, in: enclosure)
    #expect(!text.contains("written") && text.hasSuffix(".claude\n.mcp.json\n.vscode\n{}mine\n"), "\(text)")
    // What was granted by itself is nobody's news.
    #expect(startup.isEmpty, "\(startup)")
    let paths = MissedPaths(enclosure: enclosure, workingDirectory: folder.path)
    let denied = Set(told.all.compactMap { paths.denial($0)?.target })
    let grant = folder.path + "/grant/"
    #expect(denied == ["\(grant).mcp.json (kept)", "\(grant).vscode/tasks.json (kept)"])
  }

  @Test func `who makes one by other ways than by its name is found out at the end`() async throws {
    try link("nowhere", "grant/.gdbinit")
    _ = try folder.write("grant/target", "x", mode: 0o666)
    try link("target", "grant/.vimrc")
    let enclosure = enclosure()
    let before = StartupFiles(enclosure, workingDirectory: folder.path)
    _ = try await run(
      """
      echo x > plain; mv plain .envrc; echo x > one; ln one .npmrc; ln -s one .zshrc
      mkdir odd; echo x > odd/hook; mkdir .git; mv odd .git/hooks; ln -sfn one .gdbinit; ln -s /etc .ssh
      mkdir -p a; echo x > a/config; rmdir .husky 2>/dev/null; mv a .husky
      """, in: enclosure)
    #expect(startup.isEmpty, "\(startup)")
    let found = [".envrc", ".gdbinit", ".git/hooks/hook", ".husky/config", ".npmrc", ".ssh", ".zshrc"]
    #expect(before.changed() == found.map { "\(folder.path)/grant/\($0)" })
    #expect(StartupFiles(enclosure, workingDirectory: folder.path).changed().isEmpty)
  }

  @Test func `links lead no look elsewhere, and too many files end it`() throws {
    try make("away")
    try make("grant/.vscode")
    _ = try folder.write("away/secret", "x", mode: 0o666)
    let enclosure = enclosure()
    let before = StartupFiles(enclosure, workingDirectory: folder.path)
    try link("../away", "grant/.cursor")
    try link("../../away", "grant/.vscode/deeper")
    try make("grant/.idea")
    for number in 0..<StartupFiles.mostFiles + 10 { _ = try folder.write("grant/.idea/\(number)", "", mode: 0o666) }
    let found = before.changed()
    #expect(found.contains(folder.path + "/grant/.cursor") && !found.contains { $0.contains("secret") })
    // The folder that was there before could not be written to.
    #expect(!found.contains { $0.contains(".vscode") })
    // One of them is the link.
    #expect(found.filter { $0.contains(".idea") }.count == StartupFiles.mostFiles - 1)
  }
}
