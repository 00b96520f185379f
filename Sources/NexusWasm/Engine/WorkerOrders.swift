// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
internal import NexusCore
internal import Synchronization

/// What a module is to be; its exports and imports are checked for that.
package enum ModuleKind: UInt32, Sendable, Hashable {
  // NAOS_WASM_IS_COMMAND and the others.
  case command = 1
  case skill = 2
  /// A skill that is a component.
  case component = 3

  /// What the bytes are of a module that is to be this.
  func asFound(in module: [UInt8]) -> ModuleKind {
    // The layer of a component, in the place of a module's version.
    self == .skill && module.count >= 8 && module[4...].starts(with: [0x0D, 0, 1, 0]) ? .component : self
  }
}

/// The first thing that a worker is told.
enum WorkerOrder {
  static func compile(_ module: [UInt8], to kind: ModuleKind, call: UInt64) -> WorkerFrame {
    var open = naos_wasm_open()
    open.mode = UInt32(NAOS_WASM_COMPILE)
    open.kind = kind.rawValue
    return WorkerFrame(kind: .open, call: call, payload: [UInt8](copying: open) + module)
  }

  static func skill(_ kind: ModuleKind) -> WorkerFrame { skill(UInt32(NAOS_WASM_SKILL), kind) }

  /// For a skill that is not known yet.
  static func spare() -> WorkerFrame { skill(UInt32(NAOS_WASM_SPARE), .skill) }

  /// What a spare worker is for from now on.
  static func adopt(_ artifact: [UInt8]) -> WorkerFrame { WorkerFrame(kind: .adopt, call: 1, payload: artifact) }

  private static func skill(_ mode: UInt32, _ kind: ModuleKind) -> WorkerFrame {
    var open = naos_wasm_open()
    open.mode = mode
    open.kind = kind.rawValue
    open.memory_bytes = UInt64(WasmProgram.largestMemoryBytes)
    // An interpreter needs more of it than what was compiled does.
    open.stack_bytes = UInt64(
      kind == .component ? WasmProgram.largestStackBytes : WasmProgram.defaultStackBytes)
    return WorkerFrame(kind: .open, call: 1, payload: [UInt8](copying: open))
  }

  /// What a module finds at the root: nothing.
  ///
  /// Where there is no folder for a path, the libraries of programs ask nobody, and nobody would know what they looked
  /// for.
  private static let nothing = Enclosure.Folder(path: "/dev/shm", place: "/", isWritable: false)

  /// - Throws: where a string holds a zero byte, which ends one.
  static func command(_ program: WasmProgram, _ request: LaunchRequest) throws(WasmProblem) -> WorkerFrame {
    // A module has no programs to look for and no home.
    let variables = request.environment.filter { !["PATH", "HOME"].contains($0.name) }
    // In the worker's sandbox what is granted is at its place already.
    let granted = (request.enclosure?.folders ?? []).map { folder in
      Enclosure.Folder(path: folder.place, place: folder.place, isWritable: folder.isWritable)
    }
    let places = (request.enclosure?.output == nil ? [] : [Enclosure.output]) + [Enclosure.temporary]
    let own = places.map { Enclosure.Folder(path: $0, place: $0, isWritable: true) }
    let folders = granted.filter { !places.contains($0.place) } + own + [nothing]
    var open = naos_wasm_open()
    open.mode = UInt32(NAOS_WASM_COMMAND)
    open.memory_bytes = UInt64(program.memoryBytes)
    open.stack_bytes = UInt64(program.stackBytes)
    open.cpu_microseconds = request.ceilings.cpuTime.map(microseconds) ?? 0
    open.wall_microseconds = program.wallTime.map(microseconds) ?? 0
    open.output_bytes = UInt64(program.outputBytes)
    open.arguments = UInt32(request.arguments.count)
    open.variables = UInt32(variables.count)
    open.folders = UInt32(folders.count)
    open.host_calls = UInt32(clamping: program.hostCalls ?? 0)
    var strings = request.arguments + variables.flatMap { [$0.name, $0.value] }
    strings += folders.flatMap { [$0.path, $0.place, $0.isWritable ? "w" : "r"] }
    var payload = [UInt8](copying: open)
    for string in strings {
      guard !string.utf8.contains(0) else {
        throw .invalid(program.source, "an argument, a variable or a folder of it holds a zero byte")
      }
      payload.append(contentsOf: string.utf8)
      payload.append(0)
    }
    guard payload.count + request.standardInput.count <= Int(NAOS_WASM_FRAME_BYTES) else {
      throw .invalid(program.source, "its input is too large")
    }
    return WorkerFrame(kind: .open, call: 1, payload: payload + request.standardInput)
  }

