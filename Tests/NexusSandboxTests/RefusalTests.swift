// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

import CGuard
import Glibc
import NexusCore
import NexusSandbox
import Synchronization
import Testing

/// What the kernel refuses to programs in sandboxes, and what is told of it.
@Suite(.timeLimit(.minutes(2))) struct RefusalTests {
  let launcher = GuardedLauncher()
  let output = Recorder()
  let told = Told()
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try needRefusals()
  }

  /// Adds up what it hears.
  final class Told: RefusalReceiver {
    private let messages = Mutex([Refusal]())
    func refused(_ refusal: Refusal) { messages.withLock { $0.append(refusal) } }
    var all: [Refusal] { messages.withLock { $0 } }
    /// How often each was refused.
    var counts: [String: Int] {
      all.reduce(into: [:]) { counts, next in
        counts[next.port.map { "\(next.text):\($0)" } ?? next.text, default: 0] += next.count
      }
    }
  }

  private func perl(_ program: String, _ folders: [Enclosure.Folder] = []) -> LaunchRequest {
    var request = shell("exec perl -MSocket -e \"$PROGRAM\"")
    request.environment.append(EnvironmentVariable("PROGRAM", program))
    request.workingDirectory = folder.path
    request.enclosure = Enclosure(folders: folders, temporaryBytes: 1 << 20)
    request.refusals = told
    return request
  }

  private func run(_ request: LaunchRequest) async throws -> ProcessExit {
    try await launcher.launch(request, output: output).waitForExit()
  }

  private static let calls = """
    sub try { my $result = syscall(shift @_, @_); print $result < 0 ? $!{EPERM} ? "EPERM " : $! + 0 . " " : "done "; }
    try(101, 0, 0, 0, 0); try(272, 0x10000000); try(250, 0, -3, 0); try(250, 0, -3, 0);
    try(41, 17, 3, 0); try(41, 40, 1, 0); try(41, 2, 3, 1); try(56, 0x10000000 | 17, 0, 0, 0, 0);
    my $tmp = "/tmp"; try(90, $tmp, 04755); try(135, 0x40000); try(16, 0, 0x5412, 0);
    """

  @Test func `a refused call fails as it always did, and is told by its name`() async throws {
    let exit = try await run(perl(Self.calls))
    #expect(exit.status == .exited(code: 0), "\(output.text(.standardError))")
    let unknownFamily = "\(EAFNOSUPPORT) "
    let denied = "EPERM "
    #expect(
      output.text() == String(repeating: denied, count: 4) + unknownFamily + unknownFamily
        + String(repeating: denied, count: 5))
    #expect(
      told.counts == [
        "ptrace": 1, "unshare": 1, "keyctl": 2, "socket AF_PACKET": 1, "socket AF_VSOCK": 1, "socket SOCK_RAW": 1,
        "clone namespaces": 1, "chmod setuid": 1, "personality": 1, "ioctl TIOCSTI": 1,
      ])
  }

  @Test func `what programs try by routine is not told, nor what is allowed`() async throws {
    let program = """
      syscall(435, 0, 0); syscall(437, -100, 0, 0, 0); syscall(425, 1, 0); syscall(41, 16, 3, 0);
      syscall(135, 0xffffffff); chmod 0755, "/tmp";
      socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in(9, inet_aton("127.0.0.1")));
      socket(my $u, PF_UNIX, SOCK_STREAM, 0); connect($u, pack_sockaddr_un("/tmp/nobody"));
      socket(my $d, PF_INET, SOCK_DGRAM, 0); send($d, "x", 0, pack_sockaddr_in(9, inet_aton("127.0.0.1")));
      print "fine";
      """
    #expect(try await run(perl(program)).status == .exited(code: 0))
    #expect(output.text() == "fine")
    #expect(told.all.isEmpty, "\(told.all)")
  }

  @Test func `what makes others wait for a file that one only reads is refused, and all else of fcntl goes on`()
    async throws
  {
    _ = try folder.write("seen", "x", mode: 0o644)
    let program = """
      open(my $f, "<", "seen");
      sub try { print defined fcntl($f, $_[0], $_[1]) ? "done " : $!{EPERM} ? "EPERM " : "$! " }
      try(1024, 1); try(1024, 0); syscall(72, fileno($f), 1 << 40 | 1024, 1) < 0 and print $!{EPERM} ? "EPERM " : "$! ";
      try(1026, 2); try(1040, 0);
      try(1025, 0); try(1030, 0); try(1, 0); try(3, 0); try(8, $$ + 0);
      """
    #expect(try await run(perl(program)).status == .exited(code: 0), "\(output.text(.standardError))")
    #expect(output.text() == String(repeating: "EPERM ", count: 5) + String(repeating: "done ", count: 5))
    #expect(told.counts == ["fcntl F_SETLEASE": 3, "fcntl F_NOTIFY": 1, "fcntl F_SETDELEG": 1])
  }

  @Test func `an address that the sandbox has no way to is told, by whatever call`() async throws {
    let program = """
      my $away = pack_sockaddr_in(80, inet_aton("169.254.169.254"));
      socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, $away) or print $!{ENETUNREACH} ? "unreachable " : "$! ";
      socket(my $d, PF_INET, SOCK_DGRAM, 0); my $other = pack_sockaddr_in(53, inet_aton("8.8.8.8"));
      send($d, "x", 0, $other) or print $!{ENETUNREACH} ? "unreachable " : "$! ";
      my $nameless = "\\0\\0" . substr(pack_sockaddr_in(54, inet_aton("8.8.8.8")), 2);
      send($d, "x", 0, $nameless);
      my $text = "x"; my $part = pack("PQ", $text, 1);
      my $message = pack("PQPQQQQ", $other, length $other, $part, 1, 0, 0, 0);
      syscall(46, fileno($d), $message, 0) < 0 and print "unreachable ";
      socket(my $six, PF_INET6, SOCK_STREAM, 0);
      connect($six, Socket::pack_sockaddr_in6(80, Socket::inet_pton(AF_INET6, "fd00:ec2::254")));
      connect($six, Socket::pack_sockaddr_in6(81, Socket::inet_pton(AF_INET6, "::ffff:10.0.0.1")));
      connect($six, Socket::pack_sockaddr_in6(82, Socket::inet_pton(AF_INET6, "::1")));
      """
    #expect(try await run(perl(program)).status == .exited(code: 0), "\(output.text(.standardError))")
    #expect(output.text() == "unreachable unreachable unreachable ")
    var expected = ["169.254.169.254:80": 1, "8.8.8.8:53": 2, "8.8.8.8:54": 1]
    if unsafe access("/proc/net/if_inet6", R_OK) == 0 { expected["[fd00:ec2::254]:80"] = 1 }
    var found = told.counts
    // Of a mapped address the kernel of the family decides whether it is one.
    found["[::ffff:10.0.0.1]:81"] = nil
    #expect(found == expected)
  }

  @Test(arguments: [false, true])
  func `a path that cannot be had is told as a whole one, to read only where it learns`(_ learns: Bool) async throws {
    _ = try folder.write("seen", "x", mode: 0o644)
    let program = """
      open(my $a, "<", "seen"); open(my $b, "<", "missed"); open(my $c, "<", "/nowhere/at/all"); open(my $d, ">", "made");
      open(my $e, "+<", "seen"); mkdir "folder"; mkdir "/nowhere/folder"; open(my $f, ">", "/tmp/fine"); mkdir "/tmp/too";
      open(my $g, "<", "/tmp/fine"); open(my $h, "<", "/usr/nothing"); chdir "/usr";
      open(my $i, "<", ".././nowhere/relative");
      print "fine";
      """
    var request = perl(program)
    request.enclosure?.learns = learns
    #expect(try await run(request).status == .exited(code: 0), "\(output.text(.standardError))")
    #expect(output.text() == "fine")
    let here = try #require(FilePlace.real(folder.path))
    func told(_ kind: Refusal.Kind) -> Set<String> { Set(self.told.all.filter { $0.kind == kind }.map(\.text)) }
    #expect(told(.writing) == ["\(here)/seen"])
    #expect(told(.making) == ["\(here)/made", "\(here)/folder", "/nowhere/folder"])
    #expect(told(.reading).isSuperset(of: learns ? ["\(here)/missed", "/nowhere/at/all", "/nowhere/relative"] : []))
    #expect(learns || told(.reading).isEmpty)
    #expect(told(.reading).isDisjoint(with: ["\(here)/seen", "/tmp/fine", "/usr/nothing"]))
  }

  @Test func `a path is told plainly, and none that leads elsewhere than it reads`() async throws {
    let program = """
      open(my $f, "<", $_) for "//nowhere//a/./b/", "//proc/1/cwd/x", "/./proc/1/environ", "/.//sys/x", "/srv/../net/x",
        "/nowhere/.", "//usr/./nothing", "nowhere/../c", "/..";
      print "fine";
      """
    var request = perl(program)
    request.enclosure?.learns = true
    #expect(try await run(request).status == .exited(code: 0), "\(output.text(.standardError))")
    #expect(output.text() == "fine")
    let odd = told.all.map(\.text).filter { $0.hasPrefix("/nowhere") || $0.contains("/.") || $0.contains("//") }
    #expect(Set(odd) == ["/nowhere/a/b", "/nowhere"], "\(told.all)")
    #expect(!told.all.contains { $0.text.contains("/proc") || $0.text.hasSuffix("/c") || $0.text.hasSuffix("/x") })
  }

  @Test func `what is missed in its own memory is none of the machine's`() async throws {
    let program = """
      open(my $a, "+<", "/tmp/none"); open(my $b, "<", "/tmp/none"); open(my $c, ">", "/tmp/none/at/all");
      open(my $d, "+<", "$ENV{HOME}/none"); open(my $e, "<", "/tmp"); mkdir "/tmp";
      open(my $g, "+<", "none"); open(my $h, ">", "/tmp/given/none"); print "fine";
      """
    let given = folder.path + "/given"
    #expect(unsafe mkdir(given, 0o755) == 0)
    var request = perl(program, [Enclosure.Folder(path: given, place: "/tmp/given", isWritable: false)])
    request.enclosure?.learns = true
    request.environment.append(EnvironmentVariable("HOME", Enclosure.home))
    #expect(try await run(request).status == .exited(code: 0), "\(output.text(.standardError))")
    #expect(output.text() == "fine")
    // The working directory is in /tmp of the machine.
    let texts = Set(told.all.map(\.text).filter { $0.hasPrefix("/tmp") || $0.hasPrefix(Enclosure.home) })
    #expect(texts == ["\(folder.path)/none", "/tmp/given/none"], "\(told.all)")
  }

  @Test func `a flood of paths that are nowhere hides none that is to be written`() async throws {
    let program = """
      for (1..300) { open(my $f, "<", "/nowhere/$_") } open(my $w, "+<", "/nowhere/written");
      open(my $m, ">", "/nowhere/made"); print "fine";
      """
    var request = perl(program)
    request.enclosure?.learns = true
    #expect(try await run(request).status == .exited(code: 0), "\(output.text(.standardError))")
    #expect(output.text() == "fine")
    func told(_ kind: Refusal.Kind) -> [String] { self.told.all.filter { $0.kind == kind }.map(\.text) }
    #expect(told(.writing) == ["/nowhere/written"])
    #expect(told(.making) == ["/nowhere/made"])
    let reads = self.told.all.filter { $0.kind == .reading }
    #expect(Set(reads.map(\.text)).count == 101, "\(reads.count)")
    #expect(reads.filter { $0.text == "(others)" }.reduce(0) { $0 + $1.count } >= 200)
  }

  @Test func `messages of a kernel that says more than is known are not asked for`() {
    #expect(naos_refusals_fit(80, 24))
    #expect(!naos_refusals_fit(88, 24) && !naos_refusals_fit(80, 32))
  }

  private enum FilePlace {
    static func real(_ path: String) -> String? {
      guard let found = unsafe realpath(path, nil) else { return nil }
      defer { unsafe free(found) }
      return unsafe String(cString: found)
    }
  }

  @Test func `a flood of a million calls is a handful of messages, and counted`() async throws {
    #expect(try await run(perl("syscall(101, 0, 0, 0, 0) for 1..1000000; print 'fine'")).status == .exited(code: 0))
    #expect(output.text() == "fine")
    #expect(told.counts == ["ptrace": 1_000_000])
    #expect(told.all.count <= 8, "\(told.all)")
  }

  @Test func `a flood of different targets is bounded, and none is lost from the count`() async throws {
    let program = """
      socket(my $s, PF_INET, SOCK_STREAM, 0);
      connect($s, pack_sockaddr_in($_, inet_aton("10.0.0.1"))) for 1..5000;
      """
    #expect(try await run(perl(program)).status == .exited(code: 0))
    #expect(told.counts.count == 101 && told.counts["(others):0"] == 4900, "\(told.counts.count)")
    #expect(told.counts.values.reduce(0, +) == 5000)
    #expect(told.all.count <= 110)
  }

  @Test func `processes that die while they ask hold nobody up, nor does a flood hold up a signal`() async throws {
    let program = """
      $SIG{TERM} = sub { print "asked\\n"; exit 4 }; $| = 1;
      for my $round (1..30) {
        my @children = map { my $child = fork; if (!$child) { syscall(101, 0, 0, 0, 0) while 1 } $child } 1..3;
        select(undef, undef, undef, 0.002);
        kill 9, @children; waitpid($_, 0) for @children;
      }
      if (!fork) { syscall(101, 0, 0, 0, 0) while 1 }
      print "ready\\n"; syscall(101, 0, 0, 0, 0) while 1;
      """
    let process = try await launcher.launch(perl(program), output: output)
    await output.wait(for: "ready")
    process.signal(.terminate)
    #expect(await process.waitForExit().status == .exited(code: 4))
    #expect(output.text().contains("asked"))
    #expect(told.counts["ptrace"] ?? 0 > 0)
  }

  @Test func `without its keeper nothing is let through, for nothing is left`() async throws {
    let tag = uniqueTag("keeper")
    let program = "my $tag = '\(tag)'; print qq(ready\\n); syscall(101, 0, 0, 0, 0) while 1"
    var request = perl("$| = 1; " + program)
    request.environment.append(EnvironmentVariable("TEST_TAG", tag))
    let process = try await launcher.launch(request, output: output)
    await output.wait(for: "ready")
    kill(process.pid, SIGKILL)
    #expect(await process.waitForExit().status == .signalled(signal: SIGKILL))
    #expect(processes(tagged: tag).isEmpty)
  }
}
