/*
 * Everything that `harrow produce` can be told. Plain values, checked against each other; no
 * behaviour.
 */
#ifndef HARROW_PRODUCE_OPTIONS_H
#define HARROW_PRODUCE_OPTIONS_H

#include "proto/compress.h"

#include "../load/payload.h"
#include "../load/schedule.h"
#include "../options.h"

#define PRODUCE_RECORD_SIZE_MAX          ((int64_t)64 * 1024 * 1024)
#define PRODUCE_BATCH_SIZE_MAX           ((int64_t)64 * 1024 * 1024)
#define PRODUCE_SIZE_OF_LINES            INT64_C(-1) /* --payload file:PATH without --size */
#define PRODUCE_IDEMPOTENT_IN_FLIGHT_MAX 5

/* Values are Kafka's own. */
enum produce_acks { PRODUCE_ACKS_NONE = 0, PRODUCE_ACKS_LEADER = 1, PRODUCE_ACKS_ALL = -1 };
enum produce_cleanup { PRODUCE_CLEANUP_KEEP, PRODUCE_CLEANUP_DELETE };
enum produce_format { PRODUCE_FORMAT_TEXT, PRODUCE_FORMAT_JSON };
enum produce_pace { PRODUCE_PACE_SLEEP };

struct produce_payload {
	enum payload_kind kind;
	const char *path; /* of PAYLOAD_LINES */
};

struct produce_key {
	enum key_kind kind;
	int64_t distinct; /* of KEY_RANDOM: how many different keys there are */
};

struct produce_config {
	/* where */
	struct endpoint_list bootstrap;
	const char *topic; /* NULL: a fresh one */
	bool existing;
	int64_t cleanup; /* enum produce_cleanup */
	int64_t partitions;
	int64_t replication_factor; /* -1: the broker's default */
	struct option_pairs topic_config;
	/* how much */
	int64_t records;     /* 0: no bound */
	int64_t duration_ns; /* 0: no bound; whichever bound comes first ends the run */
	struct rate rate;    /* RATE_NONE: closed loop */
	int64_t arrivals;    /* enum arrivals */
	int64_t warmup_ns, drain_ns;
	/* what */
	int64_t size; /* bytes of a value, or PRODUCE_SIZE_OF_LINES */
	struct produce_payload payload;
	struct produce_key key;
	int64_t key_size;
	struct header_content headers;
	struct skew partition_skew;
	bool stamp, verify_read;
	/* how */
	int64_t acks; /* enum produce_acks */
	bool idempotence;
	int64_t codec; /* enum codec */
	int64_t level; /* CODEC_LEVEL_DEFAULT: the codec's own */
	int64_t batch_size;
	int64_t batch_records; /* 0: no limit */
	int64_t linger_ns;
	int64_t in_flight;   /* produce requests per connection */
	int64_t connections; /* per broker and producer */
	int64_t producers, threads;
	int64_t request_timeout_ns, delivery_timeout_ns, retry_backoff_ns;
	const char *client_id;
	const char *tcp_cc;  /* NULL: the system's */
	int64_t engine;      /* enum loop_engine */
	const char *io_caps; /* NULL: the best that the kernel has */
	int64_t pace;        /* enum produce_pace */
	/* report */
	int64_t format; /* enum produce_format */
	const char *out;
	const char *config;
	int64_t seed;
	bool quiet;
};

extern const struct option_table produce_options;

/*
 * Reads the arguments after "produce" (with the --config file that they name) into set and config,
 * and checks them against each other. `seed` is used unless one was given. 0; or -EINVAL with
 * set->error. With set->wants_help nothing else is checked. options_free the set in any case.
 */
int produce_options_read(struct option_set *set, struct produce_config *config, int count,
	char *const arguments[], int64_t seed);

#endif
