// SPDX-License-Identifier: Apache-2.0
// Copyright the Nexus OS authors
//
// The life of a keeper: it leaves root, makes the namespaces, starts the namespace's first process and the agent, and
// then stands for the agent before the guard.
#include "BoxInternal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLOSE_OWN (1u << 1) /* CLOSE_RANGE_UNSHARE */
/// How many files each process may have open where nothing is said, and how many fewer than the guard in any case: the
/// kernel lets 253 more be on their way at a time.
#define ORDINARY_FILES 4096
#define FILES_LEFT 512

/// Calls that name an address are asked about once the filter stands, and the keeper does not answer yet.
static void send_plain(const struct naos_box_message *message) {
  while (send(NAOS_BOX_STATUS, message, sizeof *message, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

/// Who is told is the guard; it ends everything of a start that failed.
static noreturn void fail(int stage, const char *what, int error) {
  struct naos_box_message message = {.kind = NAOS_BOX_FAILED, .stage = stage, .error = error};
  if (what) snprintf(message.what, sizeof message.what, "%s", what);
  send_plain(&message);
  _exit(127);
}

static void send_door(struct naos_box_message *message, int door) {
  struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof control.bytes;
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.header), &door, sizeof door);
  while (sendmsg(NAOS_BOX_STATUS, &header, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) fail(NAOS_STAGE_BOX, "a door", errno);
}

static noreturn void fail_box(const struct naos_box *box, int error) { fail(NAOS_STAGE_BOX, box->failed_at, error); }

// ---- Namespaces --------------------------------------------------------------------------------------------------

static int write_self(const char *file, const char *text) {
  int folder = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return errno;
  int error = naos_group_write(folder, file, text);
  close(folder);
  return error;
}

static int map_ids(const struct naos_box *box) {
  char text[64];
  // Its own map a process may write only while it is dumpable; nobody but its user could use that moment.
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0) return errno;
  int error = write_self("setgroups", "deny");
  snprintf(text, sizeof text, "%d %u 1", NAOS_BOX_ID, box->uid);
  if (!error) error = write_self("uid_map", text);
  snprintf(text, sizeof text, "%d %u 1", NAOS_BOX_ID, box->gid);
  if (!error) error = write_self("gid_map", text);
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 && !error) error = errno;
  return error;
}

static void leave_root(struct naos_box *box) {
  // A user namespace of uid 0 may write the host's settings in /proc/sys: the kernel asks for the uid there, not for
  // the namespace.
  if (!box->drops) return;
  if (setgroups(0, NULL) < 0) fail(NAOS_STAGE_BOX, "the groups of root", errno);
  if (setresgid(box->gid, box->gid, box->gid) < 0) fail(NAOS_STAGE_BOX, "another group than root's", errno);
  if (setresuid(box->uid, box->uid, box->uid) < 0) fail(NAOS_STAGE_BOX, "another user than root", errno);
}

static void enter_namespaces(struct naos_box *box) {
  static const struct {
    int flag;
    const char *name;
  } spaces[] = {{CLONE_NEWUSER, "a user namespace"},   {CLONE_NEWNS, "a mount namespace"},
                {CLONE_NEWNET, "a network namespace"}, {CLONE_NEWPID, "a process namespace"},
                {CLONE_NEWIPC, "an ipc namespace"},    {CLONE_NEWUTS, "a namespace of names"},
                {CLONE_NEWCGROUP, "a control group namespace"}};
  int all = 0;
  for (size_t index = 0; index < sizeof spaces / sizeof *spaces; index++) all |= spaces[index].flag;
  if (unshare(all) < 0) {
    int error = errno;
    // One after the other only to say which it is.
    for (size_t index = 0; index < sizeof spaces / sizeof *spaces; index++)
      if (unshare(spaces[index].flag) < 0) fail(NAOS_STAGE_BOX, spaces[index].name, errno);
    fail(NAOS_STAGE_BOX, "the namespaces", error);
  }
  int error = map_ids(box);
  if (error) fail(NAOS_STAGE_BOX, "the ids of a user namespace", error);
  if (sethostname("agent", 5) < 0) fail(NAOS_STAGE_BOX, "a host name", errno);
}

static void pass_door(int door) {
  struct naos_box_message message = {.kind = NAOS_BOX_DOOR_MADE};
  send_door(&message, door);
}

// ---- The three processes -----------------------------------------------------------------------------------------

static void die_with_parent(void) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail(NAOS_STAGE_BOX, "a signal at the parent's end", errno);
}

