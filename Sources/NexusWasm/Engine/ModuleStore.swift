// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CWasmtime
internal import Crypto
internal import Glibc
internal import NexusCore

/// Compiled modules, in a folder that is the node's alone.
///
/// What is compiled is native code, so a file of it is only used with its tag: an HMAC under the folder's own key, over
/// the name and the bytes. One without is compiled anew.
actor ModuleStore {
  struct Limits: Sendable {
    var moduleBytes = Int(NAOS_WASM_MODULE_BYTES)
    var artifactBytes = ModuleCompiler.artifactBytes
    /// Compiled modules that are kept; the oldest go first.
    var kept = 128
    /// Larger ones are only opened by their file.
    var handedOverBytes = 4 << 20
  }

  private let folder: String
  private let library: WasmLibrary
  private let launcher: any ProcessLauncher
  private let worker: WorkerLaunch
  private let host: ChannelHost
  private let clock: any NexusClock
  private let random: any RandomSource
  private let limits: Limits
  /// What is being compiled, with those who wait for it.
  private var compiling: [String: [CheckedContinuation<Void, Never>]] = [:]
  private var key: SymmetricKey?

  init(
    folder: String, library: WasmLibrary, launcher: any ProcessLauncher, worker: WorkerLaunch, host: ChannelHost,
    clock: any NexusClock, random: any RandomSource, limits: Limits = Limits()
  ) {
    self.folder = folder
    self.library = library
    self.launcher = launcher
    self.worker = worker
    self.host = host
    self.clock = clock
    self.random = random
    self.limits = limits
  }

  struct Compiled: Sendable, Hashable {
    /// Its file, which leads over no links.
    let path: String
    /// Names it: the hash of the module, of what it is to be, of the library and its settings.
    let name: String
    let library: String
    let kind: ModuleKind
    /// Its bytes, for a worker that is there already; empty if they are many.
    var artifact: [UInt8] = []
  }

  /// The compiled form of the module in a file.
  func compiled(_ path: String, to kind: ModuleKind) async throws(WasmProblem) -> Compiled {
    let library = try library.verified()
    let module = try read(path)
    let kind = kind.asFound(in: module)
    let name = Self.name(of: module, kind)
    while true {
      try prepareFolder()
      if let found = try find(name, kind, library) { return found }
      guard compiling[name] == nil else {
        await withCheckedContinuation { compiling[name]?.append($0) }
        continue
      }
      compiling[name] = []
      defer {
        for waiter in compiling.removeValue(forKey: name) ?? [] { waiter.resume() }
      }
      let artifact = try await compile(module, path, kind, library)
      try keep(artifact, name)
      guard let found = try find(name, kind, library) else { throw .worker("what was compiled cannot be read back") }
      return found
    }
  }

  private func read(_ path: String) throws(WasmProblem) -> [UInt8] {
    do {
      return try Files.read(path, limit: limits.moduleBytes)
    } catch {
      throw error.errorNumber == EFBIG
        ? .invalid(path, "it is larger than \(limits.moduleBytes >> 20) MiB") : .invalid(path, error.message)
    }
  }

  private static func name(of module: [UInt8], _ kind: ModuleKind) -> String {
    let parts = "\(module.sha256) \(kind) \(WasmLibrary.digest) \(NAOS_WASM_SETTINGS)"
    return Array(parts.utf8).sha256
  }

  // MARK: The folder

  private static let suffix = ".cwasm"

  private func artifact(_ name: String) -> String { folder + "/" + name + Self.suffix }
  private func tagFile(_ name: String) -> String { folder + "/" + name + ".tag" }

  private func prepareFolder() throws(WasmProblem) {
    do throws(FileError) {
      if !Files.isDirectory(folder) { try Files.makeDirectory(folder, mode: 0o700) }
      try Files.restrict(folder, mode: 0o700)
      if key == nil { key = try ownKey() }
    } catch {
      throw .cache(error)
    }
  }

  private static let keyBytes = 32

  private func ownKey() throws(FileError) -> SymmetricKey {
    let path = folder + "/key"
    if let bytes = try? Files.read(path, limit: Self.keyBytes, followsLink: false), bytes.count == Self.keyBytes {
      return SymmetricKey(data: bytes)
    }
    let bytes = random.bytes(Self.keyBytes)
    try Files.write(bytes, to: path, mode: 0o600)
    return SymmetricKey(data: bytes)
  }

  private func find(_ name: String, _ kind: ModuleKind, _ library: String) throws(WasmProblem) -> Compiled? {
    guard let key, let bytes = try? Files.read(artifact(name), limit: limits.artifactBytes, followsLink: false),
      let tag = try? Files.read(tagFile(name), limit: Self.keyBytes, followsLink: false),
      HMAC<SHA256>.isValidAuthenticationCode(tag, authenticating: Array(name.utf8) + bytes, using: key),
      let real = FileIdentity.real(folder)
    else { return nil }
    return Compiled(
      path: real + "/" + name + Self.suffix, name: name, library: library, kind: kind,
      artifact: kind == .skill && bytes.count <= limits.handedOverBytes ? bytes : [])
  }

  private func keep(_ bytes: [UInt8], _ name: String) throws(WasmProblem) {
    guard let key else { return }
    let tag = Array(HMAC<SHA256>.authenticationCode(for: Array(name.utf8) + bytes, using: key))
    do throws(FileError) {
      // Readable, because its worker is another user under root; the folder lets nobody else in.
      try Files.write(bytes, to: artifact(name), mode: 0o444)
      try Files.restrict(artifact(name), mode: 0o444)
      try Files.write(tag, to: tagFile(name), mode: 0o600)
      try prune()
    } catch {
      throw .cache(error)
    }
  }

  /// Removes the oldest over the limit; workers that have one open keep it.
  private func prune() throws(FileError) {
    let names = try Files.list(folder).filter { $0.hasSuffix(Self.suffix) }.map {
      String($0.dropLast(Self.suffix.count))
    }
    guard names.count > limits.kept else { return }
    let aged = names.map { (age: FileIdentity(artifact($0)).map { [$0.seconds, $0.nanoseconds] } ?? [], name: $0) }
    for old in aged.sorted(by: { $0.age.lexicographicallyPrecedes($1.age) }).prefix(names.count - limits.kept) {
      try Files.remove(artifact(old.name))
      try Files.remove(tagFile(old.name))
    }
  }

  private func compile(
    _ module: [UInt8], _ path: String, _ kind: ModuleKind, _ library: String
  ) async throws(WasmProblem) -> [UInt8] {
    // One for each module: what one made of it is gone with it.
    let compiler = try await ModuleCompiler(library, for: path, launcher, worker, host, clock)
    do throws(WasmProblem) {
      let artifact = try await compiler.compile(module, to: kind)
      await compiler.end()
      return artifact
    } catch {
      await compiler.end()
      throw error
    }
  }
}
