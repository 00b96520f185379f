// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

package import NexusCore
internal import Synchronization

/// Runs a compiler to its end and keeps what it says.
package struct ToolRunner: Sendable {
  /// What is kept of what a tool says.
  static let maxTranscript = 256 << 10

  private let launcher: any ProcessLauncher
  private let environment: [EnvironmentVariable]

  /// - Parameters:
  ///   - launcher: starts the tools; they end with this program.
  ///   - environment: what of this program's they get: where tools are, and where files may lie.
  package init(launcher: any ProcessLauncher, environment: [String: String]) {
    self.launcher = launcher
    let passed = ["PATH", "HOME", "TMPDIR"].compactMap { name in
      environment[name].map { EnvironmentVariable(name, $0) }
    }
    // Messages in one language, without colours, whatever the terminal is.
    self.environment = passed + [EnvironmentVariable("LC_ALL", "C"), EnvironmentVariable("TERM", "dumb")]
  }

  struct Ending: Sendable {
    var status: ExitStatus
    var output: String
    var words: String

    var succeeded: Bool { status == .exited(code: 0) }
  }

  func run(_ program: String, _ arguments: [String], in folder: String) async throws(SkillProblem) -> Ending {
    let words = Words()
    do throws(LaunchError) {
      let process = try await launcher.launch(
        LaunchRequest(
          arguments: [program] + arguments, environment: environment, workingDirectory: folder,
          label: "skill-build"),
        output: words)
      let exit = await withTaskCancellationHandler {
        await process.waitForExit()
      } onCancel: {
        process.signal(.kill)
      }
      let said = words.said
      return Ending(status: exit.status, output: said[.standardOutput] ?? "", words: said[.standardError] ?? "")
    } catch {
      throw SkillProblem("NX-SKL-003", "\(program) cannot be started: \(error.message)")
    }
  }

  private final class Words: OutputReceiver {
    private let kept = Mutex<[OutputStream: [UInt8]]>([:])

    func received(_ bytes: [UInt8], from stream: OutputStream) {
      kept.withLock { kept in
        let room = ToolRunner.maxTranscript - (kept[stream]?.count ?? 0)
        kept[stream, default: []] += bytes.prefix(max(0, room))
      }
    }

    var said: [OutputStream: String] { kept.withLock { $0.mapValues { String(decoding: $0, as: UTF8.self) } } }
  }
}
