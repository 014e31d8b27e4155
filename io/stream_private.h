/* How a stream's parts divide the work: stream.c its life, stream_receive.c, stream_send.c. */
#ifndef IO_STREAM_PRIVATE_H
#define IO_STREAM_PRIVATE_H

#include "io/stream.h"
#include "loop_private.h"

enum stream_state {
	STREAM_CLOSED, /* a zeroed stream is one */
	STREAM_CONNECTING,
	STREAM_OPEN,
	STREAM_CLOSING, /* operations are being taken back */
};

enum stream_mode { MODE_FRAMES, MODE_BULK, MODE_INTO, MODE_SKIP };

enum stream_armed {
	ARMED_NOTHING,
	ARMED_MULTISHOT,  /* into small buffers, until told otherwise */
	ARMED_SINGLE,     /* into one small buffer */
	ARMED_REASSEMBLY, /* straight into the reassembly buffer */
	ARMED_IN_PLACE,   /* straight into the slab or the owner's memory */
	ARMED_SKIP,
};

/* stream.c */

/* Takes an accepted socket, in every case. `opened` follows at once, or `closed` when it failed. */
void stream_accept(struct loop *loop, struct stream *stream, int fd, sa_family_t family,
	const struct stream_options *options, const struct stream_events *events);
/* At the start of a turn, for a stream that queued itself. */
void stream_work(struct stream *stream);
void stream_work_later(struct stream *stream);
/* The connection is over: takes back what is in flight. The end comes with stream_settle. */
void stream_fail(struct stream *stream, int reason);
/* At the end of every completion: ends the stream if nothing is in flight. It may be gone then. */
void stream_settle(struct stream *stream);

/* stream_receive.c */

void stream_receive_init(struct stream *stream);
/* Gives the owner what is here, as far as it wants it. */
void stream_receive_deliver(struct stream *stream);
/* Arms or takes back the receive, as the mode demands. */
void stream_receive_update(struct stream *stream);
void stream_receive_cancel(struct stream *stream);
/* Gives back buffers and slab. */
void stream_receive_release(struct stream *stream);

/* stream_send.c */

void stream_send_init(struct stream *stream);
/* Hands the next gathered message to the engine, if there is one and none in flight. */
void stream_send_flush(struct stream *stream);
/* Completes what is queued. */
void stream_send_abandon(struct stream *stream, int result);

#endif
