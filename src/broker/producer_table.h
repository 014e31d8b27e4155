/*
 * What is known of idempotent producers, partition by partition: epoch, sequences and offsets of
 * the last batches (Kafka's ProducerStateManager, ProducerStateEntry and ProducerAppendInfo, as of
 * 4.x: KIP-98, KIP-360). Pure; knows no bytes.
 *
 * One table serves all logs of a stage, so that one limit bounds it; when it is full, whoever has
 * been idle longest is forgotten. A producer that is not known may begin with any sequence: since
 * Kafka 2.5 nobody is told UNKNOWN_PRODUCER_ID. Idle time counts from the append, where Kafka takes
 * the newest timestamp among the producer's records.
 *
 * Transactions are not known here: InitProducerId of the stage gives out no transactional ids.
 */
#ifndef BROKER_PRODUCER_TABLE_H
#define BROKER_PRODUCER_TABLE_H

#include "base.h"
#include "list.h"

#define PRODUCERS_MAX    ((size_t)100000) /* of all partitions; some 25 MB */
#define PRODUCER_BATCHES 5                /* remembered, as many as a client may have in flight */

struct producer_entry;

struct producer_table {
	size_t count, limit;
	uint64_t forgotten_count; /* for want of room */

	/* private */
	struct producer_entry **buckets; /* by partition and id; a power of two of them */
	size_t bucket_count;
	struct list idle; /* all producers, the longest idle first */
};

/* The producers of one partition: embedded in its log, the key of what is known. */
struct producer_group {
	struct list producers;
};

/* A batch as its header describes it. */
struct producer_batch {
	int64_t producer_id;
	int16_t epoch;
	int32_t first_sequence, last_sequence;
};

/* Where a remembered batch is. */
struct producer_place {
	int64_t base_offset;
	int64_t max_timestamp_ms;
};

enum producer_verdict {
	PRODUCER_ACCEPTED,
	PRODUCER_DUPLICATE,    /* of a remembered batch */
	PRODUCER_OUT_OF_ORDER, /* OUT_OF_ORDER_SEQUENCE_NUMBER */
	PRODUCER_FENCED,       /* INVALID_PRODUCER_EPOCH */
};

/* 0 or -ENOMEM. */
int producer_table_open(struct producer_table *, size_t limit);
void producer_table_close(struct producer_table *);

void producer_group_init(struct producer_group *);
/* Forgets all producers of the partition. */
void producer_group_clear(struct producer_table *, struct producer_group *);

/* Changes nothing; *place is set for a duplicate. */
enum producer_verdict producer_check(const struct producer_table *, const struct producer_group *,
	const struct producer_batch *, struct producer_place *place);

/* The batch was accepted, and is appended there. Without memory the producer stays unknown, and so
 * may go on. */
void producer_remember(struct producer_table *, struct producer_group *,
	const struct producer_batch *, const struct producer_place *, int64_t now_ms);

/* Forgets producers of all partitions that were idle for so long or longer
 * (producer.id.expiration.ms). Kafka looks every ten minutes. */
void producer_table_expire(struct producer_table *, int64_t idle_ms, int64_t now_ms);

#endif
