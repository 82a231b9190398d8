/* skiff-init: picks one of its lives (README.md), and has the two small ones, `plan` and `init`. */
#define _GNU_SOURCE
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int supervise_main(int argc, char **argv) __attribute__((weak));

enum { FAILED = 125, COPY = 16384 };

static int exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* All signals become readable; what is blocked here must not stay blocked in a child. */
static int signals_open(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, before);
	return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Reaps everybody; true when `pid` has ended. */
static bool reap(pid_t pid, int *status)
{
	int ended;
	bool done = false;

	for (pid_t child; (child = waitpid(-1, &ended, WNOHANG)) > 0;)
		if (child == pid) {
			*status = ended;
			done = true;
		}
	return done;
}

/* --- init: process 1 of a container, as tini and docker-init --- */

static int init_main(char **argv)
{
	struct signalfd_siginfo info;
	sigset_t before;
	int status = 0, signals = signals_open(&before);
	pid_t child = fork();

	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		setpgid(0, 0);
		tcsetpgrp(0, getpgrp()); /* SIGTTOU is not sent by a process that blocks it, and this one may not */
		execvp(argv[0], argv);
		dprintf(2, "exec %s failed: %s\n", argv[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	if (child < 0)
		return FAILED;
	for (struct pollfd waiting = { .fd = signals, .events = POLLIN };;) {
		if (poll(&waiting, 1, -1) < 0 || read(signals, &info, sizeof info) != sizeof info)
			continue;
		if (info.ssi_signo != SIGCHLD)
			kill(child, (int)info.ssi_signo);
		else if (reap(child, &status))
			return exit_code(status);
	}
}

/* --- plan: executes one for a command line --- */

/* runc's protocol: one message with the slave's name and the master's fd. */
static int send_console(const char *path, int master)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control = { .space = "" };
	struct iovec data = { .iov_base = "/dev/ptmx", .iov_len = 9 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof address.sun_path - 1);
	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), &master, sizeof master);
	int failed = fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 || sendmsg(fd, &message, 0) < 0 ? -errno : 0;
	close(fd);
	return failed;
}

static void copy_size(int master)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

static bool copy_chunk(int from, int to)
{
	char chunk[COPY];
	ssize_t n = read(from, chunk, sizeof chunk);

	for (ssize_t done = 0, m; done < n; done += m)
		if ((m = write(to, chunk + done, (size_t)(n - done))) <= 0)
			return false;
	return n > 0;
}

/* Our terminal in raw mode but with output processing: it makes CR LF of LF, the container's does not (plain_newlines). */
static bool raw_mode(struct termios *before)
{
	struct termios raw;

	if (tcgetattr(0, before) < 0)
		return false;
	raw = *before;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST;
	return tcsetattr(0, TCSANOW, &raw) == 0;
}

/* Waits for the container, passes signals on, copies between our terminal and its. */
static int foreground(const struct plan_result *result, int signals)
{
	struct signalfd_siginfo info;
	struct termios before;
	struct pollfd polls[3] = { { signals, POLLIN, 0 }, { result->terminal, POLLIN, 0 }, { result->terminal < 0 ? -1 : 0, POLLIN, 0 } };
	bool raw = result->terminal >= 0 && raw_mode(&before), ended = false;
	int status = 0;

	if (result->terminal >= 0)
		copy_size(result->terminal);
	for (ended = reap(result->pid, &status); !ended || polls[1].fd >= 0;) {
		int n = poll(polls, 3, ended ? 100 : -1);
		if (n == 0)
			break;
		if (n > 0 && polls[0].revents && read(signals, &info, sizeof info) == sizeof info) {
			if (info.ssi_signo == SIGCHLD)
				ended |= reap(result->pid, &status);
			else if (info.ssi_signo == SIGWINCH && result->terminal >= 0)
				copy_size(result->terminal);
			else if (info.ssi_signo != SIGURG)
				kill(result->pid, (int)info.ssi_signo);
		}
		if (n > 0 && polls[1].revents && !copy_chunk(result->terminal, 1))
			polls[1].fd = -1;
		if (n > 0 && polls[2].revents && !copy_chunk(0, result->terminal))
			polls[2].fd = -1;
	}
	if (raw)
		tcsetattr(0, TCSADRAIN, &before);
	return exit_code(status);
}

static void drop_terminal_signals(void)
{
	sigset_t none;

	for (int i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* plan PLAN-FD REPORT-FD [--console SOCKET] [--wait]: reports "+pid" or "-message"; with --wait the container's status is ours. */
static int plan_main(int argc, char **argv)
{
	struct plan_request request = { .stdio = { 0, 1, 2 } };
	struct plan_result result;
	struct stat info;
	const char *console = NULL;
	bool wait = false;

	for (int i = 3; i < argc; i++)
		if (strcmp(argv[i], "--wait") == 0)
			wait = true;
		else if (strcmp(argv[i], "--console") == 0 && i + 1 < argc)
			console = argv[++i];
	int fd = argc < 3 ? -1 : atoi(argv[1]), report = argc < 3 ? 2 : atoi(argv[2]);
	if (fd < 0 || fstat(fd, &info) < 0)
		return FAILED;
	fcntl(report, F_SETFD, FD_CLOEXEC);
	request.size = (size_t)info.st_size;
	request.bytes = mmap(NULL, request.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (request.bytes == MAP_FAILED)
		return FAILED;
	close(fd);
	drop_terminal_signals();
	request.plain_newlines = wait;
	int failed = plan_run(&request, &result);
	sigset_t before;
	int signals = wait && !failed ? signals_open(&before) : -1;
	if (!failed && console && result.terminal >= 0 && send_console(console, result.terminal) < 0) {
		snprintf(result.message, sizeof result.message, "unable to start container process: send console: %s", strerror(errno));
		kill(result.pid, SIGKILL);
		failed = -1;
	}
	if (failed)
		dprintf(report, "-%s\n", result.message);
	else
		dprintf(report, "+%d\n", (int)result.pid);
	close(report);
	if (failed)
		return FAILED;
	return wait ? foreground(&result, signals) : 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "plan") == 0)
		return plan_main(argc - 1, argv + 1);
	if (argc > 2 && strcmp(argv[1], "supervise") == 0 && supervise_main)
		return supervise_main(argc - 1, argv + 1);
	/* A container calls it docker-init; so does Docker's `--init`, with its own "--". */
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0 && i + 1 < argc)
			return init_main(argv + i + 1);
	dprintf(2, "skiff-init: plan FD FD | supervise … | init -- PROGRAM …\n");
	return FAILED;
}
