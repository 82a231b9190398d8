/* Control and attach clients: frames in and out, back-pressure both ways. SUPERVISOR.md draws the frames. */
#define _GNU_SOURCE
#include "supervise.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { QUEUE = 8 * (CHUNK + FRAME_HEADER), INPUT = 16384, TRACE_MAX = 16384, FRAMES_PER_TURN = 16 };

struct peer {
	int fd; /* -1: free */
	enum peer_kind kind;
	bool reading;   /* false after its end of stream */
	uint32_t sent;  /* how much of the queue it has */
	uint32_t frame; /* PEER_RAW_OUTPUT: where the next frame begins in the queue */
	/* The frame being received: header, rest of its payload; payloads of control frames are at most 4 bytes. */
	uint8_t head[FRAME_HEADER];
	uint8_t small[4];
	uint32_t have;
	uint32_t left;
};

static struct peer peers[PEERS_MAX];
static struct stdio *io;
static signal_handler raise_signal;
static uint8_t queue[QUEUE];
static uint32_t queued;
static bool ended; /* the exit frame is in the queue */
static uint8_t input[INPUT]; /* on its way to the process's stdin */
static size_t input_used;
static bool input_closing;
/* What a control client that comes later must be told. */
static uint8_t ready[FRAME_HEADER + 4 + TRACE_MAX], gone[FRAME_HEADER + 12];
static size_t ready_size, gone_size;

static void put_header(uint8_t *at, enum frame type, size_t size)
{
	uint32_t length = htobe32((uint32_t)size);

	memset(at, 0, FRAME_HEADER);
	at[0] = (uint8_t)type;
	memcpy(at + 4, &length, 4);
}

static uint32_t get_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return be32toh(value);
}

static void put_exit(uint8_t *frame, const struct exit_status *exited)
{
	uint32_t status = htobe32(exited->status);
	uint64_t at = htobe64(exited->at_ns);

	put_header(frame, FRAME_EXIT, 12);
	memcpy(frame + FRAME_HEADER, &status, 4);
	memcpy(frame + FRAME_HEADER + 4, &at, 8);
}

void peers_init(struct stdio *stdio, signal_handler on_signal)
{
	io = stdio;
	raise_signal = on_signal;
	for (unsigned i = 0; i < PEERS_MAX; i++)
		peers[i].fd = -1;
}

/* Through a directory fd, because a socket's path has 107 bytes at most. */
int peers_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *name = strrchr(path, '/');
	char directory[4096];
	int fd, at, size;

	size = snprintf(directory, sizeof directory, "%.*s", (int)(name ? name - path + 1 : 1), name ? path : ".");
	at = size < (int)sizeof directory ? open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (at < 0)
		return -errno;
	name = name ? name + 1 : path;
	size = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", at, name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && size < (int)sizeof address.sun_path) {
		mode_t mask = umask(0177);
		unlinkat(at, name, 0);
		if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, PEERS_MAX) < 0) {
			size = -errno;
			close(fd);
			fd = size;
		}
		umask(mask);
	}
	close(at);
	return fd;
}

static void peer_close(struct peer *peer)
{
	close(peer->fd);
	peer->fd = -1;
}

/* A frame outside the queue; a client that cannot take these few bytes is not reading and goes. */
static void send_now(struct peer *peer, const void *frame, size_t size)
{
	if (peer->fd >= 0 && size > 0 && send(peer->fd, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
		peer_close(peer);
}

static bool takes_output(const struct peer *peer)
{
	return peer->fd >= 0 && (peer->kind == PEER_ATTACH || peer->kind == PEER_RAW_OUTPUT);
}

static bool owes(const struct peer *peer)
{
	return takes_output(peer) && peer->sent < queued;
}

struct peer *peer_add(int fd, enum peer_kind kind)
{
	uint8_t hello[FRAME_HEADER];

	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct peer *peer = &peers[i];
		if (peer->fd >= 0)
			continue;
		*peer = (struct peer){ .fd = fd, .kind = kind, .sent = queued, .frame = queued };
		peer->reading = kind != PEER_RAW_OUTPUT;
		put_header(hello, FRAME_HELLO, 0);
		if (kind == PEER_ATTACH)
			send_now(peer, hello, sizeof hello);
		if (kind == PEER_CONTROL) {
			send_now(peer, ready, ready_size);
			send_now(peer, gone, gone_size);
		}
		return peer;
	}
	close(fd);
	return NULL;
}

void peers_accept(int listener, enum peer_kind kind)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || (peer.uid != 0 && peer.uid != geteuid()))
			close(fd);
		else
			peer_add(fd, kind);
	}
}

/* --- towards the process --- */

