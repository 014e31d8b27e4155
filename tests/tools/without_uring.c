/*
 * without_uring CALL[=ERROR] PROGRAM [ARGUMENT]...: runs a program under a seccomp filter that
 * answers one system call of io_uring (setup, enter, register) or all three with EPERM, ENOSYS or
 * EACCES, as containers' profiles do. Some let the set-up pass and refuse what follows (reference:
 * seccomp(2), io_uring_setup(2)).
 *
 * Exit status 77 when filters cannot be installed here, else the program's own.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { USAGE = 2, SKIPPED = 77, NOT_STARTED = 127 };

struct refusal {
	unsigned first, last; /* system calls */
	unsigned error;
};

static bool calls_find(const char *name, size_t size, struct refusal *out)
{
	static const struct {
		const char *name;
		unsigned first, last;
	} calls[] = {
		{ "setup", SYS_io_uring_setup, SYS_io_uring_setup },
		{ "enter", SYS_io_uring_enter, SYS_io_uring_enter },
		{ "register", SYS_io_uring_register, SYS_io_uring_register },
		{ "all", SYS_io_uring_setup, SYS_io_uring_register },
	};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (strlen(calls[i].name) == size && memcmp(calls[i].name, name, size) == 0) {
			out->first = calls[i].first;
			out->last = calls[i].last;
			return true;
		}
	return false;
}

static bool error_find(const char *name, struct refusal *out)
{
	static const struct {
		const char *name;
		unsigned error;
	} errors[] = { { "EPERM", EPERM }, { "ENOSYS", ENOSYS }, { "EACCES", EACCES } };
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(errors[i].name, name) == 0) {
			out->error = errors[i].error;
			return true;
		}
	return false;
}

static bool refusal_parse(const char *text, struct refusal *out)
{
	size_t size = strcspn(text, "=");
	return calls_find(text, size, out) &&
	       error_find(text[size] ? text + size + 1 : "EPERM", out);
}

static int refuse(const struct refusal *refusal)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, refusal->first, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, refusal->last, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | refusal->error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof program / sizeof *program, program };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 ? 0 : -errno;
}

int main(int argc, char **argv)
{
	struct refusal refusal;
	if (argc < 3 || !refusal_parse(argv[1], &refusal)) {
		fputs("usage: without_uring setup|enter|register|all[=EPERM|ENOSYS|EACCES] PROGRAM "
		      "[ARGUMENT]...\n",
			stderr);
		return USAGE;
	}
	int result = refuse(&refusal);
	if (result < 0) {
		fprintf(stderr, "without_uring: no filter here: %s\n", strerror(-result));
		return SKIPPED;
	}
	execvp(argv[2], argv + 2);
	fprintf(stderr, "without_uring: %s: %s\n", argv[2], strerror(errno));
	return NOT_STARTED;
}
