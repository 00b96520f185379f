# SPDX-License-Identifier: Apache-2.0
# Copyright the Nexus OS authors
#
# Attacks on the sandbox that it runs in. Writes to NAOS_OUTPUT what came of each: the name of the error, or "done", or a
# word of its own. What should have come is in SandboxAttackTests.swift.
import ctypes, errno, fcntl, json, os, resource, socket, stat, subprocess, sys, tempfile

libc = ctypes.CDLL(None, use_errno=True)
project, out = os.environ["PROJECT"], os.environ["PROJECT"] + "/out"
outcomes = {}


def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "")


def attack(name):
    def run(body):
        try:
            outcomes[name] = str(body() or "done")
        except socket.gaierror:
            outcomes[name] = "gaierror"
        except OSError as error:
            outcomes[name] = errno.errorcode.get(error.errno, type(error).__name__)
        except MemoryError:
            outcomes[name] = "MemoryError"
    return run


def connect(host, port, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as s:
        s.settimeout(3)
        s.connect((host, port))
        if kind == socket.SOCK_DGRAM:
            s.send(b"x")
            s.recv(1)


def read(path):
    with open(path, "rb") as file:
        return "read" if file.read(1) else "empty"


# ---- Information; first, before anything here has opened or started something

attack("41 host name")(lambda: socket.gethostname())
attack("41 core dumps")(lambda: "none" if resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) else "some")
attack("41 open files")(lambda: " ".join(sorted(set(os.listdir("/proc/self/fd")) - {"3"})))
attack("41 other processes")(lambda: "few" if len([n for n in os.listdir("/proc") if n.isdigit()]) <= 3 else "many")
attack("41 kernel addresses")(
    lambda: "hidden" if open("/proc/kallsyms").readline().startswith("0000000000000000") else "shown")

# ---- Other processes

attack("22 signal to the first process")(lambda: os.kill(1, 9))
attack("22 ptrace of the first process")(lambda: call(101, 16, 1, 0, 0))
attack("22 memory of the first process")(lambda: read("/proc/1/mem"))
attack("22 process_vm_readv")(lambda: call(310, 1, 0, 0, 0, 0, 0))
attack("22 pidfd_getfd")(lambda: call(438, 0, 0, 0))
attack("23 setuid programs")(lambda: "nosuid" if os.statvfs("/usr").f_flag & 2 else "suid")
attack("23 new privileges")(lambda: [l.split()[1] for l in open("/proc/self/status") if l.startswith("NoNewPrivs")][0])
attack("23 setuid(0)")(lambda: os.setuid(0))


def borrow(number, *arguments):
    file = libc.syscall(number, *arguments)
    if file < 0:
        raise OSError(ctypes.get_errno(), "")
    os.close(file) if number in (2, 85, 257) else None


# What has these bits outside is run as the owner of the folder by everybody there.
name = os.fsencode(out) + b"/borrowed"
for path in [b"", b"-folder"]:
    os.mkdir(name + path) if path else open(name, "w").close()
for bits in [0o4755, 0o2755, 0o6755]:
    for path in [b"", b"-folder"]:
        what = f"23 {oct(bits)[2:]}{path.decode()} by "
        attack(what + "chmod")(lambda: borrow(90, name + path, bits))
        attack(what + "fchmod")(lambda: borrow(91, os.open(name + path, os.O_RDONLY), bits))
        attack(what + "fchmodat")(lambda: borrow(268, -100, name + path, bits))
        attack(what + "fchmodat2")(lambda: borrow(452, -100, name + path, bits, 0))
        attack(what + "high bits")(lambda: borrow(90, name + path, ctypes.c_ulong(1 << 40 | bits)))
    made = f"23 {oct(bits)[2:]} made by "
    attack(made + "open")(lambda: borrow(2, name + b"1", os.O_CREAT | os.O_WRONLY, bits))
    attack(made + "openat")(lambda: borrow(257, -100, name + b"2", os.O_CREAT | os.O_WRONLY, bits))
    attack(made + "openat without a name")(lambda: borrow(257, -100, os.fsencode(out), os.O_TMPFILE | os.O_WRONLY, bits))
    attack(made + "creat")(lambda: borrow(85, name + b"3", bits))
    attack(made + "mkdir")(lambda: borrow(83, name + b"4", bits))
    attack(made + "mkdirat")(lambda: borrow(258, -100, name + b"5", bits))
    attack(made + "mknod")(lambda: borrow(133, name + b"6", stat.S_IFREG | bits, 0))
    attack(made + "mknodat")(lambda: borrow(259, -100, name + b"7", stat.S_IFREG | bits, 0))
attack("23 openat2")(lambda: borrow(437, -100, name + b"8", ctypes.create_string_buffer(24), 24))
attack("23 a copy with its mode")(lambda: "exit %d" % subprocess.run(["cp", "-p", "/usr/bin/env", out], capture_output=True).returncode)


