/* Socket addresses: resolved at set-up (this may block), printed for people. */
#ifndef IO_ADDRESS_H
#define IO_ADDRESS_H

#include <sys/socket.h>

#include "base.h"

#define ADDRESS_TEXT_SIZE ((size_t)128) /* holds any address_format */

struct address {
	struct sockaddr_storage storage;
	socklen_t size;
};

/*
 * Resolves a host name or numeric address with getaddrinfo; blocks, so not for the data path.
 * Writes at most `count` TCP addresses in the resolver's order of preference and returns how many,
 * or -ENOENT (no such host), -EAGAIN (the resolver failed for now), -ENOMEM, another -errno.
 */
int address_resolve(const char *host, uint16_t port, struct address *out, size_t count);

/* A Unix socket's path, for listeners and streams: 0, -ENAMETOOLONG, or -EINVAL when empty. */
int address_unix(const char *path, struct address *out);

/* "127.0.0.1:9092", "[::1]:9092" or "unix:/run/x" ("unix:" without a name). Returns `text`. */
const char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);

/* 0 for a Unix socket. */
uint16_t address_port(const struct address *address);

#endif
