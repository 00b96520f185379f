// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import Glibc
internal import NexusCore

extension LaunchError {
  /// What the guard said, in words for the person who wrote the command.
  init(reply: naos_guard_reply, of spawn: Spawn) {
    let (command, workingDirectory) = (spawn.command, spawn.workingDirectory)
    let number = reply.error
    let reason = Self.words(for: number)
    switch reply.stage {
    case UInt32(NAOS_STAGE_LOOKUP):
      let place = command.contains("/") ? "" : " in PATH"
      self.init(stage: .lookup, errorNumber: number, message: "command '\(command)' was not found\(place) (\(reason))")
    case UInt32(NAOS_STAGE_WORKING_DIRECTORY):
      self.init(
        stage: .workingDirectory, errorNumber: number,
        message: "working directory '\(workingDirectory)' cannot be entered (\(reason))")
    case UInt32(NAOS_STAGE_STANDARD_STREAMS):
      self.init(
        stage: .standardStreams, errorNumber: number, message: "standard streams cannot be connected (\(reason))")
    case UInt32(NAOS_STAGE_FORK):
      self.init(stage: .fork, errorNumber: number, message: "a process cannot be created (\(reason))")
    case UInt32(NAOS_STAGE_INTERPRETER):
      self.init(
        stage: .exec, errorNumber: number,
        message: "command '\(command)' exists, but the interpreter named in its first line or header does not")
    case UInt32(NAOS_STAGE_EXEC):
      self.init(stage: .exec, errorNumber: number, message: Self.execution(of: command, failedWith: number, reason))
    case UInt32(NAOS_STAGE_CEILING):
      let ceiling = ProcessCeilings.Resource(UInt32(reply.status)).map { spawn.ceilings.text(of: $0) } ?? "a ceiling"
      self.init(
        stage: .ceiling, errorNumber: number, message: "\(ceiling) cannot be enforced on this machine (\(reason))")
    case UInt32(NAOS_STAGE_BOX):
      self.init(
        stage: .enclosure, errorNumber: number,
        message: "its sandbox cannot be made on this machine: \(reply.part) (\(reason))")
      denied = ProgramDenial(.unavailable, "\(reply.part) (\(reason))")
    default:
      self.init(stage: .launcher, errorNumber: number, message: "the launcher failed (\(reason))")
    }
  }

  private static func execution(of command: String, failedWith number: Int32, _ reason: String) -> String {
    switch number {
    case EACCES: "command '\(command)' was found, but it is not an executable file (\(reason))"
    case ENOEXEC: "command '\(command)' is no program: it has neither a known format nor a '#!' line (\(reason))"
    case E2BIG: "the arguments and the environment of '\(command)' are too long (\(reason))"
    default: "command '\(command)' cannot be executed (\(reason))"
    }
  }

  static let shutDown = launcher(ECANCELED, "the launcher is shut down")

  static let filesOnTheirWay = launcher(
    ETOOMANYREFS, "too many open files of this user are on their way between processes to hand over those of one more")

  static func guardLost(before command: String) -> LaunchError {
    var error = launcher(ECONNRESET, "the guard process ended before it started '\(command)'")
    error.isByLostGuard = true
    return error
  }

  static func launcher(_ number: Int32, _ what: String) -> LaunchError {
    LaunchError(stage: .launcher, errorNumber: number, message: "\(what) (\(words(for: number)))")
  }

  /// The system's words for an error number.
  static func words(for number: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 128)
    let known = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { text in
        guard let start = text.baseAddress else { return false }
        return unsafe strerror_r(number, start, text.count) == 0
      }
    }
    return known ? String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self) : "error \(number)"
  }
}
