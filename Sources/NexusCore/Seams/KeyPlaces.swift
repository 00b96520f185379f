// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// Files and folders that hold keys, or what others run than who is let in there.
package enum KeyPlaces {
  private static let names: Set<String> = [
    ".naos", ".git", ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".npmrc", ".pypirc", ".pgpass",
    ".git-credentials", ".password-store", ".vault-token", ".mozilla", "gcloud", "keyrings", "keychains", ".config",
    ".bashrc", ".profile", ".bash_profile", ".zshrc", ".mcp.json", "docker.sock", "shadow", "credentials",
    "credentials.toml", "credentials.json", "credentials.tfrc.json", ".terraform.d", ".terraformrc", ".my.cnf",
    ".mylogin.cnf", ".s3cfg", ".boto", ".htpasswd",
  ]
  private static let endings = [
    ".pem", ".key", ".p12", ".p8", ".pfx", ".kdbx", ".jks", ".keystore", ".keytab", ".ppk", ".ovpn", ".gpg",
  ]

  /// Whether a path leads to such a place or into one, by its names.
  package static func hold(_ path: String) -> Bool {
    path.split(separator: "/").map { $0.lowercased() }.contains { name in
      names.contains(name) || name.hasPrefix(".env") || name.hasPrefix("id_")
        || endings.contains { name.hasSuffix($0) }
    }
  }
}
