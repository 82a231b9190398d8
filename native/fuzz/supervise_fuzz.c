/*
 * libFuzzer: what attach and control clients send, and what containers print, is anybody's bytes.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -Wno-unused-function native/fuzz/supervise_fuzz.c \
 *           native/supervise_peers.c native/supervise_log.c native/supervise_stdio.c -o /tmp/supervise_fuzz && /tmp/supervise_fuzz
 *
 * The first byte picks the client's kind; the rest is what it sends, and the same bytes are a container's output as well.
 */
#define _GNU_SOURCE
#include "../supervise.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct stdio io;

static int on_signal(uint32_t number)
{
	return number == 0 || number > 64;
}

/* Lets the clients be served until nothing more moves. */
static void serve(void)
{
	struct pollfd polls[PEERS_MAX + 1];

	for (unsigned i = 0; i < 64; i++) {
		size_t count = peers_poll(polls);
		if (poll(polls, count, 0) <= 0)
			break;
		peers_serve(polls);
	}
}

static void feed_peer(const uint8_t *data, size_t size, enum peer_kind kind)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	peer_add(pair[1], kind);
	while (size > 0) {
		size_t part = size > 4096 ? 4096 : size;
		if (send(pair[0], data, part, MSG_NOSIGNAL) < 0)
			break;
		data += part, size -= part;
		serve();
	}
	close(pair[0]);
	serve();
}

/* Chunks as the container would write them: their sizes come from the bytes themselves. */
static void feed_log(const uint8_t *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t part = 1 + (size_t)data[at] * 97 % (size - at);
		log_write(data[at] & 1, data + at, part);
		at += part;
	}
	log_end(0);
	log_end(1);
	log_flush();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int null = open("/dev/null", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (size == 0)
		return 0;
	io = (struct stdio){ .input = null, .output = { -1, -1 }, .terminal = -1, .keep = { -1, -1, -1 } };
	peers_init(&io, on_signal);
	feed_peer(data + 1, size - 1, data[0] % 3);
	stdio_close_input(&io);
	log_open("/dev/null", data[0] & 4 ? 1000 : 0, 1);
	feed_log(data + 1, size - 1);
	log_close();
	return 0;
}
