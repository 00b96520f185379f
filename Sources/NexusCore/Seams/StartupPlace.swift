// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

/// A file that shells, editors, git or other agents run by themselves for whoever works in its folder, or a folder of such
/// files.
///
/// An agent that may write it would have it run outside of its sandbox.
package struct StartupPlace: Sendable, Hashable {
  /// Relative to a folder; with a slash at its end, everything in it.
  package let path: String
  /// Whether it counts in every folder; else only in one that may be somebody's home.
  package let isAnywhere: Bool

  /// The part without the slash.
  package var name: String { path.hasSuffix("/") ? String(path.dropLast()) : path }
  package var isFolder: Bool { path.hasSuffix("/") }

  package static let all =
    [
      ".git/hooks/", ".git/config", ".husky/", ".envrc", ".env", ".mcp.json", ".claude/", ".cursor/", ".vscode/",
      ".idea/", ".devcontainer/", "nexus.config.yaml",
    ].map { StartupPlace(path: $0, isAnywhere: true) }
    + [
      ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".profile", ".zshrc", ".zshenv", ".zprofile",
      ".zlogin",
      ".gitconfig", ".npmrc", ".yarnrc.yml", ".vimrc", ".exrc", ".gdbinit", ".lldbinit", ".tmux.conf", ".ssh/",
      ".config/autostart/", ".config/systemd/", ".config/fish/", ".local/bin/",
    ].map { StartupPlace(path: $0, isAnywhere: false) }

  /// Whether it is what `git init` makes beside them, and git does not run.
  package static func isSample(_ path: String) -> Bool { path.hasSuffix(".sample") }

  /// Whether a path that is relative to a granted folder is such a file.
  package static func holds(_ path: String) -> Bool {
    if isSample(path) { return false }
    let names = path.split(separator: "/").map(String.init)
    return all.contains { place in
      let own = place.path.split(separator: "/").map(String.init)
      return names.indices.contains { start in
        guard start == 0 || place.isAnywhere else { return false }
        let rest = names[start...]
        return rest.starts(with: own) && (place.isFolder ? rest.count > own.count : rest.count == own.count)
      }
    }
  }
}
