/*
 * A producer: one producer id, its lanes (one per partition) and its links (connections to the
 * leaders). It is turned by its worker: producer_pump after every turn of the loop.
 */
#ifndef LOAD_PRODUCER_H
#define LOAD_PRODUCER_H

#include "lane.h"
#include "link.h"
#include "producer_identity.h"

struct producer {
	struct worker *worker;
	uint32_t index;       /* among all producers of the run */
	struct random random; /* jitter of back-offs: draws as often as time will have it */
	struct producer_identity identity;
	struct request identity_request;
	uint8_t identity_frame[512];
	struct iovec identity_piece;

	struct lane *lanes;
	int32_t lane_count;
	struct link **links;
	int32_t link_count;
	uint64_t link_epochs; /* numbers given to connections, for the queues */
};

/* 0 or -ENOMEM. */
int producer_init(struct producer *, struct worker *, uint32_t index);
void producer_free(struct producer *);

/* Takes over new metadata: which lane sends on which link. */
void producer_route(struct producer *);

/* Everything that it needs to start is there: an id, and a connection to every known leader. */
bool producer_ready(const struct producer *);

/* Sends what can be sent, books what has ended. */
void producer_pump(struct producer *, int64_t now_ns);

/* When it must be pumped again without anything having happened. */
int64_t producer_next_ns(struct producer *, int64_t now_ns);

/* Every batch has ended and, as long as records are taken up, none is due. */
bool producer_drained(struct producer *, bool taking, int64_t now_ns);

/* Closes all links; turn the loop until producer_closed, then producer_abort ends every batch. */
void producer_close(struct producer *);
bool producer_closed(const struct producer *);
void producer_abort(struct producer *, int64_t now_ns);

#endif
