// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import Glibc
import NexusCore
import NexusSandbox
import Testing

/// What the kernel counts for each user, and agents of an ordinary user's node share with it.
@Suite(.timeLimit(.minutes(2))) struct SharedCountTests {
  let output = Recorder()
  let told = RefusalTests.Told()
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try needRefusals()
  }

  /// How many watches of epoll instances one sandbox may have: `BoxPolls.c`.
  private static var mostWatches: Int {
    guard let file = unsafe fopen("/proc/sys/fs/epoll/max_user_watches", "r") else { return 0 }
    defer { unsafe fclose(file) }
    var text = [CChar](repeating: 0, count: 32)
    guard unsafe fgets(&text, 31, file) != nil else { return 0 }
    return max(1024, unsafe atol(text) / 64)
  }

  private static let calls = """
    $| = 1; my $most = $ENV{MOST}; my $event = pack("LQ", 1, 0);
    sub poll { my $new = syscall(291, 0); die "$!" if $new < 0; $new }
    sub target { my $new = syscall(290, 0, 0); die "$!" if $new < 0; $new }
    sub add { syscall(233, $_[0], 1, $_[1], $event) == 0 }
    sub drop { syscall(3, $_[0]) }
    """

  private func perl(_ program: String, files: Int? = nil) -> LaunchRequest {
    var request = shell("exec perl -MSocket -e \"$PROGRAM\"")
    request.environment.append(EnvironmentVariable("PROGRAM", Self.calls + program))
    request.environment.append(EnvironmentVariable("MOST", "\(Self.mostWatches)"))
    request.workingDirectory = folder.path
    request.enclosure = Enclosure(temporaryBytes: 1 << 20, openFiles: files)
    request.refusals = told
    return request
  }

  private func run(_ request: LaunchRequest) async throws -> String {
    let exit = try await GuardedLauncher().launch(request, output: output).waitForExit()
    #expect(exit.status == .exited(code: 0), "\(output.text(.standardError))")
    return output.text()
  }

  private var limits: [String] { told.all.filter { $0.kind == .limit }.map(\.text) }

  @Test func `all processes of a sandbox together have a part of the watches of epoll`() async throws {
    let program = """
      my @targets = map { target() } 1..1000; my ($made, @polls) = (0);
      OUTER: for (1..$most / 1000 + 2) {
        my $poll = poll(); push @polls, $poll;
        for (@targets) { if (add($poll, $_)) { $made++ } else { print $!{ENOSPC} ? "full " : "$! "; last OUTER } }
      }
      print $made == $most ? "at the limit " : "at $made ";
      pipe(my $r, my $w);
      if (!fork) { print add(poll(), target()) ? "more " : "none of a child's "; exit } wait;
      drop($_) for @polls;
      select undef, undef, undef, 0.01 until add(my $poll = poll(), $targets[0]);
      print "again";
      """
    #expect(try await run(perl(program)) == "full at the limit none of a child's again")
    #expect(Set(limits) == ["watches of epoll"], "\(limits)")
  }

  @Test func `who makes watches and ends them can do that for ever`() async throws {
    let program = """
      my ($poll, $failed) = (poll(), 0);
      for (1..$most * 2 + 10) { my $target = target(); add($poll, $target) or $failed++; drop($target) }
      print $failed;
      """
    #expect(try await run(perl(program)) == "0")
    #expect(limits.isEmpty)
  }

  @Test func `watches that are on their way between processes are not forgotten`() async throws {
    let program = """
      my @targets = map { target() } 1..1000; my $left = $most - 10;
      socketpair(my $a, my $b, AF_UNIX, SOCK_DGRAM, 0);
      while ($left > 0) {
        my $poll = poll();
        for (@targets) { last if $left == 0; add($poll, $_) or die "$!"; $left-- }
        my ($text, $rights) = ("x", pack("Qlllx4", 20, 1, 1, $poll)); my $part = pack("PQ", $text, 1);
        syscall(46, fileno($a), pack("QQPQPQQ", 0, 0, $part, 1, $rights, 24, 0), 0) == 1 or die "$!";
        drop($poll);
      }
      my ($poll, $made) = (poll(), 0);
      for (@targets[0..99]) { $made++ if add($poll, $_) }
      print $made;
      """
    #expect(try await run(perl(program)) == "10")
  }

  @Test func `each process may have fewer files open than the guard`() async throws {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    let most = min(4096, limit.rlim_max / 2)
    var request = perl("")
    request.arguments = shell("ulimit -Sn; ulimit -Hn").arguments
    #expect(try await run(request) == "\(most)\n\(most)\n")
    do {
      _ = try await GuardedLauncher().launch(perl("", files: Int(limit.rlim_max)), output: output)
      Issue.record("it started")
    } catch {
      #expect(error.stage == .enclosure && error.message.contains("limits.files"), "\(error.message)")
    }
  }
}
