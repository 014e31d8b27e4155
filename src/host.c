/* Facts about the machine, from uname(2), /proc, cgroup v2 and resource limits. */
#include "host.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base.h"

/* The first line of a file without its end; false, and an empty text, when it cannot be read. */
static bool read_line(const char *path, char *line, size_t size)
{
	line[0] = 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool read = fgets(line, (int)size, file) != NULL;
	fclose(file);
	line[strcspn(line, "\n")] = 0;
	return read;
}

/* "model name	: X" on x86; other machines do not say, and stay empty. */
static void read_cpu_model(char *model, size_t size)
{
	char line[256];
	FILE *file = fopen("/proc/cpuinfo", "re");
	if (!file)
		return;
	while (fgets(line, sizeof line, file)) {
		const char *colon = strchr(line, ':');
		if (!colon || strncmp(line, "model name", 10) != 0)
			continue;
		colon += strspn(colon, ": \t");
		snprintf(model, size, "%.*s", (int)strcspn(colon, "\n"), colon);
		break;
	}
	fclose(file);
}

static int64_t read_limit(int resource)
{
	struct rlimit limit;
	if (getrlimit((__rlimit_resource_t)resource, &limit) || limit.rlim_cur == RLIM_INFINITY)
		return -1;
	return (int64_t)limit.rlim_cur;
}

/* The tightest memory.max from our own control group up to the root: -1 when none is set. */
static int64_t read_memory_limit(void)
{
	char line[512], path[640], value[64];
	int64_t least = -1;
	if (!read_line("/proc/self/cgroup", line, sizeof line) || strncmp(line, "0::", 3) != 0)
		return -1;
	char *group = line + 3;
	for (;;) {
		snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", group);
		if (read_line(path, value, sizeof value) && isdigit((unsigned char)value[0])) {
			int64_t limit = strtoll(value, NULL, 10);
			least = least < 0 ? limit : MIN(least, limit);
		}
		char *slash = strrchr(group, '/');
		if (!slash)
			return least;
		*slash = 0;
	}
}

void host_read(struct host *host)
{
	*host = (struct host){ .cpus = -1, .cpus_allowed = -1, .memory_bytes = -1 };
	struct utsname names;
	if (!uname(&names)) {
		snprintf(host->name, sizeof host->name, "%s", names.nodename);
		snprintf(host->kernel, sizeof host->kernel, "%s", names.release);
		snprintf(host->machine, sizeof host->machine, "%.63s", names.machine);
	}
	read_cpu_model(host->cpu_model, sizeof host->cpu_model);
	host->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t allowed;
	if (!sched_getaffinity(0, sizeof allowed, &allowed))
		host->cpus_allowed = CPU_COUNT(&allowed);
	long pages = sysconf(_SC_PHYS_PAGES), page_size = sysconf(_SC_PAGESIZE);
	if (pages > 0 && page_size > 0)
		host->memory_bytes = (int64_t)pages * page_size;
	host->memory_limit_bytes = read_memory_limit();
	host->open_files_max = read_limit(RLIMIT_NOFILE);
	host->locked_memory_max = read_limit(RLIMIT_MEMLOCK);
	read_line("/proc/sys/net/ipv4/tcp_congestion_control", host->congestion_control,
		sizeof host->congestion_control);
}
