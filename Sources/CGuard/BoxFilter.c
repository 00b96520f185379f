// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The filter of system calls, and what it has to say of those that it refuses. A call that no program makes by routine is
// handed to the keeper, which answers as the filter would, and counts; what programs only try is refused at once.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no filter of system calls for this architecture"
#endif

#define WAIT_KILLABLE (1ul << 5) /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV */
#define X32_BIT 0x40000000u
#define REFUSE(error) (SECCOMP_RET_ERRNO | ((error) & SECCOMP_RET_DATA))
#define NAMESPACES 0x7e020080u /* every CLONE_NEW… */

#define NAMED(name) {SYS_##name, #name}
/// Answered with EPERM: what reaches into other processes or the kernel, makes mounts and namespaces, or sets the host.
static const struct {
  int call;
  const char *name;
} forbidden[] = {
    NAMED(ptrace), NAMED(process_vm_readv), NAMED(process_vm_writev), NAMED(kcmp), NAMED(bpf), NAMED(perf_event_open),
    NAMED(keyctl), NAMED(add_key), NAMED(request_key), NAMED(userfaultfd), NAMED(mount), NAMED(umount2),
    NAMED(pivot_root), NAMED(chroot), NAMED(unshare), NAMED(setns), NAMED(open_tree), NAMED(move_mount),
    NAMED(fsopen), NAMED(fsconfig), NAMED(fsmount), NAMED(fspick), NAMED(swapon), NAMED(swapoff), NAMED(reboot),
    NAMED(kexec_load), NAMED(init_module), NAMED(finit_module), NAMED(delete_module), NAMED(acct), NAMED(quotactl),
    NAMED(settimeofday), NAMED(clock_settime), NAMED(clock_adjtime), NAMED(adjtimex), NAMED(sethostname),
    NAMED(setdomainname), NAMED(syslog), NAMED(name_to_handle_at), NAMED(open_by_handle_at), NAMED(fanotify_init),
    NAMED(vhangup), NAMED(nfsservctl),
#ifdef SYS_lookup_dcookie
    NAMED(lookup_dcookie),
#endif
#ifdef SYS_kexec_file_load
    NAMED(kexec_file_load),
#endif
#ifdef SYS_mount_setattr
    NAMED(mount_setattr),
#endif
#ifdef SYS_pidfd_getfd
    NAMED(pidfd_getfd),
#endif
#ifdef SYS_quotactl_fd
    NAMED(quotactl_fd),
#endif
#ifdef __x86_64__
    NAMED(iopl), NAMED(ioperm), NAMED(modify_ldt), NAMED(uselib), NAMED(ustat), NAMED(sysfs),
#endif
    {467, "open_tree_attr"}};
/// Answered as a kernel without them would, and never told of: programs try them by routine, and fall back. `clone3` hides its flags from a filter, `openat2` its
/// mode, and the rings of io_uring hide everything.
static const int unknown[] = {SYS_clone3, SYS_openat2, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register};

/// A program with these bits, in a folder that is granted to write, would have the powers of the folder's owner outside,
/// where no mount of the sandbox's counts.
#define BORROWS_OWNER (S_ISUID | S_ISGID)
#define MAKES_FILE (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define WRITES_FILE (O_ACCMODE | O_TRUNC | MAKES_FILE)
/// The calls that give a file its mode: which argument it is, and which has the flags of those that need not make one.
static const struct {
  int call;
  const char *name;
  int mode, flags;
} modes[] = {
#ifdef __x86_64__
    {SYS_open, "open", 2, 1},    {SYS_creat, "creat", 1, -1}, {SYS_chmod, "chmod", 1, -1},
    {SYS_mkdir, "mkdir", 1, -1}, {SYS_mknod, "mknod", 1, -1},
#endif
    {SYS_openat, "openat", 3, 2},     {SYS_fchmod, "fchmod", 1, -1},   {SYS_fchmodat, "fchmodat", 2, -1},
    {452, "fchmodat2", 2, -1},        {SYS_mkdirat, "mkdirat", 2, -1}, {SYS_mknodat, "mknodat", 2, -1}};
