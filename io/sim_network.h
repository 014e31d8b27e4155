/*
 * The simulated network below engine_sim.c: sockets, the bytes between them, the clock and what is
 * yet to happen. It knows no loop. Private to io.
 */
#ifndef IO_SIM_NETWORK_H
#define IO_SIM_NETWORK_H

#include <stdatomic.h>
#include <sys/uio.h>

#include "engine.h"
#include "io/address.h"
#include "io/sim.h"
#include "io/stream.h"
#include "random.h"

#define SIM_FD_BASE       (1 << 24) /* above every real descriptor */
#define SIM_PIECES_MAX    4         /* that one send is cut into on the way */
#define SIM_PORT_FIRST    32768     /* of those that nobody asked for by number */
#define SIM_CONNECT_RETRY NS_PER_S  /* of a connect to a full backlog */

enum sim_state { SIM_FRESH, SIM_LISTENING, SIM_CONNECTING, SIM_CONNECTED };

enum sim_kind { SIM_CONNECT, SIM_ACCEPT, SIM_RECEIVE, SIM_RECEIVE_PROVIDED, SIM_SEND };

/* One armed operation; a socket has room for one of each direction. */
struct sim_operation {
	struct op *op;
	enum sim_kind kind;
	bool armed; /* its last completion has not been made */
	bool multishot, whole;
	unsigned undelivered; /* completions made and not reaped */
	unsigned queued;      /* of these, the ones that are late */
	int64_t last_ns;      /* when the latest of them is due */
	uint8_t *data;        /* receive: NULL drops */
	size_t size, done;
	struct iovec *iovecs; /* send: a copy, the bytes are the owner's */
	size_t iovec_count, iovec_capacity;
	uint64_t checksum; /* of the bytes to send, when they were handed over */
};

/* A stretch of bytes that arrives at once. */
struct sim_piece {
	uint64_t end; /* counted from the first byte of the connection */
	int64_t arrival_ns;
};

/* The bytes on their way to one socket, and those that wait there. */
struct sim_pipe {
	uint8_t *data; /* a ring */
	size_t capacity;
	uint64_t written, arrived, read; /* counted from the first byte of the connection */
	struct sim_piece *pieces;        /* those on their way are from piece_first on */
	size_t piece_first, piece_count, piece_capacity;
	int64_t last_arrival_ns;
	int64_t end_ns, reset_ns; /* when a FIN, a RST arrives; NEVER_NS */
};

struct sim_socket {
	uint64_t id; /* never used again, unlike the descriptor */
	int fd;
	enum sim_state state;
	bool shut;
	int broken;                             /* -errno once the connection is */
	struct sim_operation transmit, receive; /* connect and send; accept and receive */
	struct address local, remote;
	int send_buffer_size, receive_buffer_size;
	char congestion[STREAM_CONGESTION_SIZE];
	/* connected */
	uint64_t connection;
	bool client;
	struct sim_socket *peer; /* NULL when it is gone */
	struct sim_pipe in;
	/* listening: who has connected and was not accepted */
	struct sim_socket *first_waiting, *last_waiting;
	int backlog_count, backlog_limit;
	struct sim_socket *next_waiting; /* of a listener's */
};

enum sim_event_kind {
	SIM_EVENT_SOCKET,     /* something may be possible on it now */
	SIM_EVENT_CONNECT,    /* its connect reaches the other side */
	SIM_EVENT_COMPLETION, /* a late one */
};

struct sim_event {
	int64_t at_ns;
	uint64_t order;
	enum sim_event_kind kind;
	int fd;
	uint64_t id;
	struct sim_operation *operation; /* NULL: of a cancel */
	struct completion completion;
};

struct sim_ready {
	struct completion completion;
	struct sim_operation *operation;
};

struct sim {
	struct sim_options options;
	struct sim_faults faults;
	struct random random;
	int64_t now_ns;
	struct sim_counts counts;

	struct sim_socket **sockets;
	size_t socket_count, socket_capacity, open_count;
	uint64_t next_id;
	uint16_t next_port;