  static func call(
    _ id: UInt64, _ input: [UInt8], _ limits: SkillLimits, _ host: SkillHost
  ) -> WorkerFrame {
    var offers: UInt32 = 0
    if host.state != nil { offers |= UInt32(NAOS_WASM_OFFERS_STATE) }
    if host.requests != nil { offers |= UInt32(NAOS_WASM_OFFERS_REQUESTS) }
    if host.models != nil { offers |= UInt32(NAOS_WASM_OFFERS_MODELS) }
    let head = naos_wasm_call(
      memory_bytes: UInt64(clamping: min(limits.memoryBytes, WasmProgram.largestMemoryBytes)),
      cpu_microseconds: microseconds(limits.processorTime), wall_microseconds: microseconds(limits.wallTime),
      output_bytes: UInt32(clamping: limits.outputBytes), host_calls: UInt32(clamping: limits.hostCalls),
      log_lines: UInt32(clamping: limits.logLines), offers: offers)
    return WorkerFrame(kind: .call, call: id, payload: [UInt8](copying: head) + input)
  }

  /// A limit of nothing would be none.
  private static func microseconds(_ duration: Duration) -> UInt64 {
    UInt64(max(1, duration.wholeNanoseconds / 1000))
  }
}

/// How workers are started: naos itself, in a sandbox that shows it nothing but what it runs.
struct WorkerLaunch: Sendable {
  /// The hidden argument by which naos is a worker.
  static let mark = NAOS_WASM_MARK

  let executable: String

  func request(library: String, module: String?, label: String, from request: LaunchRequest? = nil) -> LaunchRequest {
    var enclosure = request?.enclosure ?? Enclosure(temporaryBytes: Self.compilerBytes)
    enclosure.folders =
      (request?.realFolders ?? []) + [
        Enclosure.Folder(path: library, place: NAOS_WASM_LIBRARY, isWritable: false)
      ]
    if let module {
      enclosure.folders.append(Enclosure.Folder(path: module, place: NAOS_WASM_MODULE, isWritable: false))
    }
    // A command reaches the agent plane through its worker, a skill nothing.
    enclosure.doors = enclosure.doors.filter { $0.destination == .plane }
    // What is added to its requests the node adds, and no worker has it.
    enclosure.secrets = [:]
    enclosure.openFiles = enclosure.openFiles ?? Self.openFiles
    var ceilings = request?.ceilings ?? .none
    // The engine holds these, and says so; the guard's own are behind it.
    ceilings.memoryBytes = nil
    ceilings.processes = nil
    ceilings.cpuTime = ceilings.cpuTime.map { $0 + Self.processorSlack }
    return LaunchRequest(
      arguments: [executable, Self.mark], environment: [], workingDirectory: "/", label: label, ceilings: ceilings,
      enclosure: enclosure)
  }

  static let compilerBytes: Int64 = 1 << 20
  static let openFiles = 256
  /// The start of a worker and the checks of its engine.
  static let processorSlack: Duration = .seconds(2)
}

extension LaunchRequest {
  /// The granted folders by paths that lead over no links of the operator's; a link below the working directory stays
  /// one, and is refused.
  fileprivate var realFolders: [Enclosure.Folder] {
    guard let real = FileIdentity.real(workingDirectory) else { return enclosure?.folders ?? [] }
    return (enclosure?.folders ?? []).map { folder in
      guard folder.path == workingDirectory || folder.path.hasPrefix(workingDirectory + "/") else { return folder }
      var folder = folder
      folder.path = real + folder.path.dropFirst(workingDirectory.count)
      return folder
    }
  }
}

/// Keeps the first words of a worker of naos's own, which are about what went wrong.
final class WorkerWords: OutputReceiver {
  static let keptBytes = 2048
  private let state = Mutex<[UInt8]>([])

  func received(_ bytes: [UInt8], from stream: OutputStream) {
    state.withLock { $0.append(contentsOf: bytes.prefix(max(0, Self.keptBytes - $0.count))) }
  }

  var text: String {
    String(decoding: state.withLock { $0 }, as: UTF8.self).plainWords
  }
}
