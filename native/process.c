/* Operations on the process itself: names, terminal, identity, limits of what it may do, and its program. */
#define _GNU_SOURCE
#include "ops.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

enum { DEVPTS_MAGIC = 0x1cd1, PASSWD_MAX = 1 << 20, CAPABILITY_VERSION_3 = 0x20080522, WHO_PROCESS = 1 };

int do_hostname(const struct op *op)
{
	return result(sethostname(S(0), strlen(S(0))));
}

int do_domainname(const struct op *op)
{
	return result(setdomainname(S(0), strlen(S(0))));
}

int do_keyring(const struct op *op)
{
	long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, S(0));

	return ring < 0 && errno != ENOSYS && errno != EPERM && errno != EDQUOT ? -errno : 0;
}

int do_setsid(const struct op *op)
{
	(void)op;
	return result(setsid());
}

/* The pty of the container's own devpts; nothing but the master's fd leads to its slave (CVE-2025-52565). */
int do_terminal(const struct op *op)
{
	struct winsize size = { .ws_row = (unsigned short)U(0), .ws_col = (unsigned short)U(1) };
	struct statfs info;
	int master = root_open("dev/pts/ptmx", O_RDWR | O_NOCTTY, 0), unlocked = 0;

	if (master < 0)
		return master;
	if (fstatfs(master, &info) < 0 || info.f_type != DEVPTS_MAGIC || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return -ENOTTY;
	int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || (size.ws_row && ioctl(master, TIOCSWINSZ, &size) < 0))
		return -errno;
	if (U(3) & 1) {
		int tree = (int)syscall(SYS_open_tree, slave, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
		int failed = tree < 0 ? -errno : move_to(tree, root_make("dev/console", false, 0600));
		if (failed)
			return failed;
		close(tree);
	}
	if (fchown(slave, (uid_t)U(2), (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return -errno;
	/* Before anybody can write to it. */
	struct termios modes;
	if (self.plain_newlines && tcgetattr(slave, &modes) == 0) {
		modes.c_oflag &= ~(tcflag_t)ONLCR;
		tcsetattr(slave, TCSANOW, &modes);
	}
	int failed = tell_terminal(master);
	close(master);
	if (failed || ioctl(slave, TIOCSCTTY, 0) < 0)
		return failed ? failed : -errno;
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return -errno;
	return slave > 2 ? result(close(slave)) : 0;
}

int do_stdio(const struct op *op)
{
	struct stat info;

	for (int i = 0; i < 3; i++) {
		if (self.stdio[i] >= 0 && self.stdio[i] != i && dup2(self.stdio[i], i) < 0)
			return -errno;
		/* The user must be able to reopen /dev/stdout. What cannot be given away (another's file, a read-only one) stays. */
		if (fstat(i, &info) == 0 && info.st_uid != U(0) && !(S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3)) &&
		    fchown(i, (uid_t)U(0), (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM && errno != EROFS)
			return -errno;
	}
	return 0;
}

int do_umask(const struct op *op)
{
	umask((mode_t)U(0));
	return 0;
}

int do_personality(const struct op *op)
{
	return result(personality(U(0)));
}

int do_scheduler(const struct op *op)
{
	struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; } attr = {
		.size = 48, .policy = (uint32_t)U(0), .flags = U(1), .nice = (int32_t)U(2), .priority = (uint32_t)U(3),
		.runtime = U(4), .deadline = U(5), .period = U(6),
	};

	return result(syscall(SYS_sched_setattr, 0, &attr, 0));
}

int do_ioprio(const struct op *op)
{
	return result(syscall(SYS_ioprio_set, WHO_PROCESS, 0, (int)U(0)));
}

int do_affinity(const struct op *op)
{
	size_t size;
	const uint8_t *mask = op_blob(op, 1, &size);

	return result(syscall(SYS_sched_setaffinity, op->actor == HOST ? self.pid : 0, size, mask));
}

int do_mempolicy(const struct op *op)
{
	size_t size;
	const uint8_t *mask = op_blob(op, 2, &size);

	/* The kernel takes one bit fewer than it is told. */
	return result(syscall(SYS_set_mempolicy, (int)U(0), size ? mask : NULL, size ? size * 8 + 1 : 0));
}

int do_loopback(const struct op *op)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ended;

	(void)op;
	if (control < 0)
		return -errno;
	ended = result(ioctl(control, SIOCSIFFLAGS, &lo));
	close(control);
	return ended;
}

int do_nnp(const struct op *op)
{
	(void)op;
	return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

int do_bounding(const struct op *op)
{
	for (unsigned capability = 0; capability < 64; capability++) {
		if (U(0) >> capability & 1)
			continue;
		int set = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
		if (set < 0)
			break; /* past the kernel's last one */
		if (set && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -errno;
	}
	return 0;
}

int do_user(const struct op *op)
{
	size_t size;
	const uint8_t *groups = op_blob(op, 3, &size);
	gid_t gids[1024];

	if (size > sizeof gids)
		return -EINVAL;
	memcpy(gids, groups, size);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	/* In a user namespace of an ordinary user setgroups is denied; then there must be nothing to set. */
	if (syscall(SYS_setgroups, size / sizeof *gids, gids) < 0 && (errno != EPERM || size > 0))
		return -errno;
	if (setresgid((gid_t)U(1), (gid_t)U(1), (gid_t)U(1)) < 0 || setresuid((uid_t)U(0), (uid_t)U(0), (uid_t)U(0)) < 0)
		return -errno;
	return result(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
}

int do_caps(const struct op *op)
{
	struct { uint32_t version; int pid; } head = { CAPABILITY_VERSION_3, 0 };
	struct { uint32_t effective, permitted, inheritable; } data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(U(0) >> (32 * i));
		data[i].permitted = (uint32_t)(U(1) >> (32 * i));
		data[i].inheritable = (uint32_t)(U(2) >> (32 * i));
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned capability = 0; capability < 64; capability++)
		if (U(3) >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			return -errno;
	return 0;
}

int do_seccomp(const struct op *op)
{
	struct { uint16_t count; const uint8_t *code; } program;
	size_t size;

	program.code = op_blob(op, 2, &size);
	program.count = (uint16_t)(size / 8);
	return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, U(0), &program));
}

int do_chdir(const struct op *op)
{
	char where[4096];

	if (chdir(S(0)) < 0)
		return errno == EACCES && U(1) ? 0 : -errno;
	/* /proc/self/fd/N could lead out of the root: then getcwd has no name for it (CVE-2024-21626). */
	if (syscall(SYS_getcwd, where, sizeof where) < 0 || where[0] != '/') {
		self.cause = "current working directory is outside of container mount namespace root -- possible container breakout detected";
		return -EINVAL;
	}
	return 0;
}

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int do_closefds(const struct op *op)
{
	int kept[] = { self.status, slot(SLOT_PROC), slot(SLOT_GATE) };
	unsigned from = (unsigned)U(0);

	for (unsigned i = 0; i < SLOTS; i++)
		if (i != SLOT_PROC && i != SLOT_GATE)
			self.slots[i] = -1;
	qsort(kept, 3, sizeof *kept, compare_int);
	for (unsigned i = 0; i < 3; i++) {
		if (kept[i] < (int)from)
			continue;
		if (kept[i] > (int)from)
			close_range(from, (unsigned)kept[i] - 1, 0);
		from = (unsigned)kept[i] + 1;
	}
	return result(close_range(from, ~0U, 0));
}

int do_home(const struct op *op)
{
	static char home[4096 + 6];
	char line[4096];
	int fd = openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat info;
	FILE *file = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= PASSWD_MAX ? fdopen(fd, "r") : NULL;

	strcpy(home, "HOME=/");
	self.home = home;
	while (file && fgets(line, sizeof line, file)) {
		char *field[6] = { line }, *end = line;
		for (int i = 1; i < 6 && end; i++)
			if ((end = strchr(end, ':')))
				*end++ = 0, field[i] = end;
		if (!end || field[2][0] < '0' || field[2][0] > '9' || strtoull(field[2], &end, 10) != U(0) || *end)
			continue;
		field[5][strcspn(field[5], ":\n")] = 0;
		if (field[5][0])
			snprintf(home, sizeof home, "HOME=%s", field[5]);
		break;
	}
	if (file)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	return 0;
}

static int executable(const char *path)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return -errno;
	return S_ISDIR(info.st_mode) || !(info.st_mode & 0111) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -EACCES : 0;
}

int do_lookup(const struct op *op)
{
	static char cause[4096 + 64];
	const char *name = S(0), *path = S(1);
	int failed;

	if (strlen(name) >= sizeof self.program)
		return -ENAMETOOLONG;
	if (strchr(name, '/')) {
		strcpy(self.program, name);
		failed = executable(name);
		if (failed && failed != -EACCES) {
			snprintf(cause, sizeof cause, "stat %s: %c%s", name, strerror(-failed)[0] | 32, strerror(-failed) + 1);
			self.cause = cause;
		}
		return failed;
	}
	for (const char *end = path; name[0] && *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		snprintf(self.program, sizeof self.program, "%.*s/%s", end == path ? 1 : (int)(end - path), end == path ? "." : path, name);
		if (executable(self.program) == 0)
			return 0;
	}
	self.cause = "executable file not found in $PATH";
	return -ENOENT;
}
