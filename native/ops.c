/* Operations on files, cgroups and mounts. The order, and why, is the compiler's business (src/runc/compile); each does one thing. */
#define _GNU_SOURCE
#include "ops.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MS_RDONLY
#define MS_RDONLY 1
#endif

/* glibc's sys/mount.h and linux/mount.h cannot both be included. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);
enum { DETACH = 2, BIND = 4096, MOVE = 8192, REC = 16384, SLAVE = 1 << 19 };

static int put(uint64_t index, int fd)
{
	if (index >= SLOTS && fd >= 0)
		close(fd);
	if (fd < 0 || index >= SLOTS)
		return fd < 0 ? fd : -EINVAL;
	if (self.slots[index] >= 0)
		close(self.slots[index]);
	self.slots[index] = fd;
	return 0;
}

static int open_at(uint64_t base, const char *path, uint64_t flags)
{
	if (base == SLOT_ROOT)
		return root_open(path, flags, 0);
	int fd = openat(base == SLOT_NONE ? AT_FDCWD : slot(base), path, (int)flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *text)
{
	size_t size = strlen(text);
	int failed = fd < 0 ? fd : result(write(fd, text, size) == (ssize_t)size || size == 0 ? 0 : -1);

	if (fd >= 0)
		close(fd);
	return failed;
}

int do_open(const struct op *op)
{
	return put(U(0), open_at(U(1), S(2), U(3)));
}

int do_fstype(const struct op *op)
{
	struct statfs info;

	if (fstatfs(slot(U(0)), &info) < 0)
		return -errno;
	return (uint64_t)info.f_type == U(1) ? 0 : -EXDEV;
}

int do_setns(const struct op *op)
{
	return result(setns(slot(U(0)), (int)U(1)));
}

int do_unshare(const struct op *op)
{
	return result(unshare((int)U(0)));
}

int do_mkdir_host(const struct op *op)
{
	return mkdir(S(0), (mode_t)U(1)) < 0 && errno != EEXIST ? -errno : 0;
}

int do_mkfifo(const struct op *op)
{
	return mkfifo(S(0), (mode_t)U(1)) < 0 || chmod(S(0), (mode_t)U(1)) < 0 ? -errno : 0; /* whatever the umask says */
}

int do_dumpable(const struct op *op)
{
	return result(prctl(PR_SET_DUMPABLE, U(0), 0, 0, 0));
}

int do_write(const struct op *op)
{
	int failed = write_all(open_at(U(0), S(1), O_WRONLY | O_NOFOLLOW), S(2));

	return U(3) & 1 ? 0 : failed;
}

/*
 * "0" means the writing thread, and a thread that moves only itself is spared the kernel's lock against forks and execs, whose
 * first taker waits for an RCU grace period (5 to 16 ms). Another's pid in cgroup.procs, the usual way, is not.
 */
int do_enter(const struct op *op)
{
	int fd = slot(U(0));

	if (fd < 0)
		return -EBADF;
	self.slots[U(0)] = -1;
	return write_all(fd, "0");
}

int do_map(const struct op *op)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)self.pid, S(0));
	return write_all(open_at(SLOT_NONE, path, O_WRONLY), S(1));
}

int do_record(const struct op *op)
{
	char text[2048], name[4096], *at;

	snprintf(name, sizeof name, "/proc/%d/stat", (int)self.pid);
	int fd = open_at(SLOT_NONE, name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = 0;
	at = strrchr(text, ')'); /* field 2 may have anything in it; the start time is field 22 */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -EINVAL;
	unsigned long long started = strtoull(at, NULL, 10);
	snprintf(text, sizeof text, "%d %llu\n", (int)self.pid, started);
	snprintf(name, sizeof name, "%s.new", S(0));
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int failed = fd < 0 ? -errno : write_all(fd, text);
	return failed ? failed : result(rename(name, S(0)));
}

int do_devices(const struct op *op)
{
	size_t size;
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE }, attach;

	load.insns = (uint64_t)(uintptr_t)op_blob(op, 2, &size);
	load.insn_cnt = (uint32_t)(size / sizeof(struct bpf_insn));
	load.license = (uint64_t)(uintptr_t) "Apache-2.0";
	int program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
	if (program < 0)
		return -errno;
	memset(&attach, 0, sizeof attach);
	attach.target_fd = (uint32_t)slot(U(0));
	attach.attach_bpf_fd = (uint32_t)program;
	attach.attach_type = BPF_CGROUP_DEVICE;
	attach.attach_flags = BPF_F_ALLOW_MULTI;
	int failed = result(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach));
	close(program);
	return failed;
}

int do_rlimit(const struct op *op)
{
	struct rlimit limit = { .rlim_cur = U(1), .rlim_max = U(2) };

	return result(prlimit(op->actor == HOST ? self.pid : 0, (enum __rlimit_resource)U(0), &limit, NULL));
}

/* --- mounts --- */

static int mount_at(const char *source, int target, const char *type, unsigned long flags, const char *data)
{
	char path[40];

	if (target < 0)
		return target;
	snprintf(path, sizeof path, "/proc/self/fd/%d", target);
	int failed = result(mount(source, path, type, flags, *data ? data : NULL));
	close(target);
	return failed;
}

