// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// What holds even where a mount or a namespace would not: no privileges, Landlock, and a filter of system calls.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int naos_box_drop_privileges(struct naos_box *box, bool executes) {
  box->failed_at = "no_new_privs";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
  box->failed_at = "the privileges";
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return errno;
  // The kernel says EINVAL behind the last one that it knows.
  for (unsigned long capability = 0; executes; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      if (errno != EINVAL || capability == 0) return errno;
      break;
    }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2];
  memset(none, 0, sizeof none);
  if (syscall(SYS_capset, &header, none) < 0) return errno;
  box->failed_at = NULL;
  return 0;
}

// ---- Landlock ----------------------------------------------------------------------------------------------------

// The kernel's own numbers: the header of the machine that this is built on may be older than the kernel that it runs on.
#define LANDLOCK_EXECUTE (1ull << 0)
#define LANDLOCK_READ_FILE (1ull << 2)
#define LANDLOCK_READ_DIR (1ull << 3)
#define LANDLOCK_WRITE_FILE (1ull << 1)
#define LANDLOCK_TRUNCATE (1ull << 14)
#define LANDLOCK_IOCTL_DEV (1ull << 15)
/// Rights that can be granted for a file that is no folder.
#define LANDLOCK_OF_FILES \
  (LANDLOCK_EXECUTE | LANDLOCK_WRITE_FILE | LANDLOCK_READ_FILE | LANDLOCK_TRUNCATE | LANDLOCK_IOCTL_DEV)
#define LANDLOCK_VERSION_QUERY 1u
#define LANDLOCK_BENEATH 1
/// Abstract sockets and signals of who is outside.
#define LANDLOCK_SCOPES 3ull

struct ruleset {
  uint64_t files, network, scopes;
};
struct __attribute__((packed)) beneath {
  uint64_t allowed;
  int32_t folder;
};

int naos_landlock_version(void) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_QUERY);
  return version < 0 ? 0 : (int)version;
}

static uint64_t rights_of(int version) {
  if (version < 2) return (1ull << 13) - 1;
  if (version < 3) return (1ull << 14) - 1;
  return version < 5 ? (1ull << 15) - 1 : (1ull << 16) - 1;
}

static int allow(int rules, const char *path, uint64_t rights) {
  int place = open(path, O_PATH | O_CLOEXEC);
  if (place < 0) return errno == ENOENT ? 0 : errno;
  struct stat facts;
  int error = fstat(place, &facts) < 0 ? errno : 0;
  struct beneath rule = {.allowed = rights, .folder = place};
  if (!error && !S_ISDIR(facts.st_mode)) rule.allowed &= LANDLOCK_OF_FILES;
  if (!error && syscall(SYS_landlock_add_rule, rules, LANDLOCK_BENEATH, &rule, 0) < 0) error = errno;
  close(place);
  return error;
}

int naos_box_restrict_files(struct naos_box *box) {
  int version = naos_landlock_version();
  // Namespaces and mounts hold by themselves; where the kernel has this second wall, it stands.
  if (version < 1) return 0;
  box->failed_at = "Landlock";
  uint64_t all = rights_of(version);
  // The network needs no rule: its namespace has a loopback and nothing else.
  struct ruleset set = {.files = all, .scopes = version < 6 ? 0 : LANDLOCK_SCOPES};
  size_t size = version < 4 ? offsetof(struct ruleset, network) : version < 6 ? offsetof(struct ruleset, scopes) : sizeof set;
  int rules = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
  if (rules < 0) return errno;
  int error = allow(rules, "/", LANDLOCK_EXECUTE | LANDLOCK_READ_FILE | LANDLOCK_READ_DIR);
  static const char *const own[] = {"/tmp", NAOS_BOX_HOME, "/dev"};
  for (size_t index = 0; !error && index < sizeof own / sizeof *own; index++) error = allow(rules, own[index], all);
  for (uint32_t index = 0; !error && index < box->order.entries; index++)
    if (box->entries[index].kind == NAOS_BOX_WRITE || box->entries[index].kind == NAOS_BOX_OUTPUT)
      error = allow(rules, box->entries[index].target, all);
  if (!error && syscall(SYS_landlock_restrict_self, rules, 0) < 0) error = errno;
  close(rules);
  if (!error) box->failed_at = NULL;
  return error;
}

// ---- The filter of system calls ----------------------------------------------------------------------------------

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no filter of system calls for this architecture"
#endif

#define X32_BIT 0x40000000u
#define REFUSE(error) (SECCOMP_RET_ERRNO | ((error) & SECCOMP_RET_DATA))
#define NAMESPACES 0x7e020080u /* every CLONE_NEW… */

