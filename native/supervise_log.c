/*
 * Docker's json-file log, byte for byte as dockerd writes it (moby: daemon/logger/copier.go, jsonfilelog, loggerutils):
 *
 *     {"log":"line\n","stream":"stdout","time":"2026-11-24T04:46:26.123456789Z"}
 *
 * One object per line of output. A line longer than 16 KiB is cut at exactly that many bytes into entries without "\n", all
 * with the time of the first; so is a last line that has no newline. Strings are escaped as Go's encoding/json does for HTML.
 * A file that has reached its size is renamed to .1 before the next entry, .1 to .2, and so on.
 */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 16384, ENTRY_OVERHEAD = 128, OUT_ENOUGH = 32768, OUT_SIZE = OUT_ENOUGH + 6 * LINE + ENTRY_OVERHEAD };

/* The beginning of a line whose newline has not come yet. */
struct line {
	uint8_t bytes[LINE];
	size_t used;
	bool cut; /* its first part is written already, at `since` */
	struct timespec since;
};

static struct line lines[STREAMS];
static struct {
	int fd;
	char path[4096];
	uint64_t max_size; /* 0: never rotated */
	unsigned max_files;
	uint64_t size; /* bytes on disk */
	uint8_t out[OUT_SIZE];
	size_t used;
} log_file = { .fd = -1 };

