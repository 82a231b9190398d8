/*
 * The supervisor: parent of one container process. SUPERVISOR.md draws its protocols; supervise.c has the main loop.
 *
 *   supervise.c         arguments, launch, main loop, exit record
 *   supervise_stdio.c   where the process's three streams come from and go to
 *   supervise_peers.c   control and attach clients: frames, back-pressure
 *   supervise_log.c     Docker's json-file log
 *
 * All memory is static. Large buffers are .bss: a page costs nothing until it is used.
 */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum frame {
	/* src/contracts/shim/stdio.ts */
	FRAME_STDIN = 0,
	FRAME_STDOUT = 1,
	FRAME_STDERR = 2,
	FRAME_CLOSE_STDIN = 3,
	FRAME_RESIZE = 4,
	FRAME_EXIT = 5,
	FRAME_HELLO = 6,
	/* control socket only */
	FRAME_READY = 16,
	FRAME_FAILED = 17,
	FRAME_SIGNAL = 18,
	FRAME_ANSWER = 19,
	FRAME_ENDED = 20,
};

enum { FRAME_HEADER = 8, FRAME_PAYLOAD_MAX = 65536, CHUNK = 32768, STREAMS = 2, PEERS_MAX = 64 };

struct exit_status {
	uint32_t status;
	uint64_t at_ns;
};

/* --- supervise_log.c --- */
int log_open(const char *path, uint64_t max_size, unsigned max_files);
void log_write(unsigned stream, const uint8_t *bytes, size_t size);
/* The stream ends: its last line is written though no newline came. */
void log_end(unsigned stream);
bool log_pending(void);
void log_flush(void);
void log_close(void);

/* --- supervise_stdio.c --- */
struct stdio_request {
	const char *spec[3]; /* "null", "socket", "fifo:PATH", "file:PATH" */
	bool terminal;
};

/* The supervisor's ends; -1 where there is none. */
struct stdio {
	int input;            /* writes reach the process's stdin: pipe or pty master */
	int output[STREAMS];  /* its stdout and stderr: pipes or pty master */
	int terminal;         /* pty master, for its size */
	int keep[3];          /* second ends of FIFOs: without them a client that leaves would end the stream */
	bool logged[STREAMS]; /* goes to the log and to attach clients */
};

/* Fills `child` with the process's own 0, 1, 2 (-1: the pty slave, which the launch provides). 0 or -errno. */
int stdio_open(const struct stdio_request *request, struct stdio *stdio, int child[3]);
/* Connects a pty master with what the request named. */
int stdio_terminal(const struct stdio_request *request, struct stdio *stdio, int master);
void stdio_close_input(struct stdio *stdio);
int write_file(const char *name, const char *text);

/* --- supervise_peers.c --- */
enum peer_kind { PEER_CONTROL, PEER_ATTACH, PEER_RAW_INPUT, PEER_RAW_OUTPUT };
struct peer;

/* What control clients may ask of the process; answers 0 or an errno. */
typedef int (*signal_handler)(uint32_t signal);

void peers_init(struct stdio *stdio, signal_handler on_signal);
/* A listening socket at `path`, 0600; its fd or -errno. */
int peers_listen(const char *path);
/* Takes `fd`; without a free place it is closed and the answer is NULL. Raw: a FIFO or file, no frames. */
struct peer *peer_add(int fd, enum peer_kind kind);
/* Accepts whoever waits on a listening socket; only root and our own user get in. */
void peers_accept(int listener, enum peer_kind kind);
/* Fills at most PEERS_MAX + 1 pollfds, answers how many; peers_serve takes the same array back after poll. */
size_t peers_poll(struct pollfd *polls);
void peers_serve(const struct pollfd *polls);
void control_send(enum frame type, const void *payload, size_t size);
/* Every control client, now and later, is told these. */
void control_ready(uint32_t pid, const void *trace, size_t size);
void control_exit(const struct exit_status *exited);

/*
 * The queue: output that some client has not taken yet. While the process runs it holds one chunk, and nothing is read from the
 * process until everybody has it; at the end what is left in the pipes is added behind.
 */
bool queue_empty(void);
/* Somebody still takes output, or has it all but has not closed yet. */
bool peers_remain(void);
/* Room for one chunk, or NULL. */
uint8_t *queue_room(void);
/* The chunk has `size` bytes: sends it to whoever wants it. */
void queue_commit(enum frame type, size_t size);
/* The end for attach clients: an exit frame behind everything, then end of stream. */
void queue_end(const struct exit_status *exited);

#endif
