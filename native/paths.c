/*
 * Paths below the container's root. Whoever made the image may race with us, so a path string is never used twice: openat2 gives an
 * fd that cannot lie outside (CVE-2021-30465, CVE-2024-45310), and everything else works on that fd.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096, LINKS_MAX = 40, RACES_MAX = 64, COPY_DEPTH_MAX = 64 };

int root_open(const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve };
	long fd = -1;

	/* EAGAIN: something was renamed while ".." was followed. */
	for (int i = 0; i < RACES_MAX; i++) {
		fd = syscall(SYS_openat2, self.slots[SLOT_ROOT], *path ? path : ".", &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

static int root_readlink(const char *parent, const char *name, char *to)
{
	int at = root_open(parent, O_PATH | O_DIRECTORY, 0);

	if (at < 0)
		return at;
	ssize_t n = readlinkat(at, name, to, PATH_MAX_BYTES - 1);
	int result = n < 0 ? -errno : (int)n;
	close(at);
	if (n >= 0)
		to[n] = 0;
	return result;
}

/*
 * The path with its links replaced, for a path of which some part is missing: a dangling /etc/resolv.conf must be followed. What it
 * answers is only a proposal; whoever uses it resolves it again with root_open.
 */
static int root_follow(const char *path, char done[PATH_MAX_BYTES])
{
	char rest[2 * PATH_MAX_BYTES], link[PATH_MAX_BYTES], name[256];
	unsigned links = 0;

	if (strlen(path) >= PATH_MAX_BYTES)
		return -ENAMETOOLONG;
	strcpy(rest, path);
	done[0] = 0;
	for (char *at = rest; *at;) {
		size_t size = strcspn(at, "/");
		if (size >= sizeof name || strlen(done) + size + 2 > PATH_MAX_BYTES)
			return -ENAMETOOLONG;
		memcpy(name, at, size);
		name[size] = 0;
		at += size + (at[size] == '/');
		if (size == 0 || strcmp(name, ".") == 0)
			continue;
		char *last = strrchr(done, '/');
		if (strcmp(name, "..") == 0) {
			*(last ? last : done) = 0;
			continue;
		}
		if (root_readlink(done, name, link) < 0) {
			sprintf(done + strlen(done), "/%s", name);
			continue;
		}
		if (++links > LINKS_MAX)
			return -ELOOP;
		size = strlen(link);
		if (size + 1 + strlen(at) >= sizeof rest)
			return -ENAMETOOLONG;
		memmove(rest + size + 1, at, strlen(at) + 1);
		memcpy(rest, link, size);
		rest[size] = '/';
		at = rest;
		if (link[0] == '/')
			done[0] = 0;
	}
	return 0;
}

static int make_child(int parent, const char *name, bool directory, unsigned mode)
{
	int fd;

	if (directory) {
		if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	fd = openat(parent, name, O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_RDONLY | O_NONBLOCK, mode);
	if (fd < 0)
		return -errno;
	close(fd);
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The ordinary case: only the last name is missing, and it is not a dangling link. */
static int make_last(const char *path, bool directory, unsigned mode)
{
	char parent[PATH_MAX_BYTES];
	const char *last = strrchr(path, '/');
	size_t size = last ? (size_t)(last - path) : 0;

	if (size >= sizeof parent || !last || !last[1] || strcmp(last, "/.") == 0 || strcmp(last, "/..") == 0)
		return -EINVAL;
	memcpy(parent, path, size);
	parent[size] = 0;
	int at = root_open(parent, O_PATH | O_DIRECTORY, 0);
	int fd = at < 0 ? at : make_child(at, last + 1, directory, mode);
	if (at >= 0)
		close(at);
	return fd;
}

int root_make(const char *path, bool directory, unsigned mode)
{
	char real[PATH_MAX_BYTES];
	int fd = root_open(path, O_PATH | (directory ? O_DIRECTORY : 0), 0);

	if (fd != -ENOENT)
		return fd;
	fd = make_last(path, directory, mode);
	if (fd >= 0)
		return fd;
	int failed = root_follow(path, real);
	if (failed < 0)
		return failed;
	int parent = root_open("", O_PATH | O_DIRECTORY, 0);
	for (char *at = real; parent >= 0 && *at == '/';) {
		char *name = at + 1, *end = name + strcspn(name, "/"), kept = *end;
		bool last = kept == 0;
		*end = 0;
		fd = root_open(real, O_PATH | (!last || directory ? O_DIRECTORY : 0), 0);
		if (fd == -ENOENT)
			fd = make_child(parent, name, !last || directory, last ? mode : 0755);
		*end = kept;
		close(parent);
		parent = fd;
		at = end;
	}
	return parent;
}

int root_parent(const char *path, char base[256])
{
	char real[PATH_MAX_BYTES];
	const char *last = strrchr(path, '/');
	size_t size = last ? (size_t)(last - path) : 0;

	if (strlen(last ? last + 1 : path) >= 256 || size >= sizeof real)
		return -ENAMETOOLONG;
	strcpy(base, last ? last + 1 : path);
	memcpy(real, path, size);
	real[size] = 0;
	return root_make(real, true, 0755);
}

static int copy_file(int from, int to, const char *name, const struct stat *info)
{
	int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int out = in < 0 ? -1 : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ssize_t n = out < 0 ? -1 : 1;

	while (n > 0)
		n = sendfile(out, in, NULL, 1 << 20);
	int failed = n < 0 || fchown(out, info->st_uid, info->st_gid) < 0 || fchmod(out, info->st_mode & 07777) < 0 ? -errno : 0;
	close(in);
	close(out);
	return failed;
}

static int copy_entry(int from, int to, const char *name, unsigned depth)
{
	char link[PATH_MAX_BYTES];
	struct stat info;

	if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(info.st_mode))
		return copy_file(from, to, name, &info);
	if (S_ISLNK(info.st_mode)) {
		ssize_t n = readlinkat(from, name, link, sizeof link - 1);
		link[n < 0 ? 0 : n] = 0;
		return n < 0 || symlinkat(link, to, name) < 0 ||
			fchownat(to, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	}
	if (!S_ISDIR(info.st_mode)) /* FIFOs and sockets; devices too, as far as we may */
		return mknodat(to, name, info.st_mode, info.st_rdev) < 0 ||
			fchownat(to, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
	if (mkdirat(to, name, 0700) < 0)
		return -errno;
	int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int failed = in < 0 || out < 0 ? -errno : copy_up(in, out, depth + 1);
	close(in);
	close(out);
	return failed;
}

/* Copies what is in the directory `from` to `to`, and its owner and mode. */
int copy_up(int from, int to, unsigned depth)
{
	struct dirent *entry;
	struct stat info;
	int failed = 0, again = depth > COPY_DEPTH_MAX ? -1 : openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = again < 0 ? NULL : fdopendir(again);

	if (!directory)
		return depth > COPY_DEPTH_MAX ? -ELOOP : -errno;
	while (!failed && (entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			failed = copy_entry(from, to, entry->d_name, depth);
	closedir(directory);
	if (!failed && (fstat(from, &info) < 0 || fchown(to, info.st_uid, info.st_gid) < 0 || fchmod(to, info.st_mode & 07777) < 0))
		failed = -errno;
	return failed;
}