	struct sim_event *events; /* a heap */
	size_t event_count, event_capacity;
	uint64_t next_order;

	/* the engine's */
	struct engine engine;
	bool open;
	bool wait_all, multishot_accept;
	struct op *wake;
	atomic_bool woken;
	struct sim_ready *ready; /* a queue; what was reaped is before ready_first */
	size_t ready_first, ready_count, ready_capacity;
	size_t buffer_size, buffer_count, free_count;
	uint8_t *buffers;
	uint32_t *free_buffers;
	uint32_t *buffer_used; /* bytes in each that is out; UINT32_MAX: it is not out */
};

/* Ends the process after one line: who uses the sim broke a rule. */
_Noreturn void sim_violation(const struct sim *sim, const char *what);

bool sim_chance(struct sim *sim, uint32_t millionths);

/* ---- what is yet to happen ---- */

void sim_event_add(struct sim *sim, struct sim_event event);
/* When the next is due, or NEVER_NS. */
int64_t sim_event_next_ns(const struct sim *sim);
/* Whether one is due; takes it out. */
bool sim_event_take(struct sim *sim, struct sim_event *out);
/* Something may be possible on the socket at that time. */
void sim_socket_stir(struct sim *sim, const struct sim_socket *socket, int64_t at_ns);

/* ---- sockets ---- */

/* A new one, or NULL without memory. */
struct sim_socket *sim_socket_new(struct sim *sim, sa_family_t family);
/* The one of that descriptor; it must be there. */
struct sim_socket *sim_socket_of(const struct sim *sim, int fd);
/* Ends it: with a FIN, or a RST (also when bytes are left unread, as TCP has it). */
void sim_socket_end(struct sim *sim, struct sim_socket *socket, bool reset);
/* Both directions end, the socket stays. */
void sim_socket_shut(struct sim *sim, struct sim_socket *socket);

/* 0 or -errno, as bind and listen. */
int sim_listen(
	struct sim *sim, struct sim_socket *socket, const struct address *address, int backlog);
/*
 * A connect arrives: 0 and both sockets are connected, the other one waiting in the listener's
 * backlog; -ECONNREFUSED; -EAGAIN when the backlog is full.
 */
int sim_connect(struct sim *sim, struct sim_socket *socket);
/* The next of a listener's backlog, or NULL. */
struct sim_socket *sim_accept(struct sim_socket *listener);

/* ---- bytes ---- */

/* Bytes that the peer's pipe takes now; SIZE_MAX when nobody is there to fill. */
size_t sim_room(const struct sim_socket *socket);
/* Sends bytes on their way; at most sim_room of them. */
void sim_write(struct sim *sim, struct sim_socket *socket, const uint8_t *data, size_t size);
/* After the sim_writes of one operation: cuts what was written into pieces that arrive. */
void sim_write_end(struct sim *sim, struct sim_socket *socket, size_t size);
/* Bytes that have arrived and were not read. */
size_t sim_available(struct sim *sim, struct sim_socket *socket);
/* Takes some of them; data NULL: drops. */
void sim_read(struct sim *sim, struct sim_socket *socket, uint8_t *data, size_t size);
/* The connection breaks on this side now; on the other soon, with what was on its way cut. */
void sim_break(struct sim *sim, struct sim_socket *socket);

/* ---- operations: sim_operation.c ---- */

/* Marks, or sums up, the memory of an operation; the check ends the process if it was touched. */
void sim_watch(struct sim_operation *operation);
void sim_watch_check(const struct sim *sim, const struct sim_operation *operation);
/* Makes a completion, not due before earliest_ns; `operation` is NULL for a cancel, which has no
 * memory. */
void sim_complete(struct sim *sim, struct op *op, struct sim_operation *operation, int result,
	uint32_t flags, int64_t earliest_ns);
/* Makes the operation's last one. */
void sim_finish(struct sim *sim, struct sim_operation *operation, int result, uint32_t flags);
/* Runs what is due. Returns whether there are completions to reap. */
bool sim_events_run(struct sim *sim);

#endif
