/*
 * A connection over TCP or a Unix socket: bytes in by four modes, gathered sends out, one orderly
 * end.
 *
 * A stream is embedded in its owner. stream_connect, or a listener, starts it; from then on it must
 * stay where it is until `closed` was called, which happens exactly once, after the last operation
 * that could touch its memory. Inside `closed`, and after it, the owner may free the stream or
 * connect again. No callback runs inside a function of this header: they come from loop_turn.
 *
 * Receiving. Small data goes to `received`. When a frame announces that it is large, the owner asks
 * (from inside `received`, at most once per call) for the bytes behind those that it consumed to be
 * collected in one slab, stream_receive_bulk, or in memory of the owner's, stream_receive_into, or
 * to be dropped unread, stream_skip; then `bulk`, `filled` or `skipped` follows, and what comes
 * after is given to `received` again.
 *
 * Sending. Sends queue in order; one gathered kernel operation per connection is in flight at a
 * time and takes all that is ready, up to options.gather_size bytes.
 *
 * Over a Unix socket (address_unix) the options that belong to TCP are ignored, skipped bytes are
 * read into memory that the next ones overwrite, and a reset is a close.
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <errno.h>
#include <sys/uio.h>

#include "base.h"
#include "io/address.h"
#include "io/buffers.h"
#include "io/loop.h"
#include "list.h"

#define STREAM_GATHER_SIZE     ((size_t)256 * 1024) /* default bytes per kernel send */
#define STREAM_GATHER_COUNT    1024                 /* iovecs per kernel send: IOV_MAX */
#define STREAM_REASSEMBLY_SIZE ((size_t)16 * 1024)  /* default */
#define STREAM_CONGESTION_SIZE ((size_t)16)         /* TCP_CA_NAME_MAX */
#define STREAM_PEER_CLOSED     (-EPIPE)             /* `closed`: the peer ended the connection */

struct stream;

/*
 * arrived_ns is the loop's clock right after the wait that brought the (last of the) bytes: user
 * space's view, tens of microseconds behind the wire. Kernel receive stamps will replace its source
 * without changing its meaning.
 */
struct stream_events {
	/*
	 * Connected or accepted (0), or the connect failed (-errno, and `closed` follows with the
	 * same). Not called when the stream is closed while it connects.
	 */
	void (*opened)(struct stream *stream, int result);
	/*
	 * Contiguous bytes, valid during the call. Returns how many of them are consumed; the rest
	 * is presented again, contiguous, together with what arrives next (at once after bulk, skip
	 * and resume). An owner that leaves reassembly_size bytes unconsumed and asks for neither
	 * bulk nor skip has its stream fail with -EMSGSIZE.
	 */
	size_t (*received)(
		struct stream *stream, const uint8_t *data, size_t size, int64_t arrived_ns);
	/* The bytes asked for, slab->size of them. The owner is its user: slab_release. */
	void (*bulk)(struct stream *stream, struct slab *slab, int64_t arrived_ns);
	/* The bytes asked for are in the owner's memory (stream_receive_into). */
	void (*filled)(struct stream *stream, uint8_t *memory, size_t size, int64_t arrived_ns);
	/* The bytes asked for are gone. */
	void (*skipped)(struct stream *stream, size_t size, int64_t arrived_ns);
	/*
	 * The end: 0 when the owner asked for it, STREAM_PEER_CLOSED when the peer did in order,
	 * else -errno. All sends have been completed before. May free the stream.
	 */
	void (*closed)(struct stream *stream, int reason);
};

/* Zero means the default, everywhere. */
struct stream_options {
	bool delay;                   /* leave Nagle's algorithm on; off by default */
	const char *congestion;       /* TCP_CONGESTION, e.g. "cubic"; NULL: the system's */
	const struct address *source; /* bind to it first; NULL: any */
	int send_buffer_size;         /* SO_SNDBUF; 0: the kernel tunes it */
	int receive_buffer_size;      /* SO_RCVBUF; 0: the kernel tunes it */
	size_t gather_size;           /* bytes per kernel send at most */
	size_t reassembly_size;       /* the largest frame that `received` must see whole */
};

/* Bytes to be sent, embedded in their owner. */
struct send {
	/*
	 * The memory is yours again: 0 when the kernel has taken all bytes; -errno when the stream
	 * failed or (-ECANCELED) was closed first, and then any part may have gone out. Called
	 * exactly once per stream_send, in order.
	 */
	void (*done)(struct send *send, int result);
	/* The array and what it points at stay untouched and in place until `done`. */
	const struct iovec *iov;
	int count;
	/* The clock right before the first byte was handed to the kernel; 0 until then. */
	int64_t submitted_ns;
	/* private */
	size_t size;
	struct list node;
};

