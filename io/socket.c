/* Plain socket calls behind socket.h. None of them blocks. */
#include "socket.h"

#include <errno.h>
#include <linux/tcp.h> /* glibc's struct tcp_info does not count bytes */
#include <netinet/in.h>
#include <unistd.h>

int socket_create(int family, int flags)
{
	int protocol = family == AF_UNIX ? 0 : IPPROTO_TCP;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, protocol);
	return fd >= 0 ? fd : -errno;
}

static int option_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

static int congestion_set(int fd, const char *congestion)
{
	socklen_t size = (socklen_t)strlen(congestion);
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, size) == 0 ? 0 : -errno;
}

int stream_congestion_check(const char *congestion)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int result = congestion_set(fd, congestion);
	close(fd);
	return result;
}

void socket_discard(int fd, bool reset)
{
	if (reset) {
		struct linger linger = { .l_onoff = 1, .l_linger = 0 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	}
	close(fd);
}

static int socket_configure(
	struct engine *engine, int fd, sa_family_t family, const struct stream_options *options)
{
	(void)engine;
	int result = 0;
	bool tcp = family != AF_UNIX;
	if (tcp && !options->delay)
		result = option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (result == 0 && options->send_buffer_size > 0)
		result = option_set(fd, SOL_SOCKET, SO_SNDBUF, options->send_buffer_size);
	if (result == 0 && options->receive_buffer_size > 0)
		result = option_set(fd, SOL_SOCKET, SO_RCVBUF, options->receive_buffer_size);
	if (result == 0 && tcp && options->congestion)
		result = congestion_set(fd, options->congestion);
	if (result == 0 && tcp && options->source) {
		/* The port is chosen at connect, when the whole 4-tuple is known. */
		option_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		const struct sockaddr *source = (const struct sockaddr *)&options->source->storage;
		if (bind(fd, source, options->source->size) != 0)
			result = -errno;
	}
	return result;
}

static int socket_listen(struct engine *engine, int fd, const struct address *address, int backlog)
{
	(void)engine;
	int result = option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (result < 0)
		return result;
	if (bind(fd, (const struct sockaddr *)&address->storage, address->size) != 0)
		return -errno;
	return listen(fd, backlog) == 0 ? 0 : -errno;
}

static int socket_local_address(struct engine *engine, int fd, struct address *out)
{
	(void)engine;
	struct address found = { .size = sizeof found.storage };
	if (getsockname(fd, (struct sockaddr *)&found.storage, &found.size) != 0)
		return -errno;
	*out = found;
	return 0;
}

static int socket_peer_address(struct engine *engine, int fd, struct address *out)
{
	(void)engine;
	struct address found = { .size = sizeof found.storage };
	if (getpeername(fd, (struct sockaddr *)&found.storage, &found.size) != 0)
		return -errno;
	*out = found;
	return 0;
}

static int socket_congestion(struct engine *engine, int fd, char *text, size_t size)
{
	(void)engine;
	socklen_t length = (socklen_t)size;
	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, text, &length) != 0)
		return -errno;
	text[size - 1] = 0;
	return 0;
}

static int socket_traffic(struct engine *engine, int fd, struct stream_traffic *out)
{
	(void)engine;
	struct tcp_info info = { 0 };
	socklen_t size = sizeof info;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
		return -errno;
	*out = (struct stream_traffic){ info.tcpi_bytes_acked, info.tcpi_bytes_received };
	return 0;
}

const struct socket_calls socket_calls = {
	.configure = socket_configure,
	.listen = socket_listen,
	.local_address = socket_local_address,
	.peer_address = socket_peer_address,
	.congestion = socket_congestion,
	.traffic = socket_traffic,
};