/// The calls that make a device: which argument is its mode, and which its number.
static const struct {
  int call, mode, number;
} devices[] = {
#ifdef __x86_64__
    {SYS_mknod, 1, 2},
#endif
    {SYS_mknodat, 2, 3}};
/// What makes others who open a file, or a folder's entries, wait for whoever only reads it, for most of a minute each time
/// (leases, delegations), and what tells of their doings by signals.
#define SET_LEASE 1024 /* F_SETLEASE */
#define NOTIFY 1026 /* F_NOTIFY */
#define SET_DELEGATION 1040 /* F_SETDELEG, since 6.19 */
#define BIT_OF_NOTIFY (SET_LEASE ^ NOTIFY) /* the only one in which it differs from a lease */
#define COUNT(list) (sizeof(list) / sizeof *(list))
#define KIND_OF_SOCKET 0xfu /* without SOCK_CLOEXEC and SOCK_NONBLOCK */

struct program {
  struct sock_filter steps[512];
  unsigned short length;
  /// Whether the keeper is asked, and hears of what is refused.
  bool asks;
  /// Also about every file that is opened.
  bool learns;
};

static void add(struct program *program, struct sock_filter step) { program->steps[program->length++] = step; }

static void load(struct program *program, size_t offset) {
  add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/// Ends with `answer` where what is loaded equals `value`.
static void answer_if(struct program *program, uint32_t value, uint32_t answer) {
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer));
}

/// A refusal that somebody is to hear of.
static uint32_t refuse(const struct program *program, int error) {
  return program->asks ? SECCOMP_RET_USER_NOTIF : REFUSE((uint32_t)error);
}

/// The low half of an argument: what the kernel reads of an `int` or of flags.
static size_t argument(int index) { return offsetof(struct seccomp_data, args) + (size_t)index * sizeof(uint64_t); }

/// Begins what is looked at for one call only; `end_case` says where the others go on.
static unsigned short begin_case(struct program *program, uint32_t call) {
  load(program, offsetof(struct seccomp_data, nr));
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 0));
  return (unsigned short)(program->length - 1);
}

static void end_case(struct program *program, unsigned short begin) {
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  program->steps[begin].jf = (uint8_t)(program->length - begin - 1);
}

/// Whether a path is there, and can be written to, the keeper sees; it looks at the mode as well.
static bool names_path(int call) {
#ifdef __x86_64__
  if (call == SYS_open || call == SYS_creat || call == SYS_mkdir) return true;
#endif
  return call == SYS_openat || call == SYS_mkdirat;
}

/// A device has a number; what has none is a mark of overlay file systems, which the kernel lets everybody make.
static void look_at_devices(struct program *program, int call) {
  for (size_t index = 0; index < COUNT(devices); index++) {
    if (devices[index].call != call) continue;
    load(program, argument(devices[index].number));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0));
    load(program, argument(devices[index].mode));
    add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, S_IFMT));
    // To the refusal, or over it.
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFCHR, 1, 0));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFBLK, 0, 1));
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuse(program, EPERM)));
  }
}

/// Leaves the number of the call loaded.
static void look_at_modes(struct program *program) {
  for (size_t index = 0; index < COUNT(modes); index++) {
    unsigned short begin = begin_case(program, (uint32_t)modes[index].call);
    if (program->asks && names_path(modes[index].call)) {
      if (modes[index].flags >= 0 && !program->learns) {
        load(program, argument(modes[index].flags));
        add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, WRITES_FILE, 1, 0));
        add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
      }
      add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
      end_case(program, begin);
      continue;
    }
    if (modes[index].flags >= 0) {
      load(program, argument(modes[index].flags));
      add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAKES_FILE, 1, 0));
      add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    look_at_devices(program, modes[index].call);
    load(program, argument(modes[index].mode));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, BORROWS_OWNER, 0, 1));
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuse(program, EPERM)));
    end_case(program, begin);
  }
}

/// Two comparisons, for these are among the calls that are made most. Leaves the number of the call loaded.
static void look_at_leases(struct program *program) {
  unsigned short begin = begin_case(program, SYS_fcntl);
  load(program, argument(1));
  answer_if(program, SET_DELEGATION, refuse(program, EPERM));
  add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)BIT_OF_NOTIFY));
  answer_if(program, SET_LEASE, refuse(program, EPERM));
  end_case(program, begin);
}