static noreturn void be_agent(struct naos_box *box, const struct naos_box_program *program) {
  die_with_parent();
  if (setsid() < 0) fail(NAOS_STAGE_FORK, NULL, errno);
  int error = naos_box_enter_view(box);
  if (error) fail_box(box, error);
  if (chdir(program->directory) < 0) fail(NAOS_STAGE_WORKING_DIRECTORY, NULL, errno);
  error = naos_limit_process(program->groups);
  if (error) fail(NAOS_STAGE_CEILING, NULL, error);
  struct rlimit none = {0, 0}, files = {box->order.files, box->order.files};
  if (setrlimit(RLIMIT_CORE, &none) < 0) fail(NAOS_STAGE_BOX, "a limit of core dumps", errno);
  if (setrlimit(RLIMIT_NOFILE, &files) < 0) fail(NAOS_STAGE_BOX, "a limit of open files", errno);
  if ((error = naos_box_drop_privileges(box, true)) || (error = naos_box_restrict_files(box))) fail_box(box, error);
  sigset_t all;
  sigemptyset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  int listener = -1;
  if ((error = naos_box_filter_calls(program->report < 0 ? NULL : &listener, box->order.learns)))
    fail(NAOS_STAGE_BOX, "a filter of system calls", error);
  // The table of open files is the keeper's still: there the listener stays.
  if (listener >= 0 && dup2(listener, NAOS_BOX_LISTENER) < 0) fail(NAOS_STAGE_BOX, "a listener", errno);
  if (syscall(SYS_close_range, NAOS_BOX_STATUS + 1u, ~0u, CLOSE_OWN) < 0 || fcntl(NAOS_BOX_STATUS, F_SETFD, FD_CLOEXEC) < 0)
    fail(NAOS_STAGE_BOX, "the closing of files", errno);
  struct naos_box_message ready = {.kind = NAOS_BOX_READY};
  send_plain(&ready);
  int stage = NAOS_STAGE_EXEC;
  error = program->execute(program->context, &stage);
  fail(stage, NULL, error);
}

/// Ends as the agent did: with its code, or by its signal.
static noreturn void end_like(int status) {
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  int number = WTERMSIG(status);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  signal(number, SIG_DFL);
  kill(getpid(), number);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  _exit(128 + number);
}

/// What the end of an agent is whose output could not be taken out: EX_IOERR.
#define NO_OUTPUT 74

/// What the keeper of a sandbox that runs has at hand.
struct keeper {
  const struct naos_box *box;
  struct naos_box_rest *rest;
  pid_t agent, init;
  /// Where the node is told what was refused, or -1; signals for the agent; calls that were refused, or -1.
  int report, signals, listener;
};

static noreturn void end(const struct keeper *keeper, int status) {
  // While there is a file system to look at.
  if (keeper->report >= 0) naos_box_look_at_last(keeper->report);
  unsigned left = naos_box_end_rest(keeper->rest, keeper->init, keeper->signals, keeper->listener, keeper->report);
  if (keeper->report >= 0) {
    if (left > 0) naos_box_count(keeper->report, NAOS_REFUSED_REST, 0, "left running", left);
    naos_box_tell_rest(keeper->report);
  }
  if (WIFEXITED(status) && naos_box_copy_output(keeper->box) && WEXITSTATUS(status) == 0) _exit(NO_OUTPUT);
  end_like(status);
}

static void pass_signal(int signals, pid_t agent) {
  struct signalfd_siginfo info;
  if (read(signals, &info, sizeof info) != sizeof info || info.ssi_signo == SIGCHLD) return;
  // Before the agent leads a session of its own, it is alone.
  if (kill(-agent, (int)info.ssi_signo) < 0 && errno == ESRCH) kill(agent, (int)info.ssi_signo);
}

/// Reaps who ended. Beside the agent and the first process that can be who the agent made a child of its own parent
/// (`CLONE_PARENT`): left unreaped it would hold the namespace open. So many at most are reaped; then there may be `more`.
static bool has_ended(pid_t agent, int *status, bool *more) {
  bool has = false;
  *more = true;
  for (int reaped = 0; *more && reaped < NAOS_MOST_REAPED; reaped++) {
    int other;
    pid_t pid = waitpid(-1, &other, WNOHANG);
    *more = pid > 0;
    if (pid != agent) continue;
    *status = other;
    has = true;
  }
  return has;
}

/// Passes signals on, answers refused calls one at a time, and looks now and then how full what is bounded is, until the
/// agent has ended; then ends what is left in its namespace.
static noreturn void stand_for(struct keeper *keeper) {
  sigset_t all;
  sigfillset(&all);
  keeper->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  // Its end is the agent's.
  if (keeper->signals < 0) _exit(127);
  if (keeper->report >= 0) {
    naos_box_prepare_listener(keeper->listener, keeper->box);
    naos_box_open_rooms(keeper->box);
    naos_box_open_polls(keeper->init);
  }
  for (bool looks = true;;) {
    int status;
    if (looks && has_ended(keeper->agent, &status, &looks)) end(keeper, status);
    struct pollfd ready[2] = {{.fd = keeper->signals, .events = POLLIN}, {.fd = keeper->listener, .events = POLLIN}};
    int pause = keeper->report < 0 ? -1 : naos_box_look_at_rooms(keeper->box, keeper->report, keeper->agent);
    if (poll(ready, 2, looks ? 0 : pause) < 0) continue;
    if (ready[0].revents) {
      looks = true;
      pass_signal(keeper->signals, keeper->agent);
    }
    if (ready[1].revents && !(ready[1].revents & POLLIN && naos_box_answer_call(keeper->listener, keeper->report))) {
      // What is called now fails, for there is nobody to ask.
      close(keeper->listener);
      keeper->listener = -1;
    }
  }
}

