// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import Glibc
package import NexusAPI
package import NexusConfig
package import NexusCore
internal import NexusKernel

/// The secrets of a project, encrypted beside its store.
package struct SecretStore: Sendable {
  /// One of them, without its value.
  package struct Entry: Sendable, Hashable {
    package var name: String
    package var setAt: WallTime
  }

  package static let longestName = 64
  package static let longestValue = 16 << 10
  package static let most = 1000
  private static let largestFile = 32 << 20

  private let file: String
  private let key: String
  private let lock: String
  private let folder: String

  package init(project: String) {
    let state = ProjectState(project: project)
    folder = state.directory
    file = state.directory + "/secrets"
    key = state.directory + "/secrets.key"
    lock = state.directory + "/secrets.lock"
  }

  // MARK: Reading

  /// Their names and when each was set, by name.
  package func entries() throws(OperationError) -> [Entry] {
    do throws(SecretError) {
      return try read().map { Entry(name: $0.key, setAt: $0.value.setAt) }.sorted {
        $0.name < $1.name
      }
    } catch {
      throw OperationError(error)
    }
  }

  /// How the configuration finds them.
  package var lookup: SecretLookup {
    { name in
      do throws(SecretError) {
        let secrets = try read()
        return secrets[name].map { SecretFinding.found($0.value) } ?? .missing(known: secrets.keys.sorted())
      } catch {
        return .unreadable(code: error.code.rawValue, error.message)
      }
    }
  }

  private func read() throws(SecretError) -> [String: KeptSecret] {
    guard Files.exists(file) else { return [:] }
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try Files.read(file, limit: Self.largestFile, followsLink: false)
    } catch {
      throw SecretError(.file, "\(error)")
    }
    return try SecretBox.open(bytes, with: try SecretKey.read(key))
  }

  // MARK: Writing

  /// Sets one; answers whether it is new.
  package func set(
    _ name: String, to value: String, at now: WallTime, random: any RandomSource = SystemRandom()
  ) throws(OperationError) -> Bool {
    try changing(random) { secrets throws(SecretError) in
      try Self.check(name)
      guard !value.isEmpty, value.utf8.count <= Self.longestValue, !value.utf8.contains(0) else {
        throw SecretError(
          .unacceptable, "A secret has 1 to \(Self.longestValue) bytes, and none of them is zero.")
      }
      guard secrets[name] != nil || secrets.count < Self.most else {
        throw SecretError(.unacceptable, "There are \(Self.most) secrets already.")
      }
      return secrets.updateValue(KeptSecret(value: SecretText(value), setAt: now), forKey: name)
        == nil
    }
  }

  package func delete(_ name: String, random: any RandomSource = SystemRandom())
    throws(OperationError)
  {
    guard Files.exists(file) else { throw OperationError(Self.unknown(name)) }
    _ = try changing(random) { secrets throws(SecretError) in
      guard secrets.removeValue(forKey: name) != nil else { throw Self.unknown(name) }
      return true
    }
  }

  private static func unknown(_ name: String) -> SecretError {
    SecretError(.notFound, "There is no secret `\(name)`.")
  }

  private static func check(_ name: String) throws(SecretError) {
    let isPlain = name.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isPlain, !name.isEmpty, name.utf8.count <= longestName else {
      throw SecretError(
        .unacceptable,
        "The name of a secret has 1 to \(longestName) letters, digits, `_`, `-` and `.`.")
    }
  }

  /// Reads, changes and writes them while nobody else does; the file is replaced as a whole.
  private func changing(
    _ random: any RandomSource, _ change: (inout [String: KeptSecret]) throws(SecretError) -> Bool
  ) throws(OperationError) -> Bool {
    do throws(SecretError) {
      let descriptor = try hold()
      defer { close(descriptor) }
      var secrets = try read()
      let answer = try change(&secrets)
      // A new key would lock out what was encrypted with another one.
      let isNew = !Files.exists(file) && !Files.exists(key)
      let key = try isNew ? SecretKey.make(key, random: random) : SecretKey.read(key)
      let bytes = try SecretBox.seal(secrets, with: key)
      do throws(FileError) { try Files.write(bytes, to: file, mode: 0o600) } catch {
        throw SecretError(.file, "\(error)")
      }
      return answer
    } catch {
      throw OperationError(error)
    }
  }

  private func hold() throws(SecretError) -> Int32 {
    do throws(FileError) {
      try Files.makeDirectory(folder, mode: 0o700)
      try Files.restrict(folder, mode: 0o700)
      let descriptor = unsafe open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else { throw FileError.lastError(lock) }
      while flock(descriptor, LOCK_EX) != 0 {
        guard errno == EINTR else {
          close(descriptor)
          throw FileError.lastError(lock)
        }
      }
      return descriptor
    } catch {
      throw SecretError(.file, "\(error)")
    }
  }
}
