/* What the engines on real sockets share: making, tuning and ending sockets. Private to io. */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include "io/stream.h"

/* TCP or AF_UNIX, close-on-exec; `flags` as for socket(2), e.g. SOCK_NONBLOCK. The fd or -errno. */
int socket_create(int family, int flags);

/* Before connect, or after accept; what is TCP's is left out elsewhere. 0 or -errno. */
int socket_configure(int fd, sa_family_t family, const struct stream_options *options);

/* Closes: with a FIN, or at once with a RST. */
void socket_discard(int fd, bool reset);

/* 0 or -errno. */
int socket_listen(int fd, const struct address *address, int backlog);
int socket_local_address(int fd, struct address *out);
int socket_peer_address(int fd, struct address *out);

#endif