/// Open files that are on their way between processes are counted for each user, and each may have as many of them on their
/// way as it may have open: who may have as many as the guard could keep it, and the node, from sending any.
static void bound_files(struct naos_box *box) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) fail(NAOS_STAGE_BOX, "a limit of open files", errno);
  rlim_t left = limit.rlim_max / 4 < FILES_LEFT ? limit.rlim_max / 4 : FILES_LEFT;
  rlim_t ordinary = limit.rlim_max / 2 < ORDINARY_FILES ? limit.rlim_max / 2 : ORDINARY_FILES;
  if (!box->order.files) box->order.files = (uint32_t)ordinary;
  if (box->order.files > limit.rlim_max - left) fail(NAOS_STAGE_BOX, "as many open files as `limits.files` says", EMFILE);
}

/// The guard's socket, signals and everything of other agents stays the guard's.
static void take_files(const struct naos_box_program *program) {
  for (int stream = 0; stream < 3; stream++)
    if (dup2(program->streams[stream], stream) < 0) fail(NAOS_STAGE_STANDARD_STREAMS, NULL, errno);
  // Nothing else is to come to the places of a report and of a listener that is still to be made.
  int report = program->report < 0 ? 0 : program->report;
  if (dup2(report, NAOS_BOX_REPORT) < 0 || dup2(report, NAOS_BOX_LISTENER) < 0 || dup2(report, NAOS_BOX_PROCESSES) < 0 ||
      syscall(SYS_close_range, (unsigned)NAOS_BOX_REST, ~0u, 0u) < 0)
    fail(NAOS_STAGE_BOX, "the closing of files", errno);
}

/// Closes what the keeper needs no more: the agent's streams, which it has for itself now, and the socket for its start.
static int close_others(struct naos_box *box, bool reports) {
  unsigned first = NAOS_BOX_REST;
  if (box->output >= 0) {
    if (dup2(box->output, NAOS_BOX_REST) < 0) return -1;
    box->output = NAOS_BOX_REST;
    first++;
  }
  if (syscall(SYS_close_range, first, ~0u, 0u) < 0) return -1;
  return (int)syscall(SYS_close_range, 0u, reports ? NAOS_BOX_STATUS : NAOS_BOX_PROCESSES, 0u);
}

/// A child whose table of open files is the caller's, who stands still until it has executed or ended.
static pid_t fork_sharing_files(void) { return (pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0); }

noreturn void naos_box_keep(struct naos_box *box, const struct naos_box_program *program, int status,
                            bool born_inside) {
  if (dup2(status, NAOS_BOX_STATUS) < 0) _exit(127);
  int error = naos_group_enter(program->groups, born_inside);
  if (error) fail(NAOS_STAGE_CEILING, NULL, error);
  if (setsid() < 0) fail(NAOS_STAGE_FORK, NULL, errno);
  bound_files(box);
  take_files(program);
  prctl(PR_SET_NAME, "naos-keeper");
  int processes = program->report < 0 ? -1 : open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (processes >= 0 && dup3(processes, NAOS_BOX_PROCESSES, O_CLOEXEC) < 0) _exit(127);
  if (processes >= 0) close(processes);
  if ((error = naos_box_open_output(box))) fail_box(box, error);
  if (box->drops && (error = naos_box_open_sources(box, true))) fail_box(box, error);
  leave_root(box);
  // A change of user undoes it, so not before.
  die_with_parent();
  if (getppid() != program->guard) _exit(127);
  enter_namespaces(box);
  if ((error = naos_box_open_doors(box, pass_door))) fail_box(box, error);
  struct naos_box_rest *rest = mmap(NULL, sizeof *rest, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (rest == MAP_FAILED) fail(NAOS_STAGE_FORK, NULL, errno);
  pid_t init = fork();
  if (init == 0) naos_box_be_init(box, rest);
  if (init < 0) fail(NAOS_STAGE_FORK, NULL, errno);
  pid_t agent = fork_sharing_files();
  if (agent == 0) be_agent(box, program);
  if (agent < 0) fail(NAOS_STAGE_FORK, NULL, errno);
  // The agent's copy of the socket is gone by its execution, and so this is the last.
  if (close_others(box, program->report >= 0) < 0 || naos_box_drop_privileges(box, false)) _exit(127);
  bool reports = program->report >= 0;
  struct keeper keeper = {.box = box, .rest = rest, .agent = agent, .init = init,
                          .report = reports ? NAOS_BOX_REPORT : -1, .listener = reports ? NAOS_BOX_LISTENER : -1};
  stand_for(&keeper);
}
