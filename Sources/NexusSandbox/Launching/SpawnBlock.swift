// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import Glibc
internal import NexusCore

/// What a program is started with, as the guard reads it: the working directory, the arguments and the environment,
/// each ended by a zero byte.
struct SpawnBlock: Sendable {
  let bytes: [UInt8]
  let arguments: UInt32
  let variables: UInt32
  /// What is said of a sandbox beside the strings.
  let box: naos_box_order

  /// Adds `mark` to the environment, in the place of one that the request may carry.
  init(_ request: LaunchRequest, markedBy mark: EnvironmentVariable) throws(LaunchError) {
    guard !request.arguments.isEmpty else {
      throw LaunchError(stage: .lookup, errorNumber: EINVAL, message: "the command is empty")
    }
    let environment = request.environment.filter { $0.name != mark.name } + [mark]
    var strings = [try Self.absolute(request.workingDirectory)]
    strings += request.arguments
    for variable in environment {
      guard !variable.name.isEmpty, !variable.name.utf8.contains(UInt8(ascii: "=")) else {
        throw LaunchError(
          stage: .launcher, errorNumber: EINVAL, message: "an environment variable is named '\(variable.name)'")
      }
      strings.append("\(variable.name)=\(variable.value)")
    }
    let view = request.enclosure.map { BoxView($0, request, workingDirectory: strings[0]) }
    guard view?.entries.count ?? 0 <= Int(NAOS_BOX_ENTRIES) else {
      throw LaunchError(stage: .enclosure, errorNumber: E2BIG, message: "the sandbox shows too many places")
    }
    strings += view?.strings ?? []
    var bytes: [UInt8] = []
    bytes.reserveCapacity(strings.reduce(0) { $0 + $1.utf8.count + 1 })
    for string in strings {
      guard !string.utf8.contains(0) else {
        throw LaunchError(
          stage: .launcher, errorNumber: EINVAL, message: "an argument, variable or path holds a zero byte")
      }
      bytes.append(contentsOf: string.utf8)
      bytes.append(0)
    }
    self.bytes = bytes
    self.arguments = UInt32(request.arguments.count)
    self.variables = UInt32(environment.count)
    box = naos_box_order(
      request.enclosure, entries: view?.entries.count ?? 0, reports: request.reportsRefusals)
  }

  /// The guard's own directory is `/`, so a relative path is resolved here.
  private static func absolute(_ path: String) throws(LaunchError) -> String {
    if path.hasPrefix("/") { return path }
    guard let current = unsafe getcwd(nil, 0) else {
      throw LaunchError(stage: .workingDirectory, errorNumber: errno, message: "the node's own directory is gone")
    }
    defer { unsafe free(current) }
    return unsafe String(cString: current) + "/" + path
  }
}
