/*
 * The machine that a result was measured on, as far as it explains the numbers. Read once at the
 * start; what cannot be read stays empty or -1.
 */
#ifndef HARROW_HOST_H
#define HARROW_HOST_H

#include <stdint.h>

struct host {
	char name[256];
	char kernel[256]; /* release: "6.1.0-18-amd64" */
	char machine[64]; /* "x86_64" */
	char cpu_model[128];
	int64_t cpus;         /* online */
	int64_t cpus_allowed; /* that this process may run on */
	int64_t memory_bytes;
	int64_t memory_limit_bytes;  /* of the control group (cgroup v2); -1: none */
	int64_t open_files_max;      /* soft limit */
	int64_t locked_memory_max;   /* soft limit in bytes; -1: unlimited */
	char congestion_control[16]; /* the system's default: "cubic" */
};

void host_read(struct host *host);

#endif
