// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors

internal import CGuard
internal import Glibc
internal import NexusCore

/// One guard process and the socket to it.
struct GuardConnection: Sendable {
  let generation: UInt64
  /// Marks everything below this guard, and nothing else.
  let tag: String
  let pid: Int32
  let socket: Descriptor
  let pidfd: Descriptor

  /// Lets the guard go on if someone stopped it; a process that runs takes no notice of SIGCONT.
  func setGoing() { naos_pidfd_signal(pidfd.number, SIGCONT) }

  static func start(
    generation: UInt64, random: any RandomSource, abilities: GuardedLauncher.Abilities
  ) -> Result<GuardConnection, LaunchError> {
    let tag = String(random.next(), radix: 16) + String(random.next(), radix: 16)
    var socket: Int32 = -1
    var pid: Int32 = -1
    var pidfd: Int32 = -1
    let error = unsafe naos_guard_start(tag, abilities.options, &socket, &pid, &pidfd)
    guard error == 0 else { return .failure(.launcher(error, "the guard process cannot be started")) }
    return .success(
      GuardConnection(
        generation: generation, tag: tag, pid: pid, socket: Descriptor(socket), pidfd: Descriptor(pidfd)))
  }
}

/// When guards are set going again: not at every event, for it also wakes a guard that runs.
struct GuardCare {
  static let interval = Duration.seconds(1)

  private(set) var due = Instant(nanoseconds: 0)

  /// Takes the turn if it has come.
  mutating func isDue(at now: Instant) -> Bool {
    guard now >= due else { return false }
    due = now + Self.interval
    return true
  }
}

/// One message of the guard, with what came along.
struct GuardNews {
  /// 1 with a message, 0 at the guard's end, or a negated errno value.
  let outcome: Int32
  let reply: naos_guard_reply
  let pidfd: Descriptor?
  let doors: [Descriptor]

  init(from connection: GuardConnection) {
    var reply = naos_guard_reply()
    var pidfd: Int32 = -1
    var doors = [Int32](repeating: -1, count: Int(NAOS_BOX_DOORS))
    var count = 0
    outcome = unsafe naos_guard_receive(connection.socket.number, &reply, &pidfd, &doors, &count)
    self.reply = reply
    self.pidfd = pidfd >= 0 ? Descriptor(pidfd) : nil
    self.doors = doors.prefix(count).map { Descriptor($0) }
  }
}

/// What the guard is asked for.
enum GuardRequest: Sendable {
  case spawn(id: UInt64, block: SpawnBlock, files: LaunchFiles, ceilings: naos_ceilings)
  case signal(id: UInt64, signal: Int32)

  var id: UInt64 {
    switch self {
    case .spawn(let id, _, _, _), .signal(let id, _): id
    }
  }

  /// Sends without waiting: 0, `EAGAIN` where the socket is full, `ETOOMANYREFS` where as many open files of this user are on their
  /// way between processes as may be, or why the guard cannot be reached.
  func send(to connection: GuardConnection) -> Int32 {
    switch self {
    case .spawn(let id, let block, let files, let ceilings):
      unsafe withUnsafePointer(to: ceilings) { ceilings in
        unsafe withUnsafePointer(to: block.box) { box in
          unsafe block.bytes.withUnsafeBytes { bytes in
            guard let content = bytes.baseAddress else { return EINVAL }
            return unsafe naos_guard_send_spawn(
              connection.socket.number, id, block.arguments, block.variables, content, UInt64(bytes.count),
              files.block?.number ?? -1, files.standardInput.number, files.outputWriteEnd.number,
              files.errorWriteEnd.number, files.reportWriteEnd?.number ?? -1, ceilings, box)
          }
        }
      }
    case .signal(let id, let signal):
      naos_guard_send_signal(connection.socket.number, id, signal)
    }
  }
}

/// A guard that died, until nothing of what was below it is left.
struct LostGuard {
  private static let interval = Duration.milliseconds(10)

  let connection: GuardConnection
  var nextSweep: Instant
  /// The sessions of its agents: each has its leader's number.
  var sessions: [Int32] = []
  var alive: Set<UInt64> = []
  var dead: [UInt64] = []
  private let noticedAt = naos_ticks_since_boot()
  /// When what cannot be ended or removed is left behind.
  private let patienceEnds: Instant
  private var emptySweeps = 0
  /// How many processes the last sweep met.
  private(set) var met = 0

  init(connection: GuardConnection, at now: Instant, patience: Duration) {
    self.connection = connection
    nextSweep = now
    patienceEnds = now + patience
  }

  /// Kills what is found; true once all agents are confirmed dead and two sweeps in a row found nothing, because one
  /// sweep can miss a process that is born behind its back, or patience is used up.
  mutating func sweep(at now: Instant) -> Bool {
    nextSweep = now + Self.interval
    let groups = unsafe naos_end_groups(connection.tag)
    // Negative where `/proc` cannot be read, which says nothing of what is there.
    let found = unsafe naos_kill_leftovers(connection.tag, sessions, sessions.count, noticedAt)
    met = max(0, Int(found))
    emptySweeps = groups == 0 && found == 0 ? emptySweeps + 1 : 0
    return alive.isEmpty && (emptySweeps >= 2 || now >= patienceEnds)
  }
}

/// Who an epoll event is for: a kind and the number of a spawn or of a guard's generation.
struct Token {
  enum Kind: UInt64 { case wakeup, socket, guardEnd, output, error, agentEnd, report }
  let rawValue: UInt64

  static let wakeup = Token(.wakeup, 0)

  init(_ kind: Kind, _ number: UInt64) { rawValue = kind.rawValue << 56 | number & (1 << 56 - 1) }
  init(rawValue: UInt64) { self.rawValue = rawValue }

  var kind: Kind? { Kind(rawValue: rawValue >> 56) }
  var number: UInt64 { rawValue & (1 << 56 - 1) }
}

extension ProcessExit {
  init(reply: naos_guard_reply) {
    self.init(
      status: reply.signalled != 0 ? .signalled(signal: reply.status) : .exited(code: reply.status),
      userTime: .microseconds(reply.user_microseconds), systemTime: .microseconds(reply.system_microseconds),
      peakMemoryBytes: reply.peak_kibibytes * 1024, ceiling: ProcessCeilings.Resource(reply.ceiling))
    for (resource, count) in [(ProcessCeilings.Resource.memory, reply.memory_kills), (.processes, reply.refused_forks)]
    where count > 0 {
      denials.append(CountedDenial(ProgramDenial(.limit, resource.key), count: Int(clamping: count)))
    }
  }
}