static int open_file(int flags)
{
	log_file.fd = open(log_file.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
	log_file.size = 0;
	if (log_file.fd < 0)
		return -errno;
	off_t end = lseek(log_file.fd, 0, SEEK_END);
	log_file.size = end > 0 ? (uint64_t)end : 0;
	return 0;
}

int log_open(const char *path, uint64_t max_size, unsigned max_files)
{
	size_t length = strlen(path);

	if (length >= sizeof log_file.path - 16)
		return -ENAMETOOLONG;
	memcpy(log_file.path, path, length + 1);
	log_file.max_size = max_size;
	log_file.max_files = max_files;
	return open_file(0);
}

void log_close(void)
{
	close(log_file.fd);
	log_file.fd = -1;
}

bool log_pending(void)
{
	return log_file.used > 0;
}

/* A disk that is full loses whole entries, never halves of them, and never stops the container. */
void log_flush(void)
{
	size_t done = 0;

	while (done < log_file.used) {
		ssize_t n = write(log_file.fd, log_file.out + done, log_file.used - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done == log_file.used)
		log_file.size += done;
	else if (done > 0 && ftruncate(log_file.fd, (off_t)log_file.size) < 0)
		log_file.size += done;
	log_file.used = 0;
}

static void rotate(void)
{
	char from[sizeof log_file.path + 16], to[sizeof log_file.path + 16];

	log_flush();
	close(log_file.fd);
	for (unsigned i = log_file.max_files; i > 1; i--) {
		snprintf(to, sizeof to, "%s.%u", log_file.path, i - 1);
		if (i == 2)
			snprintf(from, sizeof from, "%s", log_file.path);
		else
			snprintf(from, sizeof from, "%s.%u", log_file.path, i - 2);
		rename(from, to);
	}
	open_file(O_TRUNC);
}

static void put(const void *bytes, size_t size)
{
	memcpy(log_file.out + log_file.used, bytes, size);
	log_file.used += size;
}

/* Length of the valid UTF-8 sequence at `s`, 0 if there is none (Unicode 15, table 3-7). */
static size_t utf8_length(const uint8_t *s, size_t size)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t length;

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (size < length || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static bool plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

/* One character that needs escaping or decoding; answers how many bytes it took. At most six bytes out per byte in. */
static size_t put_special(const uint8_t *s, size_t size)
{
	static const char hex[] = "0123456789abcdef";

	if (s[0] >= 0x80) {
		size_t length = utf8_length(s, size);
		if (length == 0)
			put("\\ufffd", 6);
		else if (length == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] & 0xfe) == 0xa8)
			put(s[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
		else
			put(s, length);
		return length == 0 ? 1 : length;
	}
	if (s[0] == '"' || s[0] == '\\') {
		put((char[]){ '\\', (char)s[0] }, 2);
	} else if (s[0] == '\n' || s[0] == '\r') {
		put(s[0] == '\n' ? "\\n" : "\\r", 2);
	} else {
		put((char[]){ '\\', 'u', '0', '0', hex[s[0] >> 4], hex[s[0] & 15] }, 6);
	}
	return 1;
}

static void put_string(const uint8_t *s, size_t size)
{
	for (size_t i = 0; i < size;) {
		size_t start = i;
		while (i < size && plain(s[i]))
			i++;
		put(s + start, i - start);
		if (i < size)
			i += put_special(s + i, size - i);
	}
}

static void put_decimal(uint64_t value, unsigned digits)
{
	char text[20];

	for (unsigned i = digits; i-- > 0; value /= 10)
		text[i] = (char)('0' + value % 10);
	put(text, digits);
}

/* RFC 3339 with nanoseconds, trailing zeros dropped. Own calendar: libc's would read the host's time zone files. */
static void put_time(const struct timespec *at)
{
	uint64_t days = (uint64_t)at->tv_sec / 86400, seconds = (uint64_t)at->tv_sec % 86400;
	/* Days from 0000-03-01, years that begin in March, 400-year eras (Howard Hinnant, "days from civil"). */
	uint64_t z = days + 719468, era = z / 146097, day = z % 146097;
	uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint64_t yday = day - (365 * year + year / 4 - year / 100), m = (5 * yday + 2) / 153;
	uint64_t nanoseconds = (uint64_t)at->tv_nsec;

	put_decimal(year + era * 400 + (m >= 10), 4);
	put("-", 1), put_decimal(m < 10 ? m + 3 : m - 9, 2);
	put("-", 1), put_decimal(yday - (153 * m + 2) / 5 + 1, 2);
	put("T", 1), put_decimal(seconds / 3600, 2);
	put(":", 1), put_decimal(seconds / 60 % 60, 2);
	put(":", 1), put_decimal(seconds % 60, 2);
	if (nanoseconds > 0) {
		unsigned digits = 9;
		for (; nanoseconds % 10 == 0; nanoseconds /= 10)
			digits--;
		put(".", 1), put_decimal(nanoseconds, digits);
	}
	put("Z", 1);
}

/* Writes one entry. `whole`: the line ends here. */
static void entry(unsigned stream, const uint8_t *bytes, size_t size, bool whole)
{
	struct line *line = &lines[stream];
	struct timespec now;

	if (log_file.max_size > 0 && log_file.size + log_file.used >= log_file.max_size)
		rotate();
	if (log_file.used + 6 * size + ENTRY_OVERHEAD > OUT_SIZE || log_file.used >= OUT_ENOUGH)
		log_flush();
	if (!line->cut) {
		clock_gettime(CLOCK_REALTIME, &now);
		line->since = now;
	}
	put("{\"log\":\"", 8);
	put_string(bytes, size);
	if (whole)
		put("\\n", 2);
	put("\",\"stream\":\"", 12);
	put(stream == 0 ? "stdout" : "stderr", 6);
	put("\",\"time\":\"", 10);
	put_time(&line->since);
	put("\"}\n", 3);
	line->cut = !whole;
	line->used = 0;
}

void log_write(unsigned stream, const uint8_t *bytes, size_t size)
{
	struct line *line = &lines[stream];

	if (log_file.fd < 0)
		return;
	while (size > 0) {
		const uint8_t *newline = memchr(bytes, '\n', size);
		size_t length = newline ? (size_t)(newline - bytes) : size;
		bool full = line->used + length >= LINE;
		size_t take = full ? LINE - line->used : length;

		if (line->used == 0 && (full || newline)) {
			entry(stream, bytes, take, !full);
		} else {
			memcpy(line->bytes + line->used, bytes, take);
			line->used += take;
			if (full || newline)
				entry(stream, line->bytes, line->used, !full);
		}
		take += !full && newline ? 1 : 0;
		bytes += take;
		size -= take;
	}
}

void log_end(unsigned stream)
{
	if (log_file.fd >= 0 && lines[stream].used > 0)
		entry(stream, lines[stream].bytes, lines[stream].used, false);
}