/// Answered with EPERM: what reaches into other processes or the kernel, makes mounts and namespaces, or sets the host.
static const int forbidden[] = {
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_bpf, SYS_perf_event_open, SYS_keyctl,
    SYS_add_key, SYS_request_key, SYS_userfaultfd, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare,
    SYS_setns, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_swapon,
    SYS_swapoff, SYS_reboot, SYS_kexec_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_acct,
    SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname,
    SYS_setdomainname, SYS_syslog, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_fanotify_init, SYS_vhangup,
    SYS_nfsservctl,
#ifdef SYS_lookup_dcookie
    SYS_lookup_dcookie,
#endif
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_mount_setattr
    SYS_mount_setattr,
#endif
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd,
#endif
#ifdef SYS_quotactl_fd
    SYS_quotactl_fd,
#endif
#ifdef __x86_64__
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs,
#endif
    467 /* open_tree_attr */};
/// Answered as a kernel without them would: programs fall back. `clone3` hides its flags from a filter, `openat2` its
/// mode, and the rings of io_uring hide everything.
static const int unknown[] = {SYS_clone3, SYS_openat2, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register};

/// A program with these bits, in a folder that is granted to write, would have the powers of the folder's owner outside,
/// where no mount of the sandbox's counts.
#define BORROWS_OWNER (S_ISUID | S_ISGID)
#define MAKES_FILE (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
/// The calls that give a file its mode: which argument it is, and which has the flags of those that need not make one.
static const struct {
  int call, mode, flags;
} modes[] = {
#ifdef __x86_64__
    {SYS_open, 2, 1},   {SYS_creat, 1, -1}, {SYS_chmod, 1, -1},
    {SYS_mkdir, 1, -1}, {SYS_mknod, 1, -1},
#endif
    {SYS_openat, 3, 2},   {SYS_fchmod, 1, -1},  {SYS_fchmodat, 2, -1}, {452 /* fchmodat2 */, 2, -1},
    {SYS_mkdirat, 2, -1}, {SYS_mknodat, 2, -1}};

struct program {
  struct sock_filter steps[512];
  unsigned short length;
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

/// Leaves the number of the call loaded.
static void look_at_modes(struct program *program) {
  for (size_t index = 0; index < sizeof modes / sizeof *modes; index++) {
    unsigned short begin = begin_case(program, (uint32_t)modes[index].call);
    if (modes[index].flags >= 0) {
      load(program, argument(modes[index].flags));
      add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAKES_FILE, 1, 0));
      add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    load(program, argument(modes[index].mode));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, BORROWS_OWNER, 0, 1));
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE(EPERM)));
    end_case(program, begin);
  }
}

static void look_at_arguments(struct program *program) {
  unsigned short begin = begin_case(program, SYS_clone);
  load(program, argument(0));
  add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1));
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE(EPERM)));
  end_case(program, begin);

  static const int families[] = {SYS_socket, SYS_socketpair};
  for (size_t index = 0; index < 2; index++) {
    begin = begin_case(program, (uint32_t)families[index]);
    load(program, argument(0));
    answer_if(program, AF_UNIX, SECCOMP_RET_ALLOW);
    answer_if(program, AF_INET, SECCOMP_RET_ALLOW);
    answer_if(program, AF_INET6, SECCOMP_RET_ALLOW);
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE(EAFNOSUPPORT)));
    end_case(program, begin);
  }

  begin = begin_case(program, SYS_ioctl);
  load(program, argument(1));
  answer_if(program, TIOCSTI, REFUSE(EPERM));
  answer_if(program, TIOCLINUX, REFUSE(EPERM));
  end_case(program, begin);

  // Only to ask, and to be what every program is.
  begin = begin_case(program, SYS_personality);
  load(program, argument(0));
  answer_if(program, 0, SECCOMP_RET_ALLOW);
  answer_if(program, 0xffffffffu, SECCOMP_RET_ALLOW);
  add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, REFUSE(EPERM)));
  end_case(program, begin);
}

int naos_box_filter_calls(void) {
  struct program program = {.length = 0};
  load(&program, offsetof(struct seccomp_data, arch));
  add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0));
  add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  load(&program, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
  add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
  add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
#endif
  // First, because it looks at what is called most.
  look_at_modes(&program);
  for (size_t index = 0; index < sizeof forbidden / sizeof *forbidden; index++)
    answer_if(&program, (uint32_t)forbidden[index], REFUSE(EPERM));
  for (size_t index = 0; index < sizeof unknown / sizeof *unknown; index++)
    answer_if(&program, (uint32_t)unknown[index], REFUSE(ENOSYS));
  look_at_arguments(&program);
  add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  struct sock_fprog filter = {.len = program.length, .filter = program.steps};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 ? errno : 0;
}
