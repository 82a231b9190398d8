/*
 * The supervisor: parent of one container process (init or exec'ed). It owns the process's stdio, writes its log, keeps its exit
 * status, and serves two sockets. SUPERVISOR.md draws the command line, the files, the sockets and the life of it.
 *
 * It is single-threaded, allocates nothing, and trusts nobody but root and its own user. poll, not epoll: there are few fds, and
 * an array that is built anew each time cannot be out of date.
 */
#define _GNU_SOURCE
#include "supervise.h"
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONTROL_FD = 3, DRAIN_MS = 2000, HOLD_MS = 10000, LINGER_MS = 60000, REAP_TRIES = 50, ERROR_MAX = 1024 };

struct arguments {
	const char *id, *directory, *socket, *log;
	bool hold;
	uint64_t max_size;
	unsigned max_files;
	struct stdio_request stdio;
	/* One of the two launches. */
	const char *plan;
	const char *pid_file, *console;
	char **runtime;
};

static struct {
	pid_t runtime; /* a foreign runtime's command that has not ended yet */
	pid_t pid;
	bool exited, finished;
	uint64_t held_until_ms; /* output waits for the first attach client, not for ever; 0: it does not wait */
	struct exit_status exit;
	uint64_t deadline_ms;
	int control, attach, console, signals;
	char socket[4096];
} self = { .control = -1, .attach = -1, .console = -1, .signals = -1 };

static struct stdio io;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * What a failed launch left behind becomes a zombie of ours; a container's pid namespace cannot end before it is reaped, and
 * whoever inherits it may take seconds to do so.
 */
static void reap_remains(void)
{
	struct timespec pause = { .tv_nsec = 2000000 };
	pid_t pid;

	for (unsigned i = 0; i < REAP_TRIES && (pid = waitpid(-1, NULL, WNOHANG)) >= 0; i++)
		if (pid == 0)
			nanosleep(&pause, NULL);
}

/* Tells the shim and ends: nothing has been started, or it has been killed. */
static _Noreturn void fail(const char *action, const char *cause)
{
	char text[ERROR_MAX];

	snprintf(text, sizeof text, cause ? "%s: %s" : "%s", action, cause);
	control_send(FRAME_FAILED, text, strlen(text));
	unlink("control.sock");
	if (self.socket[0])
		unlink(self.socket);
	reap_remains();
	_exit(1);
}

static void check(int result, const char *action)
{
	if (result < 0)
		fail(action, strerror(-result));
}

static bool parse(int argc, char **argv, struct arguments *to)
{
	*to = (struct arguments){ .max_files = 1, .stdio.spec = { "null", "null", "null" } };
	const struct { const char *name; const char **value; } options[] = {
		{ "--id", &to->id }, { "--dir", &to->directory }, { "--socket", &to->socket }, { "--log", &to->log },
		{ "--stdin", &to->stdio.spec[0] }, { "--stdout", &to->stdio.spec[1] }, { "--stderr", &to->stdio.spec[2] },
		{ "--plan", &to->plan }, { "--pid-file", &to->pid_file }, { "--console-socket", &to->console },
	};

	for (int i = 1; i < argc; i++) {
		size_t known = 0;
		if (strcmp(argv[i], "--") == 0) {
			to->runtime = argv + i + 1;
			break;
		}
		if (strcmp(argv[i], "--terminal") == 0) {
			to->stdio.terminal = true;
			continue;
		}
		if (strcmp(argv[i], "--hold") == 0) {
			to->hold = true;
			continue;
		}
		if (i + 1 >= argc)
			return false;
		while (known < sizeof options / sizeof *options && strcmp(argv[i], options[known].name) != 0)
			known++;
		if (known < sizeof options / sizeof *options)
			*options[known].value = argv[i + 1];
		else if (strcmp(argv[i], "--max-size") == 0)
			to->max_size = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--max-file") == 0)
			to->max_files = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else
			return false;
		i++;
	}
	return to->id && to->directory && (to->plan || (to->runtime && to->runtime[0] && to->pid_file));
}