static void input_flush(void)
{
	while (input_used > 0 && io->input >= 0) {
		ssize_t n = write(io->input, input, input_used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) { /* it has closed its stdin */
			input_closing = true;
			break;
		}
		input_used -= (size_t)n;
		memmove(input, input + n, input_used);
	}
	if (input_closing || io->input < 0) {
		input_used = 0;
		stdio_close_input(io);
	}
}

static void close_input(void)
{
	input_closing = true;
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (peers[i].fd >= 0 && peers[i].kind == PEER_RAW_INPUT)
			peer_close(&peers[i]);
	input_flush();
}

static int resize(const uint8_t *payload)
{
	struct winsize size = {
		.ws_row = (unsigned short)(payload[0] << 8 | payload[1]),
		.ws_col = (unsigned short)(payload[2] << 8 | payload[3]),
	};

	if (io->terminal < 0)
		return ENOTTY;
	return ioctl(io->terminal, TIOCSWINSZ, &size) < 0 ? errno : 0;
}

/* Exactly these may come from this kind of client. */
static bool acceptable(const struct peer *peer, uint8_t type, uint32_t size)
{
	if (peer->head[1] || peer->head[2] || peer->head[3])
		return false;
	switch (type) {
	case FRAME_STDIN: return peer->kind == PEER_ATTACH && size <= FRAME_PAYLOAD_MAX;
	case FRAME_CLOSE_STDIN: return size == 0;
	case FRAME_RESIZE: return size == 4;
	case FRAME_SIGNAL: return peer->kind == PEER_CONTROL && size == 4;
	default: return false;
	}
}

static void obey(struct peer *peer)
{
	uint8_t answer[FRAME_HEADER + 4];
	uint32_t result = 0;

	if (peer->head[0] == FRAME_CLOSE_STDIN)
		close_input();
	else if (peer->head[0] == FRAME_RESIZE)
		result = (uint32_t)resize(peer->small);
	else if (peer->head[0] == FRAME_SIGNAL)
		result = (uint32_t)raise_signal(get_u32(peer->small));
	peer->have = 0;
	if (peer->kind != PEER_CONTROL)
		return;
	put_header(answer, FRAME_ANSWER, 4);
	result = htobe32(result);
	memcpy(answer + FRAME_HEADER, &result, 4);
	send_now(peer, answer, sizeof answer);
}

/* Where the next bytes from this client belong, and how many. */
static uint8_t *place(struct peer *peer, size_t *size)
{
	if (peer->kind == PEER_RAW_INPUT || (peer->have == FRAME_HEADER && peer->head[0] == FRAME_STDIN)) {
		*size = INPUT - input_used;
		if (peer->kind == PEER_ATTACH && peer->left < *size)
			*size = peer->left;
		return input + input_used;
	}
	*size = peer->have < FRAME_HEADER ? FRAME_HEADER - peer->have : peer->left;
	return peer->have < FRAME_HEADER ? peer->head + peer->have : peer->small + sizeof peer->small - peer->left;
}

/* Takes note of `n` bytes that arrived at place(); false: a protocol error. */
static bool received(struct peer *peer, size_t n)
{
	if (peer->kind == PEER_RAW_INPUT || (peer->have == FRAME_HEADER && peer->head[0] == FRAME_STDIN)) {
		input_used += n;
		input_flush();
	}
	if (peer->kind == PEER_RAW_INPUT)
		return true;
	if (peer->have < FRAME_HEADER) {
		peer->have += (uint32_t)n;
		if (peer->have < FRAME_HEADER)
			return true;
		peer->left = get_u32(peer->head + 4);
		if (!acceptable(peer, peer->head[0], peer->left))
			return false;
	} else {
		peer->left -= (uint32_t)n;
	}
	if (peer->left == 0)
		obey(peer);
	return true;
}

/* A client reads no further while the process does not take its stdin; control clients never wait for that. */
static bool may_read(const struct peer *peer)
{
	return peer->reading && (peer->kind == PEER_CONTROL || input_used == 0);
}

static void peer_read(struct peer *peer)
{
	for (unsigned i = 0; i < FRAMES_PER_TURN && peer->fd >= 0 && may_read(peer); i++) {
		size_t size;
		uint8_t *at = place(peer, &size);
		ssize_t n = read(peer->fd, at, size);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0 || (n > 0 && !received(peer, (size_t)n)))
			peer_close(peer);
		else if (n == 0)
			peer->reading = false;
	}
}

/* --- towards the clients --- */

/* Raw clients get payloads only, and of stdout only: steps over headers and whatever else. */
static size_t raw_span(struct peer *peer)
{
	while (peer->sent < queued && peer->sent == peer->frame) {
		uint32_t size = get_u32(queue + peer->frame + 4);
		peer->frame += FRAME_HEADER + size;
		peer->sent = queue[peer->sent] == FRAME_STDOUT ? peer->sent + FRAME_HEADER : peer->frame;
	}
	return (peer->frame < queued ? peer->frame : queued) - peer->sent;
}

