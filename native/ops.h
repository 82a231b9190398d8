/*
 * The operations of a plan: name and signature (s string, u number, l list of strings, b blob). The opcode is the place in this
 * list; src/runc/plan/ops.ts has the same list, a test compares them. Every operation has one more argument in front: the text that
 * begins its error message. Paths "in root" are resolved as if SLOT_ROOT were "/", magic links refused.
 */
#ifndef OPS_H
#define OPS_H

#include "plan.h"

#include <errno.h>

/* clang-format off */
#define OPERATIONS(X) \
	X(say,        "s")       /* prefix of this actor's messages from here on */ \
	X(meet,       "")        /* host and init wait for each other */ \
	X(ready,      "")        /* init tells host that all is prepared; host returns */ \
	X(clone,      "uu")      /* flags; 1 + slot of a cgroup v2 directory to be born in, or 0 */ \
	X(open,       "uusu")    /* slot, base (SLOT_NONE: plain path; else in that root), path, flags */ \
	X(fstype,     "uu")      /* slot must be of the file system with this magic */ \
	X(setns,      "uu")      /* slot, CLONE_NEW* */ \
	X(unshare,    "u") \
	X(mkdir_host, "su")      /* outside; may exist */ \
	X(mkfifo,     "su")      /* outside; mode */ \
	X(dumpable,   "u")       /* 0: nobody in the container may look into us */ \
	X(write,      "ussu")    /* base, path, text; 1: failure is borne */ \
	X(enter,      "u")       /* slot of a cgroup v1 tasks file: moves there and closes it */ \
	X(map,        "ss")      /* /proc/<init>/file, text */ \
	X(record,     "s")       /* writes init's "pid starttime" to a new file */ \
	X(devices,    "ub")      /* slot of a cgroup v2 directory, BPF program */ \
	X(hook,       "llssu")   /* argv, environment, state before the pid, after it; timeout in seconds or 0 */ \
	X(rlimit,     "uuu")     /* resource, soft, hard; host: of init */ \
	X(mount,      "sssusu")  /* type, source, target in root, flags, data; 1: no symbolic link on the way */ \
	X(tree,       "uusu")    /* slot, base, path, flags: clones a mount (open_tree) */ \
	X(attr,       "uuuuu")   /* slot, set, clear, propagation, 1: recursive (mount_setattr) */ \
	X(idmap,      "uuu")     /* slot, slot of a user namespace, 1: recursive */ \
	X(place,      "us")      /* slot, target in root, made when it is missing */ \
	X(mkdir,      "su")      /* in root, with parents; mode */ \
	X(symlink,    "ss")      /* text, path in root; may exist */ \
	X(mknod,      "suuuu")   /* path in root, mode, device number, uid, gid */ \
	X(copyup,     "us")      /* slot of a directory, target in root */ \
	X(mask,       "us")      /* slot of a null device, path in root; may be missing */ \
	X(readonly,   "s")       /* path in root; may be missing */ \
	X(pivot,      "u")       /* 0 pivot_root, 1 move the mount, 2 chroot only */ \
	X(loopback,   "")        /* lo of the network namespace comes up */ \
	X(hostname,   "s") \
	X(domainname, "s") \
	X(keyring,    "s") \
	X(setsid,     "") \
	X(terminal,   "uuuu")    /* rows, columns, uid, 1: also /dev/console */ \
	X(stdio,      "u")       /* takes the caller's 0, 1, 2 and gives them to a uid */ \
	X(umask,      "u") \
	X(personality,"u") \
	X(scheduler,  "uuuuuuu") /* policy, flags, nice, priority, runtime, deadline, period */ \
	X(ioprio,     "u") \
	X(affinity,   "b") \
	X(mempolicy,  "ub")      /* mode and flags, mask of NUMA nodes */ \
	X(nnp,        "") \
	X(bounding,   "u")       /* capabilities to keep */ \
	X(user,       "uub")     /* uid, gid, u32 gids; capabilities stay until caps */ \
	X(caps,       "uuuu")    /* effective, permitted, inheritable, ambient */ \
	X(seccomp,    "ub")      /* flags, BPF program */ \
	X(chdir,      "su")      /* 1: EACCES is borne, a later line tries again */ \
	X(closefds,   "u")       /* closes what is not ours from this fd on */ \
	X(home,       "u")       /* HOME of a uid from /etc/passwd */ \
	X(lookup,     "ss")      /* program, PATH */ \
	X(gate,       "")        /* blocks until somebody reads SLOT_GATE */ \
	X(exec,       "ll")      /* argv, environment */
/* clang-format on */

#define X(name, signature) OP_##name,
enum opcode { OPERATIONS(X) OP_COUNT };
#undef X

enum actor { HOST = 0, STAGE = 1, INIT = 2, BOTH = 3 };
enum { SLOTS = 1024, SLOT_ROOT = 0, SLOT_PROC = 1, SLOT_GATE = 2, SLOT_NONE = 65535 };
enum { PLAN_OPS_MAX = 4096, PLAN_BYTES_MAX = 16 << 20, LIST_MAX = 65536 };

struct op {
	uint8_t code, actor;
	const uint8_t *arguments;
};

struct plan {
	bool trace;
	uint32_t count;
	struct op *ops; /* room for PLAN_OPS_MAX */
};

/* --- plan.c --- */
extern const char *const op_names[OP_COUNT], *const op_signatures[OP_COUNT];
/* 0, or -EINVAL: nothing in it may be used. */
int plan_parse(const uint8_t *bytes, size_t size, struct plan *plan);
const uint8_t *op_blob(const struct op *op, unsigned index, size_t *size);
const char *op_string(const struct op *op, unsigned index);
uint64_t op_number(const struct op *op, unsigned index);
/* A NULL-terminated vector from malloc. */
char **op_list(const struct op *op, unsigned index);

/* --- the executor's state --- */
struct executor {
	pid_t pid;         /* init, seen from host */
	int status;        /* this actor's end of the pair */
	int slots[SLOTS];
	const int *stdio;
	bool plain_newlines; /* plan_request */
	const char *cause; /* instead of strerror */
	char *home;
	char program[4096];
};
extern struct executor self;

/* Each answers 0 or -errno. Those of init.c need the conversation of the actors, the others are plain. */
#define X(name, signature) int do_##name(const struct op *op);
OPERATIONS(X)
#undef X

/* --- what the operations share --- */
#define S(index) op_string(op, 1 + (index))
#define U(index) op_number(op, 1 + (index))

static inline int result(long value)
{
	return value < 0 ? -errno : 0;
}

static inline int slot(uint64_t index)
{
	return index < SLOTS ? self.slots[index] : -1;
}

/* Moves a detached mount to an O_PATH fd, which is closed. */
int move_to(int tree, int target);

/* --- paths.c: below SLOT_ROOT --- */
int root_open(const char *path, uint64_t flags, uint64_t resolve);
/* An O_PATH fd of a directory or file, made with its parents when it is missing. */
int root_make(const char *path, bool directory, unsigned mode);
/* The parent of what `path` names after all links but the last; `base` gets the last component. */
int root_parent(const char *path, char base[256]);
int copy_up(int from, int to, unsigned depth);

/* --- init.c --- */
int tell_terminal(int master);

#endif
