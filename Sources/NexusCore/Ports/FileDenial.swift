// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A path that a module was refused, as the target of a denial by the rule `fs` writes it: `/data/new (read only)`.
package struct FileDenial: Sendable, Hashable {
  package enum Kind: String, Sendable, CaseIterable {
    /// Nothing that is granted holds it; it was to be read.
    case read = ""
    /// Nothing that is granted holds it; it was to be changed.
    case write
    /// It was to be changed in a folder that is granted for reading.
    case readOnly = "read only"
    /// It is in a granted folder: a link that leads out of it, or a file that is kept from everybody.
    case within = "within its folder"
  }

  /// A longer path is cut, and says so.
  package static let mostScalars = 160
  private static let mark = "..."

  package var kind: Kind
  /// As the module sees it; untrusted text.
  package var path: String

  package init(_ kind: Kind, _ path: String) {
    self.kind = kind
    let scalars = path.unicodeScalars
    self.path =
      scalars.count > Self.mostScalars
      ? String(String.UnicodeScalarView(scalars.prefix(Self.mostScalars))) + Self.mark : path
  }

  /// Reads what `target` has written.
  package init(target: String) {
    for kind in Kind.allCases where kind != .read && target.hasSuffix(" (\(kind.rawValue))") {
      self.kind = kind
      path = String(target.dropLast(kind.rawValue.count + 3))
      return
    }
    kind = .read
    path = target
  }

  package var target: String { kind == .read ? path : "\(path) (\(kind.rawValue))" }

  /// Whether the path is all there is to it, in letters that need no care: it may stand in a file.
  package var isPlain: Bool {
    path.utf8.first == UInt8(ascii: "/") && !path.hasSuffix(Self.mark)
      && path.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
          || "/._-+".utf8.contains(byte)
      }
  }
}
