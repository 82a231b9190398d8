/* Where the process's three streams come from and go to. The table of cases is in SUPERVISOR.md. */
#define _GNU_SOURCE
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int above_stdio(int fd)
{
	int high;

	if (fd < 0)
		return -errno;
	if (fd > 2)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return high < 0 ? -errno : high;
}

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* A pipe between the process (its end in *theirs, blocking) and us. */
static int open_pipe(unsigned stream, int *ours, int *theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ours = above_stdio(ends[stream == 0 ? 1 : 0]);
	*theirs = above_stdio(ends[stream == 0 ? 0 : 1]);
	if (*ours < 0 || *theirs < 0)
		return -EMFILE;
	set_nonblocking(*ours);
	return 0;
}

/* The client's FIFO itself becomes the stream: no copying. Our own second end keeps it alive while clients come and go. */
static int open_fifo(unsigned stream, const char *path, int *keep, int *theirs)
{
	*keep = above_stdio(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC));
	if (*keep < 0)
		return *keep;
	*theirs = above_stdio(open(path, (stream == 0 ? O_RDONLY : O_WRONLY | O_APPEND) | O_CLOEXEC));
	return *theirs < 0 ? *theirs : 0;
}

static int open_file(const char *path)
{
	return above_stdio(open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
}

static int open_stream(unsigned stream, const char *spec, struct stdio *stdio, int *theirs)
{
	if (strncmp(spec, "fifo:", 5) == 0)
		return open_fifo(stream, spec + 5, &stdio->keep[stream], theirs);
	if (strncmp(spec, "file:", 5) == 0 && stream > 0)
		*theirs = open_file(spec + 5);
	else if (strcmp(spec, "null") == 0)
		*theirs = above_stdio(open("/dev/null", (stream == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC));
	else if (strcmp(spec, "socket") == 0 && stream == 0)
		return open_pipe(stream, &stdio->input, theirs);
	else if (strcmp(spec, "socket") == 0) {
		stdio->logged[stream - 1] = true;
		return open_pipe(stream, &stdio->output[stream - 1], theirs);
	} else
		return -EINVAL;
	return *theirs < 0 ? *theirs : 0;
}

int stdio_open(const struct stdio_request *request, struct stdio *stdio, int child[3])
{
	stdio->input = stdio->terminal = stdio->output[0] = stdio->output[1] = -1;
	for (unsigned i = 0; i < 3; i++) {
		stdio->keep[i] = child[i] = -1;
		int failed = request->terminal ? 0 : open_stream(i, request->spec[i], stdio, &child[i]);
		if (failed < 0)
			return failed;
	}
	return 0;
}

/* With a terminal FIFOs and files are copied by us, as peers without frames. */
int stdio_terminal(const struct stdio_request *request, struct stdio *stdio, int master)
{
	const char *in = request->spec[0], *out = request->spec[1];
	int fd = 0;

	set_nonblocking(master);
	stdio->terminal = stdio->output[0] = master;
	stdio->logged[0] = strcmp(out, "socket") == 0;
	if (strcmp(in, "null") != 0)
		stdio->input = master;
	if (strncmp(in, "fifo:", 5) == 0) {
		fd = above_stdio(open(in + 5, O_RDWR | O_NONBLOCK | O_CLOEXEC));
		if (fd >= 0 && !peer_add(fd, PEER_RAW_INPUT))
			return -EMFILE;
	}
	if (fd >= 0 && strncmp(out, "fifo:", 5) == 0) {
		/* Opened read-write first, so that the write end does not fail for want of a reader. */
		stdio->keep[1] = above_stdio(open(out + 5, O_RDWR | O_NONBLOCK | O_CLOEXEC));
		fd = above_stdio(open(out + 5, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
	} else if (fd >= 0 && strncmp(out, "file:", 5) == 0) {
		fd = open_file(out + 5);
	} else {
		return fd < 0 ? fd : 0;
	}
	if (fd >= 0 && !peer_add(fd, PEER_RAW_OUTPUT))
		return -EMFILE;
	return fd < 0 ? fd : 0;
}

void stdio_close_input(struct stdio *stdio)
{
	/* A pty has no end of input of its own: whoever types there sends ^D. */
	if (stdio->input >= 0 && stdio->input != stdio->terminal)
		close(stdio->input);
	stdio->input = -1;
	if (stdio->keep[0] >= 0)
		close(stdio->keep[0]);
	stdio->keep[0] = -1;
}

/* Appears whole or not at all: written beside, then renamed. `name` is relative to the record directory, our cwd. */
int write_file(const char *name, const char *text)
{
	size_t size = strlen(text);
	int fd = open("tmp", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, size);
	close(fd);
	if (n != (ssize_t)size || rename("tmp", name) < 0)
		return n < 0 || n == (ssize_t)size ? -errno : -ENOSPC;
	return 0;
}