/// Only sockets of the internet and local ones, and of the former none that carry what they like.
static void look_at_sockets(struct program *program, uint32_t call) {
  unsigned short begin = begin_case(program, call);
  load(program, argument(0));
  answer_if(program, AF_UNIX, SECCOMP_RET_ALLOW);
  // How many steps are left out: those that end in the refusal of every other family.
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 5, 0));
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 4, 0));
  // The addresses of the machine, which every search for a name asks for, are no more than not there.
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 2));
  load(program, argument(2));
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_ROUTE, 6, 0));
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuse(program, EAFNOSUPPORT)));
  load(program, argument(1));
  add(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, KIND_OF_SOCKET));
  answer_if(program, SOCK_RAW, refuse(program, EPERM));
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE(EAFNOSUPPORT)));
  end_case(program, begin);
}

/// Whom a program wants to reach is in its memory, where only the keeper can look.
static void look_at_addresses(struct program *program) {
  if (!program->asks) return;
  static const int calls[] = {SYS_connect, SYS_sendmsg, SYS_sendmmsg};
  for (size_t index = 0; index < COUNT(calls); index++) answer_if(program, (uint32_t)calls[index], SECCOMP_RET_USER_NOTIF);
  unsigned short begin = begin_case(program, SYS_sendto);
  for (size_t half = 0; half < 2; half++) {
    load(program, argument(4) + half * sizeof(uint32_t));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0));
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  }
  end_case(program, begin);
}

/// The kernel counts them for each user, and no limit of a process holds them.
static void look_at_watches(struct program *program) {
  if (!program->asks) return;
  unsigned short begin = begin_case(program, SYS_epoll_ctl);
  load(program, argument(1));
  answer_if(program, EPOLL_CTL_ADD, SECCOMP_RET_USER_NOTIF);
  end_case(program, begin);
}

static void look_at_arguments(struct program *program) {
  unsigned short begin = begin_case(program, SYS_clone);
  load(program, argument(0));
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1));
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuse(program, EPERM)));
  end_case(program, begin);

  look_at_sockets(program, SYS_socket);
  look_at_sockets(program, SYS_socketpair);

  begin = begin_case(program, SYS_ioctl);
  load(program, argument(1));
  answer_if(program, TIOCSTI, refuse(program, EPERM));
  answer_if(program, TIOCLINUX, refuse(program, EPERM));
  end_case(program, begin);

  // Only to ask, and to be what every program is.
  begin = begin_case(program, SYS_personality);
  load(program, argument(0));
  answer_if(program, 0, SECCOMP_RET_ALLOW);
  answer_if(program, 0xffffffffu, SECCOMP_RET_ALLOW);
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refuse(program, EPERM)));
  end_case(program, begin);
}

