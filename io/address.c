/* Names to addresses and addresses to text, for io/address.h. */
#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

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

uint16_t address_port(const struct address *address)
{
	if (address->storage.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
	return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

const char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
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
