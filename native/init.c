/*
 * The executor: walks a plan as host, stage or init, and lets the actors meet. README.md draws it.
 *
 * One SOCK_SEQPACKET pair joins host and init; a message is a kind byte and a text. After `ready` nobody listens any longer.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum kind { MEET = 'm', READY = 'r', TERMINAL = 't', FAILED = 'f' };
enum { TRACE_NAME = 96, TRACE_MAX = 64 * 1024, HOOK_OUTPUT = 512 };

struct executor self;

/* What init tells host besides messages; shared between them. */
static struct span { uint64_t start, end; } *spans;

static struct {
	const struct plan *plan;
	const struct plan_request *request;
	struct plan_result *result;
	enum actor actor;
	uint32_t at;
	int init_status; /* init's end of the pair */
	const char *said;
	bool ready;
} run;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Go's words, which runc's users know, are strerror's with a small first letter. */
static void compose(char *message, const struct op *op, int error)
{
	const char *text = op_string(op, 0), *cause = self.cause ? self.cause : strerror(error);
	bool own = self.cause || (cause[0] == 'I' && cause[1] == '/');

	snprintf(message, PLAN_MESSAGE_MAX, "%s%s%s%c%s", run.said, text, *text ? ": " : "", own ? cause[0] : cause[0] | 32, cause + 1);
}