@attack("23 ordinary modes")
def _():
    for mode in [0o600, 0o755, 0o1777]:
        os.chmod(name, mode)
        os.mkdir(name + b"-%o" % mode, mode)
    with tempfile.TemporaryDirectory(dir=out) as folder:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            os.fchmod(file.fileno(), 0o644)
    # A mode that nothing is made with is none.
    os.close(os.open(name, os.O_RDONLY, 0o6777))


attack("24 unshare")(lambda: call(272, 0x10000000))
attack("24 clone")(lambda: call(56, 0x10000000 | 17, 0, 0, 0, 0))
attack("24 clone3")(lambda: call(435, 0, 0))
attack("24 setns")(lambda: call(308, 0, 0))


@attack("25 memfd exec")
def _():
    file = os.memfd_create("x", 0)
    with open("/bin/cat", "rb") as source:
        os.write(file, source.read())
    text = subprocess.run([f"/proc/self/fd/{file}", "/proc/self/status"], pass_fds=[file], capture_output=True).stdout
    return "filtered" if b"Seccomp:\t2" in text else "free"


@attack("20 fork bomb")
def _():
    children = []
    try:
        for _ in range(1000):
            child = os.fork()
            if child == 0:
                os.read(0, 1)
                libc.pause()
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)


# ---- Files