static void write_program(struct program *program) {
  load(program, offsetof(struct seccomp_data, arch));
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0));
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  load(program, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
#endif
  // First, because these look at what is called most.
  look_at_modes(program);
  look_at_leases(program);
  look_at_watches(program);
  for (size_t index = 0; index < COUNT(forbidden); index++)
    answer_if(program, (uint32_t)forbidden[index].call, refuse(program, EPERM));
  for (size_t index = 0; index < COUNT(unknown); index++)
    answer_if(program, (uint32_t)unknown[index], REFUSE(ENOSYS));
  look_at_addresses(program);
  look_at_arguments(program);
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

static int load_filter(struct program *program, unsigned long flags) {
  struct sock_fprog filter = {.len = program->length, .filter = program->steps};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
}

bool naos_refusals_fit(uint32_t call_bytes, uint32_t answer_bytes) {
  return call_bytes <= sizeof(struct seccomp_notif) && answer_bytes <= sizeof(struct seccomp_notif_resp);
}

/// Whether what the kernel of this machine says of a call is no longer than what was known when this was built.
static bool is_understood(void) {
  struct seccomp_notif_sizes sizes;
  return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
         naos_refusals_fit(sizes.seccomp_notif, sizes.seccomp_notif_resp);
}

int naos_box_filter_calls(int *listener, bool learns) {
  if (listener && is_understood()) {
    struct program asking = {.asks = true, .learns = learns};
    write_program(&asking);
    // What was heard is then not interrupted by a signal, and heard again; since 5.19.
    *listener = load_filter(&asking, SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE);
    if (*listener < 0 && errno == EINVAL) *listener = load_filter(&asking, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    if (*listener >= 0) return 0;
  }
  // Somebody around this guard listens already, or no kernel of today: the calls are refused, and nobody hears of it.
  struct program program = {.asks = false};
  write_program(&program);
  return load_filter(&program, 0) < 0 ? errno : 0;
}

// ---- What was refused --------------------------------------------------------------------------------------------

static void name_socket(const struct seccomp_data *call, char *what, size_t room) {
  static const struct {
    unsigned family;
    const char *name;
  } families[] = {{AF_NETLINK, "AF_NETLINK"}, {AF_PACKET, "AF_PACKET"}, {AF_VSOCK, "AF_VSOCK"}, {AF_ALG, "AF_ALG"},
                  {AF_BLUETOOTH, "AF_BLUETOOTH"}, {AF_CAN, "AF_CAN"}, {AF_XDP, "AF_XDP"}, {AF_TIPC, "AF_TIPC"},
                  {AF_RDS, "AF_RDS"}, {AF_KEY, "AF_KEY"}, {AF_PPPOX, "AF_PPPOX"}, {AF_QIPCRTR, "AF_QIPCRTR"}};
  unsigned family = (unsigned)call->args[0];
  snprintf(what, room, "socket family %u", family);
  if (family == AF_INET || family == AF_INET6) snprintf(what, room, "socket SOCK_RAW");
  for (size_t index = 0; index < COUNT(families); index++)
    if (families[index].family == family) snprintf(what, room, "socket %s", families[index].name);
}

static const char *name_lease(uint32_t command) {
  return command == SET_LEASE ? "F_SETLEASE" : command == NOTIFY ? "F_NOTIFY" : "F_SETDELEG";
}

int naos_box_name_refusal(const struct seccomp_data *call, char *what, size_t room) {
  switch (call->nr) {
  case SYS_fcntl:
    snprintf(what, room, "fcntl %s", name_lease((uint32_t)call->args[1]));
    return EPERM;
  case SYS_socket:
  case SYS_socketpair:
    name_socket(call, what, room);
    return (unsigned)call->args[0] == AF_INET || (unsigned)call->args[0] == AF_INET6 ? EPERM : EAFNOSUPPORT;
  case SYS_clone:
    snprintf(what, room, "clone namespaces");
    return EPERM;
  case SYS_ioctl:
    snprintf(what, room, "ioctl %s", (uint32_t)call->args[1] == TIOCSTI ? "TIOCSTI" : "TIOCLINUX");
    return EPERM;
  case SYS_personality:
    snprintf(what, room, "personality");
    return EPERM;
  }
  for (size_t index = 0; index < COUNT(devices); index++) {
    unsigned kind = (unsigned)call->args[devices[index].mode] & S_IFMT;
    if (devices[index].call != call->nr || (uint32_t)call->args[devices[index].number] == 0) continue;
    if (kind != S_IFCHR && kind != S_IFBLK) continue;
    snprintf(what, room, "mknod device");
    return EPERM;
  }
  for (size_t index = 0; index < COUNT(modes); index++)
    if (modes[index].call == call->nr) {
      if (modes[index].flags >= 0 && !(call->args[modes[index].flags] & MAKES_FILE)) return 0;
      if (!(call->args[modes[index].mode] & BORROWS_OWNER)) return 0;
      bool is_user = call->args[modes[index].mode] & S_ISUID;
      snprintf(what, room, "%s %s", modes[index].name, is_user ? "setuid" : "setgid");
      return EPERM;
    }
  snprintf(what, room, "call %d", call->nr);
  for (size_t index = 0; index < COUNT(forbidden); index++)
    if (forbidden[index].call == call->nr) snprintf(what, room, "%s", forbidden[index].name);
  return EPERM;
}