static int send_message(enum kind kind, const char *text)
{
	char message[1 + PLAN_MESSAGE_MAX];
	int size = snprintf(message, sizeof message, "%c%s", kind, text);

	return send(self.status, message, (size_t)size, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int tell_terminal(int master)
{
	union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec data = { .iov_base = (char[]){ TERMINAL }, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };

	memset(&control, 0, sizeof control);
	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), &master, sizeof master);
	return sendmsg(self.status, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Host: the next message; its kind, or 0 at the end. */
static int receive(void)
{
	union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
	char text[1 + PLAN_MESSAGE_MAX];
	struct iovec data = { .iov_base = text, .iov_len = sizeof text - 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t size;

	do
		size = recvmsg(self.status, &message, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	if (size <= 0)
		return 0;
	text[size] = 0;
	if (text[0] == TERMINAL && message.msg_controllen >= CMSG_LEN(sizeof(int)) && run.result->terminal < 0) {
		memcpy(&run.result->terminal, CMSG_DATA(&control.header), sizeof(int));
		return receive();
	}
	if (text[0] == FAILED)
		memcpy(run.result->message, text + 1, (size_t)size);
	return text[0];
}

/* Host waits for a word of init's; anything else is the end. */
static int expect(enum kind kind)
{
	int got = receive();

	if (got == (int)kind)
		return 0;
	int status = 0;
	if (got != FAILED && self.pid > 0)
		waitpid(self.pid, &status, 0);
	if (got != FAILED)
		snprintf(run.result->message, PLAN_MESSAGE_MAX, "%s%s", run.said, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ?
			 "container init was OOM-killed (memory limit too low?)" : "container init ended unexpectedly");
	return -ECANCELED;
}

int do_say(const struct op *op)
{
	run.said = op_string(op, 1);
	return 0;
}

int do_meet(const struct op *op)
{
	char go;

	(void)op;
	if (run.actor == HOST) {
		int failed = expect(MEET);
		return failed ? failed : send(self.status, "g", 1, MSG_NOSIGNAL) == 1 ? 0 : -ECANCELED;
	}
	if (send_message(MEET, "") < 0 || recv(self.status, &go, 1, 0) != 1)
		_exit(1); /* host has given up, or died */
	return 0;
}

int do_ready(const struct op *op)
{
	(void)op;
	run.ready = true;
	return send_message(READY, "");
}

/* init from here on is a child of the process that called plan_run; it goes on in run_actor. */
static pid_t clone_init(const struct op *op, bool staged)
{
	struct clone_args args = { .flags = op_number(op, 1), .exit_signal = SIGCHLD };
	uint64_t cgroup = op_number(op, 2);

	if (staged) {
		args.flags |= CLONE_PARENT;
		args.exit_signal = 0;
	}
	if (cgroup > 0 && cgroup <= SLOTS) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)self.slots[cgroup - 1];
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static void become_init(void)
{
	run.actor = INIT;
	run.said = "";
	self.pid = 0;
	close(self.status);
	self.status = run.init_status;
}

static int run_actor(void);

/* The intermediate: joins what must be joined before the clone. Its own end tells the pid. */
static _Noreturn void run_stage(const struct op *clone, int report)
{
	int32_t answer[1];

	run.actor = STAGE;
	run.said = "";
	close(self.status); /* host's end: whoever kept it open would never see host die */
	self.status = run.init_status;
	for (uint32_t i = 0; i < run.plan->count; i++)
		if (run.plan->ops[i].code == OP_say && run.plan->ops[i].actor == INIT && (run.said = op_string(&run.plan->ops[i], 1)))
			break;
	uint32_t at = run.at;
	run.at = 0; /* its lines stand before the clone */
	if (run_actor() < 0)
		_exit(1);
	answer[0] = clone_init(clone, true);
	if (answer[0] == 0) {
		close(report);
		run.actor = INIT;
		run.said = "";
		run.at = at;
		_exit(run_actor() < 0);
	}
	if (answer[0] < 0) {
		char message[PLAN_MESSAGE_MAX];
		compose(message, clone, errno);
		send_message(FAILED, message);
		_exit(1);
	}
	_exit(write(report, answer, sizeof answer) == sizeof answer ? 0 : 1);
}

static int clone_staged(const struct op *op)
{
	int report[2], status;
	int32_t pid = -1;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid_t stage = fork();
	if (stage == 0) {
		close(report[0]);
		run_stage(op, report[1]);
	}
	close(report[1]);
	close(run.init_status);
	run.init_status = -1;
	bool told = stage > 0 && read(report[0], &pid, sizeof pid) == sizeof pid;
	close(report[0]);
	while (stage > 0 && waitpid(stage, &status, 0) < 0 && errno == EINTR)
		;
	if (told)
		self.pid = pid;
	return told ? 0 : expect(READY) < 0 ? -ECANCELED : -EPROTO;
}

int do_clone(const struct op *op)
{
	bool staged = false;

	for (uint32_t i = 0; i < run.plan->count; i++)
		staged |= run.plan->ops[i].actor == STAGE;
	if (staged)
		return clone_staged(op);
	pid_t pid = clone_init(op, false);
	if (pid == 0) {
		become_init();
		_exit(run_actor() < 0);
	}
	if (pid < 0)
		return -errno;
	self.pid = pid;
	close(run.init_status);
	run.init_status = -1;
	return 0;
}

static void run_hook_child(char **argv, char **environment, const int input[2], const int output[2])
{
	dup2(input[0], 0);
	dup2(output[1], 1);
	dup2(output[1], 2);
	close_range(3, ~0U, 0);
	execve(argv[0], argv + 1, environment);
	dprintf(2, "%s", strerror(errno));
	_exit(127);
}

/* argv: the program, then its argv[0] and the rest. */
int do_hook(const struct op *op)
{
	static char cause[HOOK_OUTPUT + 128];
	char state[64], output[HOOK_OUTPUT] = "";
	char **argv = op_list(op, 1), **environment = op_list(op, 2);
	int in[2], out[2], status = 0;
	uint64_t deadline = now_ns() + op_number(op, 5) * 1000000000;

	if (!argv || !argv[0] || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		run_hook_child(argv, environment, in, out);
	free(argv);
	free(environment);
	close(in[0]);
	close(out[1]);
	snprintf(state, sizeof state, "%d", self.pid ? (int)self.pid : (int)getpid());
	signal(SIGPIPE, SIG_IGN);
	const char *parts[] = { op_string(op, 3), state, op_string(op, 4) };
	for (int i = 0; i < 3; i++)
		if (write(in[1], parts[i], strlen(parts[i])) < 0)
			break; /* a hook need not read */
	signal(SIGPIPE, SIG_DFL);
	close(in[1]);
	size_t size = 0;
	bool late = false;
	for (struct pollfd waiting = { .fd = out[0], .events = POLLIN };;) {
		int64_t left = op_number(op, 5) ? (int64_t)(deadline - now_ns()) / 1000000 : -1;
		if (op_number(op, 5) && (left <= 0 || poll(&waiting, 1, (int)left) == 0)) {
			late = true;
			kill(pid, SIGKILL);
			break;
		}
		char spill[256];
		ssize_t n = read(out[0], size < sizeof output - 1 ? output + size : spill,
				 size < sizeof output - 1 ? sizeof output - 1 - size : sizeof spill);
		if (n <= 0)
			break;
		size += size < sizeof output - 1 ? (size_t)n : 0;
	}
	output[size] = 0;
	close(out[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (late)
		snprintf(cause, sizeof cause, "error running hook: hook ran past specified timeout of %us", (unsigned)op_number(op, 5));
	else
		snprintf(cause, sizeof cause, "error running hook: %s %d, stdout: , stderr: %s", WIFEXITED(status) ? "exit status" : "signal",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), output);
	self.cause = cause;
	return -ECHILD;
}

int do_gate(const struct op *op)
{
	char path[32];

	(void)op;
	close(self.status);
	snprintf(path, sizeof path, "self/fd/%d", self.slots[SLOT_GATE]);
	int fd = openat(self.slots[SLOT_PROC], path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return -errno;
	close(fd);
	close(self.slots[SLOT_GATE]);
	return 0;
}

int do_exec(const struct op *op)
{
	static char text[4096 + 64];
	char **argv = op_list(op, 1), **environment = op_list(op, 2);

	for (char **last = environment; self.home && last; last++)
		if (!*last) {
			*last = self.home;
			break;
		}
	close(self.slots[SLOT_PROC]);
	execve(self.program, argv, environment);
	int failed = -errno;
	snprintf(text, sizeof text, "exec %s: %c%s", self.program, strerror(-failed)[0] | 32, strerror(-failed) + 1);
	self.cause = text;
	run.said = "";
	return failed;
}

#define X(name, signature) do_##name,
static int (*const operations[OP_COUNT])(const struct op *) = { OPERATIONS(X) };
#undef X

static void tell_failure(const struct op *op, int error)
{
	char message[PLAN_MESSAGE_MAX];

	compose(message, op, error);
	if (run.actor == HOST) {
		if (error != ECANCELED)
			memcpy(run.result->message, message, sizeof message);
	} else if (run.ready)
		/* Nobody waits any longer: the container's own stderr is all there is. */
		dprintf(2, "%s\n", message);
	else
		send_message(FAILED, message);
}

static int run_actor(void)
{
	for (; run.at < run.plan->count; run.at++) {
		const struct op *op = &run.plan->ops[run.at];
		if (op->actor != run.actor && !(op->actor == BOTH && run.actor != STAGE))
			continue;
		uint64_t start = spans ? now_ns() : 0;
		int failed = operations[op->code](op);
		if (failed < 0) {
			tell_failure(op, -failed);
			return failed;
		}
		if (spans)
			spans[run.at] = (struct span){ start, now_ns() };
	}
	return 0;
}

static void collect_trace(struct plan_result *result)
{
	static uint8_t trace[TRACE_MAX];
	size_t size = 0;

	for (uint32_t i = 0; i < run.plan->count && size + 18 + TRACE_NAME < sizeof trace; i++) {
		const struct op *op = &run.plan->ops[i];
		if (spans[i].end == 0 || op->code == OP_say)
			continue;
		char name[TRACE_NAME];
		int length = snprintf(name, sizeof name, "%s", op_names[op->code]);
		for (unsigned argument = 1; op_signatures[op->code][argument] && length < TRACE_NAME; argument++)
			if (op_signatures[op->code][argument] == 's' && *op_string(op, argument))
				length += snprintf(name + length, sizeof name - (size_t)length, " %s", op_string(op, argument));
		length = length < TRACE_NAME ? length : TRACE_NAME - 1;
		memcpy(trace + size, &spans[i], 16);
		trace[size + 16] = op->actor;
		trace[size + 17] = (uint8_t)length;
		memcpy(trace + size + 18, name, (size_t)length);
		size += 18 + (size_t)length;
	}
	result->trace = trace;
	result->trace_size = size;
}

static int run_host(struct plan_result *result)
{
	int failed = run_actor();

	if (!failed && run.plan->count > 0) {
		failed = self.pid ? expect(READY) : 0;
		if (!failed && spans)
			collect_trace(result);
	}
	return failed;
}

int plan_run(const struct plan_request *request, struct plan_result *result)
{
	static struct op ops[PLAN_OPS_MAX];
	struct plan plan = { .ops = ops };
	int pair[2], failed, status;

	*result = (struct plan_result){ .terminal = -1 };
	if (plan_parse(request->bytes, request->size, &plan) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		strcpy(result->message, "invalid plan");
		return -1;
	}
	run.plan = &plan;
	run.request = request;
	run.result = result;
	run.actor = HOST;
	run.at = 0;
	run.said = "";
	run.init_status = pair[1];
	self = (struct executor){ .status = pair[0], .stdio = request->stdio, .plain_newlines = request->plain_newlines };
	for (unsigned i = 0; i < SLOTS; i++)
		self.slots[i] = -1;
	void *shared = plan.trace ? mmap(NULL, plan.count * sizeof *spans, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : NULL;
	spans = shared == MAP_FAILED ? NULL : shared;
	failed = run_host(result);
	result->pid = self.pid;
	if (failed && self.pid > 0) {
		kill(self.pid, SIGKILL);
		while (waitpid(self.pid, &status, 0) < 0 && errno == EINTR)
			;
		result->pid = 0;
	}
	if (failed && result->terminal >= 0)
		close(result->terminal);
	if (run.init_status >= 0)
		close(run.init_status);
	close(self.status);
	for (unsigned i = 0; i < SLOTS; i++)
		if (self.slots[i] >= 0)
			close(self.slots[i]);
	return failed ? -1 : 0;
}
