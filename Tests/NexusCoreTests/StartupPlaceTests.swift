// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import NexusCore
import Testing

@Suite struct StartupPlaceTests {
  @Test(arguments: [
    ".envrc", ".mcp.json", ".git/hooks/pre-commit", ".git/config", ".vscode/tasks.json", ".claude/commands/deep/er.md",
    "sub/.envrc", "a/b/.git/hooks/post-checkout", "a/nexus.config.yaml", ".bashrc", ".config/systemd/user/x.service",
    "/.envrc", ".git//hooks/x",
  ])
  func `is what others run by themselves`(_ path: String) {
    #expect(StartupPlace.holds(path))
  }

  @Test(arguments: [
    "", "envrc", ".envrc/x", ".envrc.bak", "src/main.py", ".git/hooks", ".git/HEAD", ".git/hooks/pre-commit.sample",
    "sub/.bashrc", "sub/.npmrc", ".vscode", "x.mcp.json", ".github/workflows/ci.yml",
  ])
  func `is none`(_ path: String) {
    #expect(!StartupPlace.holds(path))
  }
}
