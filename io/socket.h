/* What the engines on real sockets share: making, tuning and ending sockets. Private to io. */
#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include "engine.h"
#include "io/stream.h"

/* TCP or AF_UNIX, close-on-exec; `flags` as for socket(2), e.g. SOCK_NONBLOCK. The fd or -errno. */
int socket_create(int family, int flags);

/* Closes: with a FIN, or at once with a RST. */
void socket_discard(int fd, bool reset);

/* For engine_class.sockets. */
extern const struct socket_calls socket_calls;

#endif
