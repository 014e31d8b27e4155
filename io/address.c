/* Names to addresses and addresses to text, for io/address.h. */
#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

static int resolve_error(int status)
{
	switch (status) {
	case EAI_SYSTEM:
		return errno ? -errno : -EIO;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_AGAIN:
		return -EAGAIN;
	default:
		return -ENOENT;
	}
}

int address_resolve(const char *host, uint16_t port, struct address *out, size_t count)
{
	char service[8];
	snprintf(service, sizeof service, "%u", (unsigned)port);
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *found;
	int status = getaddrinfo(host, service, &hints, &found);
	if (status != 0)
		return resolve_error(status);
	size_t used = 0;
	for (struct addrinfo *a = found; a && used < count; a = a->ai_next) {
		if (a->ai_addrlen > sizeof out->storage)
			continue;
		out[used] = (struct address){ .size = a->ai_addrlen };
		memcpy(&out[used].storage, a->ai_addr, a->ai_addrlen);
		used++;
	}
	freeaddrinfo(found);
	return used > 0 ? (int)used : -ENOENT;
}

int address_unix(const char *path, struct address *out)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t size = strlen(path);
	if (size == 0)
		return -EINVAL; /* the kernel would choose a name of its own */
	if (size >= sizeof name.sun_path)
		return -ENAMETOOLONG;
	memcpy(name.sun_path, path, size);
	*out = (struct address){
		.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1),
	};
	memcpy(&out->storage, &name, out->size);
	return 0;
}

uint16_t address_port(const struct address *address)
{
	if (address->storage.ss_family == AF_UNIX)
		return 0;
	if (address->storage.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
	return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

/* The kernel's answer need not end with a zero; a socket without a name has no path at all. */
static const char *format_unix(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
	const struct sockaddr_un *name = (const struct sockaddr_un *)&address->storage;
	size_t start = offsetof(struct sockaddr_un, sun_path);
	size_t size = address->size > start ? address->size - start : 0;
	size = strnlen(name->sun_path, MIN(size, sizeof name->sun_path));
	snprintf(text, ADDRESS_TEXT_SIZE, "unix:%.*s", (int)size, name->sun_path);
	return text;
}

const char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
	if (address->storage.ss_family == AF_UNIX)
		return format_unix(address, text);
	char host[INET6_ADDRSTRLEN] = "?";
	bool six = address->storage.ss_family == AF_INET6;
	const void *number =
		six ? (const void *)&((const struct sockaddr_in6 *)&address->storage)->sin6_addr
		    : (const void *)&((const struct sockaddr_in *)&address->storage)->sin_addr;
	if (six || address->storage.ss_family == AF_INET)
		inet_ntop(address->storage.ss_family, number, host, sizeof host);
	snprintf(text, ADDRESS_TEXT_SIZE, six ? "[%s]:%u" : "%s:%u", host,
		(unsigned)address_port(address));
	return text;
}
