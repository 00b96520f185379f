// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import NexusAPI
internal import NexusCore
internal import NexusDiagnostics
internal import NexusGateway
internal import NexusRuntime
internal import NexusStore

extension OperationError {
  /// Why a node could not be opened, in the words of an operator.
  init(opening error: any Error, options: NodeOptions) {
    switch error {
    case let known as OperationError: self = known
    case let held as ProjectLock.Held:
      let holder = held.pid.map { "process \($0)" } ?? "another process"
      self.init(
        .conflict, code: "NX-RUN-007", title: "Another node holds this project",
        detail: "\(holder) is the node of \(options.project).",
        hint: "`naos reload` makes it take a changed configuration; `naos down` stops it.")
    case let store as StoreError: self.init(store)
    case let gateway as GatewayError:
      self.init(
        gateway.isTaken ? .conflict : .failed, code: gateway.code.rawValue, title: "The agent plane cannot start",
        detail: gateway.message,
        hint: gateway.code == .cannotListen ? "Set `server.agentPort` to a free port, or leave it out." : nil)
    case let file as FileError:
      self.init(
        .failed, code: "NX-STO-007", title: "The project's state cannot be written", detail: file.description,
        hint: file.remedy ?? "Look at the permissions of \(options.state.directory) and at the free space.")
    default:
      self.init(.failed, code: "NX-API-013", title: "The node cannot start", detail: "\(error)")
    }
  }

  init(_ error: StoreError) {
    let hint: String? =
      switch error.code {
      case .locked: "Is another program using .naos/nexus.db?"
      case .full: "Free some space on the device; nothing that was acknowledged is lost."
      case .corrupt: "Restore .naos/nexus.db from a backup, or move it away to start anew."
      case .newerSchema: "Use the version of naos that wrote it, or a newer one."
      default: nil
      }
    self.init(
      error.code == .tooLarge ? .usage : error.code == .notFound ? .notFound : .failed, code: error.code.problemCode,
      title: ErrorCatalogue.title(for: error.code.problemCode) ?? "The store refused", detail: error.message, hint: hint
    )
  }

  /// The code of the refusal of what names an agent that is not defined.
  private static let undefinedAgent = "NX-CFG-203"

  init(_ refusal: RuntimeRefusal, suggesting name: String? = nil) {
    let kind: Kind =
      switch refusal.kind {
      case .notFound: .notFound
      case .conflict: .conflict
      // What is missing has to be written into the configuration; nobody forbids it.
      case .refused: refusal.code == Self.undefinedAgent ? .configuration : .refused
      case .invalid: .usage
      case .unavailable: .rateLimited
      case .storage: .failed
      }
    self.init(
      kind, code: refusal.code, title: ErrorCatalogue.title(for: refusal.code) ?? "Not done", detail: refusal.message,
      hint: name.map { "Did you mean `\($0)`?" } ?? refusal.hint)
  }
}