int do_mount(const struct op *op)
{
	const char *target = S(2);
	int fd = root_make(target, true, 0755);

	/* /proc and /sys are trusted later on: a link would put them elsewhere (CVE-2019-19921, CVE-2023-27561). */
	if (fd >= 0 && U(5)) {
		close(fd);
		fd = root_open(target, O_PATH | O_DIRECTORY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
	}
	return mount_at(S(1), fd, S(0), U(3), S(4));
}

int do_tree(const struct op *op)
{
	int fd = open_at(U(1), S(2), O_PATH);
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (unsigned)U(3);

	if (fd < 0)
		return fd;
	int tree = (int)syscall(SYS_open_tree, fd, "", flags);
	int failed = result(tree);
	close(fd);
	return failed ? failed : put(U(0), tree);
}

static int set_attr(int fd, struct mount_attr *attr, bool recursive)
{
	unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	return fd < 0 ? fd : result(syscall(SYS_mount_setattr, fd, "", flags, attr, sizeof *attr));
}

int do_attr(const struct op *op)
{
	struct mount_attr attr = { .attr_set = U(1), .attr_clr = U(2), .propagation = U(3) };

	return set_attr(slot(U(0)), &attr, U(4) & 1);
}

int do_idmap(const struct op *op)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)slot(U(1)) };

	return set_attr(slot(U(0)), &attr, U(2) & 1);
}

int move_to(int tree, int target)
{
	if (target < 0)
		return target;
	int failed = result(syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
	close(target);
	return failed;
}

int do_place(const struct op *op)
{
	struct stat info;

	if (fstat(slot(U(0)), &info) < 0)
		return -errno;
	bool directory = S_ISDIR(info.st_mode);
	int target = root_make(S(1), directory, directory ? 0755 : 0644);
	if (target >= 0 && fstat(target, &info) == 0 && S_ISDIR(info.st_mode) != directory) {
		close(target);
		return -ENOTDIR;
	}
	int failed = move_to(slot(U(0)), target);
	close(slot(U(0)));
	self.slots[U(0)] = -1;
	return failed;
}

int do_mkdir(const struct op *op)
{
	int fd = root_make(S(0), true, (mode_t)U(1));

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

int do_symlink(const struct op *op)
{
	char name[256];
	int at = root_parent(S(1), name);
	int failed = at < 0 ? at : result(symlinkat(S(0), at, name));

	if (at >= 0)
		close(at);
	return failed == -EEXIST ? 0 : failed;
}

int do_mknod(const struct op *op)
{
	char name[256];
	int at = root_parent(S(0), name);

	if (at < 0)
		return at;
	int failed = result(mknodat(at, name, (mode_t)U(1), (dev_t)U(2)));
	if (!failed)
		failed = result(fchmodat(at, name, (mode_t)U(1) & 07777, 0));
	if (!failed)
		failed = result(fchownat(at, name, (uid_t)U(3), (gid_t)U(4), AT_SYMLINK_NOFOLLOW));
	close(at);
	return failed == -EEXIST ? 0 : failed;
}

int do_copyup(const struct op *op)
{
	int from = openat(slot(U(0)), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int to = root_open(S(1), O_RDONLY | O_DIRECTORY, 0);

	int failed = from < 0 || to < 0 ? -errno : copy_up(from, to, 0);
	close(from);
	close(to);
	return failed;
}

int do_mask(const struct op *op)
{
	struct stat info, null;
	int fd = root_open(S(1), O_PATH, 0);

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode))
		return mount_at("tmpfs", fd, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1");
	/* A link in place of /dev/null would turn the mask into a door (CVE-2025-31133). */
	int tree = -ENODEV;
	if (fstat(slot(U(0)), &null) == 0 && S_ISCHR(null.st_mode) && null.st_rdev == makedev(1, 3))
		tree = (int)syscall(SYS_open_tree, slot(U(0)), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0) {
		int failed = tree == -1 ? -errno : tree;
		close(fd);
		return failed;
	}
	int failed = move_to(tree, fd);
	close(tree);
	return failed;
}

int do_readonly(const struct op *op)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd = root_open(S(0), O_PATH, 0);

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	int tree = (int)syscall(SYS_open_tree, fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	int failed = tree < 0 ? -errno : set_attr(tree, &attr, false);
	if (!failed)
		failed = move_to(tree, fd);
	else
		close(fd);
	if (tree >= 0)
		close(tree);
	return failed;
}

int do_pivot(const struct op *op)
{
	if (fchdir(slot(SLOT_ROOT)) < 0)
		return -errno;
	if (U(0) == 0) {
		/* The old root ends up below the new one at the same place: no directory has to be made for it. */
		int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		int failed = result(syscall(SYS_pivot_root, ".", "."));
		if (!failed)
			failed = fchdir(old) < 0 || mount("", ".", "", SLAVE | REC, NULL) < 0 || umount2(".", DETACH) < 0 ? -errno : 0;
		close(old);
		return failed ? failed : result(chdir("/"));
	}
	if (U(0) == 1 && mount(".", "/", NULL, MOVE, NULL) < 0)
		return -errno;
	return chroot(".") < 0 || chdir("/") < 0 ? -errno : 0;
}
