// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Files and folders that hold keys, or what others run than who is let in there.
package enum KeyPlaces {
  private static let names: Set<String> = [
    ".naos", ".git", ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".npmrc", ".pypirc", ".pgpass",
    ".git-credentials", ".password-store", ".vault-token", ".mozilla", "gcloud", "keyrings", "Keychains", ".config",
    ".bashrc", ".profile", ".bash_profile", ".zshrc", ".mcp.json", "docker.sock", "shadow",
  ]

  /// Whether a path leads to such a place or into one, by its names.
  package static func hold(_ path: String) -> Bool {
    path.split(separator: "/").contains { name in
      names.contains(String(name)) || name.hasPrefix(".env") || name.hasPrefix("id_")
        || [".pem", ".key", ".p12", ".kdbx"].contains { name.hasSuffix($0) }
    }
  }
}