attack("26 dots")(lambda: read(project + "/../../../../../../../../etc/shadow"))
attack("26 root of the first process")(lambda: read("/proc/1/root" + "/etc/shadow"))
attack("26 own root")(lambda: os.listdir("/proc/self/root" + os.path.expanduser("~/.ssh")))
attack("26 keys of ssh")(lambda: os.listdir(os.path.expanduser("~/.ssh")))
attack("26 environment of the first process")(lambda: read("/proc/1/environ"))
attack("26 files of the first process")(lambda: os.listdir("/proc/1/fd"))
attack("26 kernel setting")(lambda: open("/proc/sys/kernel/core_pattern", "w"))
attack("26 sysrq")(lambda: open("/proc/sysrq-trigger", "w"))
attack("26 sys")(lambda: os.listdir("/sys/kernel"))
attack("26 control groups")(lambda: os.listdir("/sys/fs/cgroup"))
attack("26 docker")(lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"))
attack("26 journal")(lambda: read(project + "/.naos/nexus.db"))
attack("26 token")(lambda: read(project + "/.naos/token"))
attack("26 .env")(lambda: read(project + "/.env"))
attack("26 .git")(lambda: os.listdir(project + "/.git")[0] if os.listdir(project + "/.git") else "empty")
attack("26 uncovering .git")(lambda: os.rmdir(project + "/.git"))
attack("26 mount")(lambda: call(165, b"x", b"/tmp", b"tmpfs", 0, 0))
attack("26 umount")(lambda: call(166, b"/tmp", 2))
attack("26 chroot")(lambda: os.chroot("/tmp"))
attack("26 open_by_handle_at")(lambda: call(304, 0, 0, 0))
attack("26 hard link")(lambda: os.link("/usr/bin/env", out + "/hard"))
attack("26 program")(lambda: open("/usr/bin/env", "ab"))
attack("26 workdir")(lambda: open(project + "/new", "w"))
attack("26 mode of workdir")(lambda: os.chmod(project, 0o777))


@attack("26 link from a grant")
def _():
    os.symlink("/etc/shadow", out + "/link")
    return read(out + "/link")


# Others run these by themselves, outside.
attack("27 a startup file that is there")(lambda: open(out + "/.mcp.json", "w"))
attack("27 another in its place")(lambda: os.rename(out + "/link", out + "/.mcp.json"))
attack("27 a hook of git")(lambda: (os.makedirs(out + "/.git/hooks"), open(out + "/.git/hooks/pre-commit", "w").close())[1])
attack("27 a startup file")(lambda: open(out + "/.envrc", "w").close())
attack("27 by another name")(lambda: (open(out + "/plain", "w").close(), os.rename(out + "/plain", out + "/.bashrc"))[1])

attack("28 device node")(lambda: os.mknod(out + "/device", stat.S_IFCHR | 0o666, os.makedev(1, 1)))
attack("28 mark of an overlay")(lambda: os.mknod(out + "/whiteout", stat.S_IFCHR | 0o666, 0))
attack("28 pipe")(lambda: os.mkfifo(out + "/pipe"))
attack("28 disk")(lambda: read("/dev/vda"))
attack("28 memory device")(lambda: read("/dev/mem"))



# To open a file that somebody has a lease on takes others most of a minute.
def look(path):
    return os.open(path, os.O_RDONLY)


attack("75 lease")(lambda: fcntl.fcntl(look(project + "/nexus.config.yaml"), fcntl.F_SETLEASE, fcntl.F_WRLCK))
attack("75 lease to read")(lambda: fcntl.fcntl(look(project + "/nexus.config.yaml"), fcntl.F_SETLEASE, fcntl.F_RDLCK))
attack("75 delegation")(lambda: fcntl.fcntl(look(project), 1040, 0))
attack("75 notification")(lambda: fcntl.fcntl(look(project), fcntl.F_NOTIFY, fcntl.DN_MODIFY))
# Nothing of ours waits for these.
attack("76 lock of the folder")(lambda: fcntl.flock(look(project), fcntl.LOCK_EX | fcntl.LOCK_NB))
attack("76 lock of the configuration")(
    lambda: fcntl.flock(look(project + "/nexus.config.yaml"), fcntl.LOCK_EX | fcntl.LOCK_NB))
attack("76 lock of the editing")(lambda: look(project + "/.naos/edit.lock"))


@attack("29 names")
def _():
    for name in [b"new\nline", b"\xff\xfe", b"\x1b[31m", b"x" * 255]:
        open(os.fsencode(out) + b"/" + name, "w").close()
    open(out + "/" + "y" * 5000, "w")


@attack("17 full /tmp")
def _():
    with open("/tmp/full", "wb") as file:
        while True:
            file.write(bytes(1 << 20))


attack("17 reserved space")(lambda: os.posix_fallocate(os.open(os.environ["HOME"] + "/f", os.O_CREAT | os.O_RDWR), 0, 1 << 40))


@attack("17 full folder of the output")
def _():
    folder = os.path.dirname(os.environ["NAOS_OUTPUT"])
    try:
        for index in range(40):
            with open(f"{folder}/{index}", "wb") as file:
                file.write(bytes(20 << 20))
    finally:
        for name in os.listdir(folder):
            os.remove(folder + "/" + name)


@attack("18 full /dev/shm")
def _():
    with open("/dev/shm/full", "wb") as file:
        while True:
            file.write(bytes(1 << 20))


@attack("30 a million files")
def _():
    for index in range(1000000):
        os.close(os.open(f"/dev/shm/{index}" if index < 0 else f"/tmp/{index}", os.O_CREAT | os.O_WRONLY))


@attack("45 open files")
def _():
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for file in held:
            os.close(file)


# ---- Network

for host in ["1.1.1.1", "10.0.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "::ffff:169.254.169.254",
             "fd00:ec2::254", "2606:4700:4700::1111", "224.0.0.1", "16843009", "0x01010101", "01.01.01.01"]:
    attack(f"31 {host}")(lambda: connect(host, 80))
attack("31 operator plane")(lambda: connect("127.0.0.1", int(os.environ["OPERATOR"])))
attack("31 operator plane by 0.0.0.0")(lambda: connect("0.0.0.0", int(os.environ["OPERATOR"])))
attack("32 metadata by name")(lambda: socket.getaddrinfo("metadata.google.internal", 80))
attack("33 name")(lambda: socket.getaddrinfo("a" * 60 + ".example.org", 80))
attack("33 name server")(lambda: connect("8.8.8.8", 53, socket.SOCK_DGRAM))
attack("33 own name server")(lambda: connect("127.0.0.1", 53, socket.SOCK_DGRAM))
attack("37 udp")(lambda: connect("1.1.1.1", 443, socket.SOCK_DGRAM))
attack("37 raw")(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
attack("37 ping")(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).sendto(b"x", ("1.1.1.1", 0)))
attack("37 packet")(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attack("37 vsock")(lambda: socket.socket(40, socket.SOCK_STREAM))
attack("37 netlink")(lambda: socket.socket(16, socket.SOCK_RAW))
attack("37 kernel crypto")(lambda: socket.socket(38, socket.SOCK_SEQPACKET))
attack("37 abstract socket")(lambda: socket.socket(socket.AF_UNIX).connect("\0" + os.environ["ABSTRACT"]))
attack("37 path socket")(lambda: socket.socket(socket.AF_UNIX).connect(project + "/.naos/node.sock"))
attack("38 curl without proxy")(
    lambda: "exit %d" % subprocess.run(["curl", "-s", "--noproxy", "*", "http://1.1.1.1/"], capture_output=True).returncode)

# ---- The kernel

attack("37 io_uring")(lambda: call(425, 1, 0))
attack("22 bpf")(lambda: call(321, 0, 0, 0))
attack("22 perf")(lambda: call(298, 0, 0, -1, -1, 0))
attack("22 keyctl")(lambda: call(250, 0, -3, 0))
attack("22 userfaultfd")(lambda: call(323, 0))
attack("22 kexec")(lambda: call(246, 0, 0, 0, 0))
attack("22 modules")(lambda: call(313, 0, b"", 0))
attack("22 terminal injection")(lambda: call(16, 0, 0x5412, b"x"))
attack("22 personality")(lambda: call(135, 0x0040000))
attack("55 clock")(lambda: call(227, 0, 0))


@attack("21 leaving a daemon")
def _():
    subprocess.Popen(["sleep", "1000"], start_new_session=True, env={}, stdin=0, stdout=subprocess.DEVNULL)


with open(os.environ["NAOS_OUTPUT"], "w") as file:
    json.dump(outcomes, file)