static int raise_signal(uint32_t signal)
{
	/* The process cannot have been reaped behind our back, so its number is still its own. */
	if (self.pid == 0 || self.exited)
		return ESRCH;
	return kill(self.pid, (int)signal) < 0 ? errno : 0;
}

static void signals_default(void)
{
	sigset_t none;

	for (int i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Only after the launch: dispositions and mask would be inherited by the container. */
static void signals_own(void)
{
	sigset_t child;

	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	self.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	check(self.signals < 0 ? -errno : 0, "make signal descriptor");
}

/* `ps` shows `skiff-init: ID`: the shim spawned us as "skiff-init:", and the rest of the command line becomes the id. */
static void set_title(int argc, char **argv, const char *id)
{
	size_t room = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
	char title[160];

	snprintf(title, sizeof title, "%s", id);
	memset(argv[0], 0, room);
	memcpy(argv[0], title, strnlen(title, room));
	prctl(PR_SET_NAME, "skiff-init");
}

/* --- launch --- */

static void started(pid_t pid, const void *trace, size_t size)
{
	char text[16];

	self.pid = pid;
	snprintf(text, sizeof text, "%d\n", (int)pid);
	int failed = write_file("pid", text);
	if (failed < 0)
		kill(pid, SIGKILL);
	check(failed, "write pid");
	control_ready((uint32_t)pid, trace, size);
}

static void launch_plan(const struct arguments *arguments, const int child[3])
{
	static struct plan_result result; /* with its message too big for the stack page that is in use already */
	struct plan_request request = { .stdio = { child[0], child[1], child[2] } };
	struct stat about;
	int fd = open(arguments->plan, O_RDONLY | O_CLOEXEC);

	check(fd < 0 || fstat(fd, &about) < 0 ? -errno : 0, "open plan");
	request.size = (size_t)about.st_size;
	request.bytes = mmap(NULL, request.size, PROT_READ, MAP_PRIVATE, fd, 0);
	check(request.bytes == MAP_FAILED ? -errno : 0, "map plan");
	/* It holds the container's environment: no longer on disk than needed. */
	close(fd);
	unlink(arguments->plan);
	if (plan_run(&request, &result) < 0)
		fail(result.message, NULL);
	munmap((void *)(uintptr_t)request.bytes, request.size);
	if (result.terminal >= 0) {
		int failed = stdio_terminal(&arguments->stdio, &io, result.terminal);
		if (failed < 0)
			kill(result.pid, SIGKILL);
		check(failed, "connect terminal");
	}
	started(result.pid, result.trace, result.trace_size);
}

static void launch_runtime(const struct arguments *arguments, const int child[3])
{
	char console[64];

	if (arguments->console) {
		/* A socket's path is short; ours may be long. The runtime reaches it through our fd of its directory. */
		int at = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		snprintf(console, sizeof console, "/proc/%d/fd/%d/console.sock", (int)getpid(), at);
		self.console = peers_listen("console.sock");
		check(self.console, "listen on console socket");
		for (char **word = arguments->runtime; *word; word++)
			if (strcmp(*word, arguments->console) == 0)
				*word = console;
	}
	self.runtime = fork();
	if (self.runtime == 0) {
		for (int i = 0; i < 3; i++)
			if (child[i] >= 0)
				dup2(child[i], i);
		execvp(arguments->runtime[0], arguments->runtime);
		dprintf(2, "exec %s: %s\n", arguments->runtime[0], strerror(errno));
		_exit(127);
	}
	check(self.runtime < 0 ? -errno : 0, "fork");
}

/* The pty master, from whoever connected to the console socket. */
static int receive_master(void)
{
	union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
	char name[256];
	struct iovec data = { .iov_base = name, .iov_len = sizeof name };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	struct pollfd waiting = { .events = POLLIN };
	int master = -1;

	waiting.fd = accept4(self.console, NULL, NULL, SOCK_CLOEXEC);
	if (waiting.fd < 0)
		return -errno;
	if (poll(&waiting, 1, DRAIN_MS) == 1 && recvmsg(waiting.fd, &message, MSG_CMSG_CLOEXEC) > 0) {
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
			memcpy(&master, CMSG_DATA(header), sizeof master);
	}
	close(waiting.fd);
	return master < 0 ? -ENOMSG : master;
}

/* The runtime's command has ended: takes over its pty and the process that it left to us. */
static void adopt(const struct arguments *arguments, int status)
{
	char text[32] = "";
	int fd;

	self.runtime = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		snprintf(text, sizeof text, "%s %d", WIFEXITED(status) ? "exit status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		fail(arguments->runtime[0], text);
	}
	fd = open(arguments->pid_file, O_RDONLY | O_CLOEXEC);
	pid_t pid = fd >= 0 && read(fd, text, sizeof text - 1) > 0 ? atoi(text) : 0;
	close(fd);
	if (pid <= 1)
		fail("read pid file", arguments->pid_file);
	if (self.console >= 0) {
		fd = receive_master();
		close(self.console);
		unlink("console.sock");
		if (fd >= 0)
			fd = stdio_terminal(&arguments->stdio, &io, fd);
		if (fd < 0) {
			kill(pid, SIGKILL);
			fail("receive terminal", strerror(-fd));
		}
	}
	started(pid, "", 0);
}

/* --- life --- */

static void reap(const struct arguments *arguments)
{
	struct signalfd_siginfo drained;
	struct timespec now;
	pid_t pid;
	int status;

	while (read(self.signals, &drained, sizeof drained) > 0)
		;
	/* Orphans keep until the process's number is known: it may be one of them. */
	if (self.runtime > 0 && waitpid(self.runtime, &status, WNOHANG) == self.runtime)
		adopt(arguments, status);
	while (self.runtime == 0 && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != self.pid || self.exited)
			continue;
		clock_gettime(CLOCK_REALTIME, &now);
		self.exited = true;
		self.exit.status = (uint32_t)(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		self.exit.at_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
		self.deadline_ms = now_ms() + DRAIN_MS;
		/* Without a pid namespace the shim must end the rest of the container, or its pipes stay open. */
		control_send(FRAME_ENDED, "", 0);
	}
}

/* Moves one chunk; false when there is none. */
static bool read_output(unsigned stream)
{
	static uint8_t spill[CHUNK];
	uint8_t *queued = queue_room(), *room = queued ? queued : spill;
	ssize_t n = io.output[stream] < 0 ? 0 : read(io.output[stream], room, CHUNK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) { /* EIO is a pty's end of stream */
		if (io.output[stream] >= 0 && io.output[stream] != io.terminal)
			close(io.output[stream]);
		io.output[stream] = -1;
		return false;
	}
	if (io.logged[stream])
		log_write(stream, room, (size_t)n);
	if (queued)
		queue_commit(stream == 0 ? FRAME_STDOUT : FRAME_STDERR, (size_t)n);
	return true;
}

/* The process is gone and its output read: leaves the record, tells everybody. */
static void finish(void)
{
	char text[64];

	for (unsigned i = 0; i < STREAMS; i++) {
		/* Whoever still holds the pipe is heard no longer; what it has written is kept. At most a pipe's capacity. */
		for (unsigned chunks = 0; chunks < 64 && io.output[i] >= 0 && read_output(i); chunks++)
			;
		log_end(i);
	}
	log_flush();
	snprintf(text, sizeof text, "%u %llu\n", self.exit.status, (unsigned long long)self.exit.at_ns);
	write_file("exit", text);
	if (self.attach >= 0) {
		peers_accept(self.attach, PEER_ATTACH);
		unlink(self.socket);
		close(self.attach);
		self.attach = -1;
	}
	control_exit(&self.exit);
	queue_end(&self.exit);
	self.finished = true;
	self.deadline_ms = now_ms() + LINGER_MS;
}

static int timeout_ms(void)
{
	uint64_t now = now_ms();

	if (log_pending())
		return 0;
	if (!self.exited)
		return now < self.held_until_ms ? (int)(self.held_until_ms - now) : -1;
	return now < self.deadline_ms ? (int)(self.deadline_ms - now) : 0;
}

static void turn(const struct arguments *arguments)
{
	struct pollfd polls[5 + PEERS_MAX + 1];
	bool hungry = !self.finished && now_ms() >= self.held_until_ms && (queue_empty() || (self.exited && queue_room()));

	polls[0] = (struct pollfd){ .fd = self.signals, .events = POLLIN };
	polls[1] = (struct pollfd){ .fd = self.control, .events = POLLIN };
	polls[2] = (struct pollfd){ .fd = self.attach, .events = POLLIN };
	for (unsigned i = 0; i < STREAMS; i++)
		polls[3 + i] = (struct pollfd){ .fd = hungry ? io.output[i] : -1, .events = POLLIN };
	int n = poll(polls, 5 + peers_poll(polls + 5), timeout_ms());
	if (n <= 0) {
		log_flush();
		return;
	}
	if (polls[1].revents)
		peers_accept(self.control, PEER_CONTROL);
	if (polls[2].revents) {
		peers_accept(self.attach, PEER_ATTACH);
		self.held_until_ms = 0;
	}
	peers_serve(polls + 5);
	for (unsigned i = 0; i < STREAMS; i++)
		if (polls[3 + i].revents && (queue_empty() || self.exited))
			read_output(i);
	if (polls[0].revents)
		reap(arguments);
}

static void set_up(const struct arguments *arguments, int child[3])
{
	if (arguments->socket) {
		if (strlen(arguments->socket) >= sizeof self.socket)
			fail("listen", "path too long");
		self.attach = peers_listen(arguments->socket);
		check(self.attach, "listen on stdio socket");
		strcpy(self.socket, arguments->socket);
	}
	if (arguments->log)
		check(log_open(arguments->log, arguments->max_size, arguments->max_files), "open log");
	check(stdio_open(&arguments->stdio, &io, child), "open stdio");
}

int supervise_main(int argc, char **argv)
{
	struct arguments arguments;
	int child[3];

	signals_default();
	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	close_range(CONTROL_FD + 1, ~0U, 0);
	peers_init(&io, raise_signal);
	fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
	if (fcntl(CONTROL_FD, F_SETFL, O_RDWR | O_NONBLOCK) == 0)
		peer_add(CONTROL_FD, PEER_CONTROL);
	if (!parse(argc, argv, &arguments))
		fail("supervise", "wrong arguments, see native/SUPERVISOR.md");
	umask(0022);
	check(chdir(arguments.directory) < 0 ? -errno : 0, "enter record directory");
	self.control = peers_listen("control.sock");
	check(self.control, "listen on control socket");
	set_up(&arguments, child);
	if (arguments.plan)
		launch_plan(&arguments, child);
	else
		launch_runtime(&arguments, child);
	for (int i = 0; i < 3; i++)
		if (child[i] >= 0)
			close(child[i]);
	signals_own();
	self.held_until_ms = arguments.hold ? now_ms() + HOLD_MS : 0;
	reap(&arguments);
	for (bool titled = false; !self.finished || (peers_remain() && now_ms() < self.deadline_ms);) {
		/* The command line holds the runtime's words until it has ended. */
		if (!titled && self.runtime == 0 && (titled = true))
			set_title(argc, argv, arguments.id);
		if (self.exited && !self.finished &&
		    ((io.output[0] < 0 && io.output[1] < 0) || now_ms() >= self.deadline_ms))
			finish();
		else
			turn(&arguments);
	}
	unlink("control.sock");
	return 0;
}
