/*
 * The program of the image embedded in the executable: says what a container looks like from the inside.
 * Static, needs nothing from its root file system but /proc.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/utsname.h>

/* Prints the value of one `key:` line of a /proc file, or nothing where the file or the key is missing. */
static void print_field(const char *label, const char *path, const char *key)
{
	char line[512];
	size_t length = strlen(key);
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	while (fgets(line, sizeof line, file)) {
		if (strncmp(line, key, length) != 0)
			continue;
		const char *value = line + length + strspn(line + length, ": \t");
		printf("  %-14s %s", label, value);
		break;
	}
	fclose(file);
}

int main(void)
{
	struct utsname name;
	char cwd[256];

	if (uname(&name) != 0)
		return 1;
	printf("Hello from a Skiff container.\n\n");
	printf("  %-14s %s\n", "hostname", name.nodename);
	printf("  %-14s %s (the host's: containers share it)\n", "kernel", name.release);
	printf("  %-14s %d, parent %d\n", "process", (int)getpid(), (int)getppid());
	printf("  %-14s uid %d, gid %d\n", "user", (int)getuid(), (int)getgid());
	printf("  %-14s %s\n", "directory", getcwd(cwd, sizeof cwd) ? cwd : "?");
	print_field("capabilities", "/proc/self/status", "CapEff");
	print_field("seccomp mode", "/proc/self/status", "Seccomp");
	printf("\nEvery layer that made this is readable: docs/path-of-a-run.md\n");
	return 0;
}
