/*
 * without_uring setup|enter|register PROGRAM [ARGUMENT]...: runs a program under a seccomp filter
 * that answers one system call of io_uring with EPERM, as containers' profiles do. Some let the
 * set-up pass and refuse what follows (reference: seccomp(2), io_uring_setup(2)).
 *
 * Exit status 77 when filters cannot be installed here, else the program's own.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { USAGE = 2, SKIPPED = 77, NOT_STARTED = 127 };

static long call_number(const char *name)
{
	if (strcmp(name, "setup") == 0)
		return SYS_io_uring_setup;
	if (strcmp(name, "enter") == 0)
		return SYS_io_uring_enter;
	if (strcmp(name, "register") == 0)
		return SYS_io_uring_register;
	return -1;
}

static int refuse(unsigned number)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof program / sizeof *program, program };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 ? 0 : -errno;
}

int main(int argc, char **argv)
{
	long number = argc > 2 ? call_number(argv[1]) : -1;
	if (number < 0) {
		fputs("usage: without_uring setup|enter|register PROGRAM [ARGUMENT]...\n", stderr);
		return USAGE;
	}
	int result = refuse((unsigned)number);
	if (result < 0) {
		fprintf(stderr, "without_uring: no filter here: %s\n", strerror(-result));
		return SKIPPED;
	}
	execvp(argv[2], argv + 2);
	fprintf(stderr, "without_uring: %s: %s\n", argv[2], strerror(errno));
	return NOT_STARTED;
}
