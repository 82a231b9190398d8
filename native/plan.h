/*
 * Kernel plans: what src/runc compiles and skiff-init executes. README.md draws the format and the two actors.
 *
 *   plan.c    bytes → operations, every length checked, nothing executed: plan_parse (fuzzed)
 *   init.c    plan_run: the actors, the clone, their meetings, hooks, gate
 *   ops.c     one function per operation: files, cgroups, mounts
 *   process.c one function per operation: the process itself
 *   paths.c   what is below the container's root, without races
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PLAN_MESSAGE_MAX = 1024 };

struct plan_request {
	const uint8_t *bytes; /* must stay until plan_run returns */
	size_t size;
	/* The process's 0, 1, 2; -1: the slave of the terminal the plan makes (or, without one, our own). Not closed. */
	int stdio[3];
	/* The terminal the plan makes leaves LF as it is: whoever shows it has a terminal of its own that does the rest (runc in the foreground). */
	bool plain_newlines;
};

struct plan_result {
	pid_t pid;
	int terminal; /* pty master, close-on-exec; -1 without a terminal. The caller's. */
	/* Records { u64 start ns, u64 end ns (epoch), u8 actor, u8 length, name[length] }, little endian; empty unless the plan asks. */
	const uint8_t *trace; /* static: valid until the next plan_run */
	size_t trace_size;
	char message[PLAN_MESSAGE_MAX]; /* the failure in runc's words, without a newline */
};

/*
 * Executes a plan; the container's process becomes a child of the caller. Returns
 *    0  all is prepared: the process waits at its start gate, or (a plan without one) goes on to its execve;
 *   -1  failed: `message` says why, no child is left, what the plan made on the host is left to `delete`.
 */
int plan_run(const struct plan_request *request, struct plan_result *result);

#endif