/*
 * Bytes so far. Over TCP those that the peer has acknowledged and those that have come to this
 * machine, also in the middle of an operation that waits for more; else those of operations that
 * have completed.
 */
struct stream_traffic {
	uint64_t sent, received;
};

struct stream {
	void *owner; /* the owner's own; never read here */

	/* Everything below is private. */
	const struct stream_events *events;
	struct loop *loop;
	int fd;
	uint8_t state;
	bool reset;         /* end with a RST */
	int reason;         /* for `closed` */
	unsigned in_flight; /* operations whose last completion has not come */
	struct list work;   /* queued for the start of the next turn */
	struct op receive, transmit, cancel_receive, cancel_transmit; /* transmit: also connects */
	bool transmit_armed, cancel_receive_armed;

	/* receiving */
	uint8_t armed;          /* what kind of receive is in flight */
	uint8_t mode;           /* what comes next: frames, bulk, into, skip */
	uint8_t small_receives; /* since the last of the other modes, saturating */
	bool paused, in_received;
	bool unseen; /* the reassembly buffer holds bytes that `received` has not seen */
	int ended;   /* the end or an error, met after the bytes that are here already */
	size_t mode_size, mode_left; /* of bulk, into, skip */
	uint8_t *target;             /* what bulk and into fill: mode_size bytes */
	bool local; /* a Unix socket: no TCP options, and nothing is dropped unread */
	struct slab *slab;
	struct slab_waiter slab_waiter;
	uint8_t *reassembly;
	size_t reassembly_size, reassembly_start, reassembly_end;
	uint32_t held_first, held_last; /* small buffers not given to the owner yet */
	int64_t arrived_ns;

	struct stream_traffic traffic; /* of operations that have completed */

	/* sending */
	struct list sends;
	size_t queued_bytes, gather_size;
	size_t sent; /* of the first send in the queue */
	struct address address;
};

/*
 * Starts to connect. 0: the stream is alive and `opened` or `closed` will follow. -errno: nothing
 * happened (no descriptor left, unknown congestion control -ENOENT, source not ours, ...). Options
 * are read now; events must outlive the stream.
 */
int stream_connect(struct loop *loop, struct stream *stream, const struct address *address,
	const struct stream_options *options, const struct stream_events *events);

/*
 * Queues a send; it is handed to the kernel at the start of the next turn. Allowed in every state
 * from stream_connect until `closed`: before `opened` it waits, after stream_close or a failure it
 * completes with the error.
 */
void stream_send(struct stream *stream, struct send *send);

/* Bytes of sends that are not done. */
size_t stream_queued_bytes(const struct stream *stream);

/*
 * From `received` only: the next `size` bytes after the consumed ones go into one slab. 0, or
 * -EMSGSIZE when `size` exceeds the slab size (the owner will want to skip or close). While the
 * pool is empty the stream stops reading and goes on when a slab is released.
 */
int stream_receive_bulk(struct stream *stream, size_t size);
/*
 * From `received` only: the next `size` bytes after the consumed ones go to `memory`, which must
 * stay untouched and in place until `filled` or `closed`. Those that have arrived already are
 * copied, the others are received in place.
 */
void stream_receive_into(struct stream *stream, uint8_t *memory, size_t size);
/* From `received` only: the next `size` bytes after the consumed ones are dropped unread. */
void stream_skip(struct stream *stream, size_t size);

/* A system call over TCP: for looks at a stream that may be stuck, not for every operation. */
void stream_traffic(const struct stream *stream, struct stream_traffic *out);

/*
 * No more callbacks for data until stream_resume; the peer sees a closing window. The peer's end is
 * noticed only by a send, or after stream_resume.
 */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/*
 * Ends the stream with a FIN (RST if received bytes were left unread, as TCP has it): stops the
 * armed operations, completes all sends that the kernel has not taken (-ECANCELED), closes the
 * socket, calls `closed`. What the kernel took is still delivered. Does not wait for the peer.
 * Closing twice is harmless; a reset overtakes a close.
 */
void stream_close(struct stream *stream);
/* The same with a RST, within a turn or two; what the kernel has not delivered is lost. */
void stream_reset(struct stream *stream);

/* The congestion control in effect. Returns `text`, empty when the stream has no socket. */
const char *stream_congestion(const struct stream *stream, char text[STREAM_CONGESTION_SIZE]);

/* Whether the kernel has it: 0, -ENOENT, or -EPERM (see tcp_allowed_congestion_control in tcp(7)).
 */
int stream_congestion_check(const char *congestion);

/* This end's and the other end's address. 0 or -errno. */
int stream_local_address(const struct stream *stream, struct address *out);
int stream_peer_address(const struct stream *stream, struct address *out);

#endif
