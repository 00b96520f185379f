// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Reads the parts of a WebAssembly module that say what it wants, what it offers and what it was made from.
///
/// It checks no more than it reads: whether the module is valid is the engine's to say.
struct WasmReader {
  private static let header: [UInt8] = [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0]
  private static let headerOfComponent: [UInt8] = [0, 0x61, 0x73, 0x6D, 0x0D, 0, 1, 0]
  private static let sectionOfImports: UInt8 = 2
  private static let sectionOfExports: UInt8 = 7

  /// Something that the module imports.
  struct Import: Hashable {
    var module: String
    var name: String
  }

  private(set) var imports: [Import] = []
  private(set) var exports: [String] = []
  /// Custom sections, each with its content.
  private(set) var custom: [(name: String, content: [UInt8])] = []

  /// Of a component only the custom sections are read.
  let isComponent: Bool

  private let bytes: [UInt8]
  private var at = 0

  /// Nil if the bytes are no module whose sections can be told apart.
  init?(_ bytes: [UInt8]) {
    self.bytes = bytes
    isComponent = bytes.starts(with: Self.headerOfComponent)
    guard isComponent || bytes.starts(with: Self.header) else { return nil }
    at = Self.header.count
    while at < bytes.count {
      guard let section = byte(), let length = number(), length <= bytes.count - at else { return nil }
      let end = at + length
      guard read(section, until: end) else { return nil }
      at = end
    }
  }

  private mutating func read(_ section: UInt8, until end: Int) -> Bool {
    if isComponent, section != 0 { return true }
    switch section {
    case 0:
      guard let name = name(), at <= end else { return false }
      custom.append((name, Array(bytes[at..<end])))
      return true
    case Self.sectionOfImports: return readImports(until: end)
    case Self.sectionOfExports:
      guard let count = number() else { return false }
      for _ in 0..<count {
        guard let name = name(), byte() != nil, number() != nil, at <= end else { return false }
        exports.append(name)
      }
      return true
    default: return true
    }
  }

  private mutating func readImports(until end: Int) -> Bool {
    guard let count = number() else { return false }
    for _ in 0..<count {
      guard let module = name(), let name = name(), let kind = byte(), at <= end else { return false }
      imports.append(Import(module: module, name: name))
      switch kind {
      case 0: guard number() != nil else { return false }
      case 1: guard byte() != nil, skipLimits() else { return false }
      case 2: guard skipLimits() else { return false }
      case 3: guard byte() != nil, byte() != nil else { return false }
      default: return false
      }
    }
    return at <= end
  }

  private mutating func skipLimits() -> Bool {
    guard let flags = byte(), number() != nil else { return false }
    return flags & 1 == 0 || number() != nil
  }

  private mutating func byte() -> UInt8? {
    guard at < bytes.count else { return nil }
    defer { at += 1 }
    return bytes[at]
  }

  /// An unsigned LEB128 number of at most 32 bits.
  private mutating func number() -> Int? {
    var result = 0
    for shift in stride(from: 0, through: 28, by: 7) {
      guard let byte = byte() else { return nil }
      result |= Int(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return result <= Int(UInt32.max) ? result : nil }
    }
    return nil
  }

  private mutating func name() -> String? {
    guard let length = number(), length <= bytes.count - at else { return nil }
    defer { at += length }
    return String(validating: bytes[at..<(at + length)], as: UTF8.self)
  }
}

extension WasmReader {
  /// A custom section, to be put behind a module.
  static func customSection(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let name = Array(name.utf8)
    let body = leb(name.count) + name + content
    return [0] + leb(body.count) + body
  }

  private static func leb(_ number: Int) -> [UInt8] {
    var rest = number
    var bytes: [UInt8] = []
    repeat {
      let low = UInt8(rest & 0x7F)
      rest >>= 7
      bytes.append(rest == 0 ? low : low | 0x80)
    } while rest != 0
    return bytes
  }
}