static void peer_send(struct peer *peer)
{
	while (owes(peer)) {
		size_t size = peer->kind == PEER_RAW_OUTPUT ? raw_span(peer) : queued - peer->sent;
		ssize_t n = 0;
		if (size > 0 && peer->kind == PEER_ATTACH)
			n = send(peer->fd, queue + peer->sent, size, MSG_NOSIGNAL);
		else if (size > 0)
			n = write(peer->fd, queue + peer->sent, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			peer_close(peer);
		if (n < 0)
			break;
		peer->sent += (uint32_t)n;
	}
	if (!ended || !takes_output(peer) || owes(peer))
		return;
	/*
	 * An attach client sees the end of stream and closes; were we to close first, one that is still connecting would be told of
	 * a reset connection and lose what it was sent (Bun's sockets do so).
	 */
	if (peer->kind == PEER_RAW_OUTPUT || shutdown(peer->fd, SHUT_WR) < 0)
		peer_close(peer);
}

bool peers_remain(void)
{
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (takes_output(&peers[i]))
			return true;
	return false;
}

bool queue_empty(void)
{
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (owes(&peers[i]))
			return false;
	for (unsigned i = 0; i < PEERS_MAX; i++)
		peers[i].sent = peers[i].frame = 0;
	queued = 0;
	return true;
}

uint8_t *queue_room(void)
{
	/* The last place is the exit frame's. */
	return queued + 2 * FRAME_HEADER + CHUNK + 12 <= QUEUE - FRAME_HEADER ? queue + queued + FRAME_HEADER : NULL;
}

static void deliver(void)
{
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (takes_output(&peers[i]))
			peer_send(&peers[i]);
}

void queue_commit(enum frame type, size_t size)
{
	put_header(queue + queued, type, size);
	queued += FRAME_HEADER + (uint32_t)size;
	deliver();
}

void queue_end(const struct exit_status *exited)
{
	put_exit(queue + queued, exited);
	queued += FRAME_HEADER + 12;
	ended = true;
	deliver();
}

void control_send(enum frame type, const void *payload, size_t size)
{
	uint8_t frame[FRAME_HEADER + 1024];

	if (size > sizeof frame - FRAME_HEADER)
		size = sizeof frame - FRAME_HEADER;
	put_header(frame, type, size);
	memcpy(frame + FRAME_HEADER, payload, size);
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (peers[i].kind == PEER_CONTROL)
			send_now(&peers[i], frame, FRAME_HEADER + size);
}

void control_ready(uint32_t pid, const void *trace, size_t size)
{
	uint32_t number = htobe32(pid);

	size = size > TRACE_MAX ? TRACE_MAX : size;
	put_header(ready, FRAME_READY, 4 + size);
	memcpy(ready + FRAME_HEADER, &number, 4);
	memcpy(ready + FRAME_HEADER + 4, trace, size);
	ready_size = FRAME_HEADER + 4 + size;
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (peers[i].kind == PEER_CONTROL)
			send_now(&peers[i], ready, ready_size);
	/* The trace is for whoever started us. */
	put_header(ready, FRAME_READY, 4);
	ready_size = FRAME_HEADER + 4;
}

void control_exit(const struct exit_status *exited)
{
	put_exit(gone, exited);
	gone_size = sizeof gone;
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (peers[i].kind == PEER_CONTROL)
			send_now(&peers[i], gone, gone_size);
}

size_t peers_poll(struct pollfd *polls)
{
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct peer *peer = &peers[i];
		short events = (short)((may_read(peer) ? POLLIN : 0) | (owes(peer) ? POLLOUT : 0));
		/* With nothing to wait for, a hangup would wake us for ever, unless the client has said all it had to say. */
		bool waits = events != 0 || !peer->reading;
		polls[i] = (struct pollfd){ .fd = waits ? peer->fd : -1, .events = events };
	}
	polls[PEERS_MAX] = (struct pollfd){ .fd = input_used > 0 ? io->input : -1, .events = POLLOUT };
	return PEERS_MAX + 1;
}

void peers_serve(const struct pollfd *polls)
{
	if (polls[PEERS_MAX].revents != 0)
		input_flush();
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct peer *peer = &peers[i];
		if (polls[i].revents == 0 || peer->fd != polls[i].fd)
			continue;
		if (peer->reading && polls[i].revents & (POLLIN | POLLHUP | POLLERR))
			peer_read(peer);
		if (peer->fd >= 0 && polls[i].revents & POLLOUT)
			peer_send(peer);
		if (peer->fd >= 0 && !peer->reading && polls[i].revents & (POLLHUP | POLLERR))
			peer_close(peer);
	}
}
