/*
 * The codes that a Produce or InitProducerId response may carry, each with what follows from it.
 * After Kafka's Errors, UnifiedLog.append and ProducerAppendInfo: what is checked before the append
 * is a refusal; what can also come while the append waits for replicas is not.
 */
#include "produce_error.h"

enum {
	UNKNOWN_SERVER_ERROR = -1,
	NONE = 0,
	CORRUPT_MESSAGE = 2,
	UNKNOWN_TOPIC_OR_PARTITION = 3,
	LEADER_NOT_AVAILABLE = 5,
	NOT_LEADER_OR_FOLLOWER = 6,
	REQUEST_TIMED_OUT = 7,
	BROKER_NOT_AVAILABLE = 8,
	REPLICA_NOT_AVAILABLE = 9,
	MESSAGE_TOO_LARGE = 10,
	NETWORK_EXCEPTION = 13,
	COORDINATOR_LOAD_IN_PROGRESS = 14,
	COORDINATOR_NOT_AVAILABLE = 15,
	NOT_COORDINATOR = 16,
	INVALID_TOPIC_EXCEPTION = 17,
	RECORD_LIST_TOO_LARGE = 18,
	NOT_ENOUGH_REPLICAS = 19,
	NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20,
	INVALID_REQUIRED_ACKS = 21,
	TOPIC_AUTHORIZATION_FAILED = 29,
	CLUSTER_AUTHORIZATION_FAILED = 31,
	INVALID_TIMESTAMP = 32,
	UNSUPPORTED_VERSION = 35,
	UNSUPPORTED_FOR_MESSAGE_FORMAT = 43,
	POLICY_VIOLATION = 44,
	OUT_OF_ORDER_SEQUENCE_NUMBER = 45,
	DUPLICATE_SEQUENCE_NUMBER = 46,
	INVALID_PRODUCER_EPOCH = 47,
	CONCURRENT_TRANSACTIONS = 51,
	KAFKA_STORAGE_ERROR = 56,
	UNKNOWN_PRODUCER_ID = 59,
	FENCED_LEADER_EPOCH = 74,
	UNKNOWN_LEADER_EPOCH = 75,
	UNSUPPORTED_COMPRESSION_TYPE = 76,
	INVALID_RECORD = 87,
	THROTTLING_QUOTA_EXCEEDED = 89,
	PRODUCER_FENCED = 90,
	UNKNOWN_TOPIC_ID = 100,
};

static const struct {
	int16_t error;
	struct produce_error_class is;
} table[] = {
	/* error, { action, refused, refresh_metadata } */
	{ NONE, { PRODUCE_ERROR_NONE, false, false } },
	/* Written by an earlier attempt, too long ago for the leader to know its offset. */
	{ DUPLICATE_SEQUENCE_NUMBER, { PRODUCE_ERROR_NONE, false, false } },

	/* A leader that steps down says so to requests that it has appended, too. */
	{ NOT_LEADER_OR_FOLLOWER, { PRODUCE_ERROR_RETRY, false, true } },
	{ LEADER_NOT_AVAILABLE, { PRODUCE_ERROR_RETRY, false, true } },
	{ UNKNOWN_TOPIC_OR_PARTITION, { PRODUCE_ERROR_RETRY, false, true } },
	{ UNKNOWN_TOPIC_ID, { PRODUCE_ERROR_RETRY, false, true } },
	{ FENCED_LEADER_EPOCH, { PRODUCE_ERROR_RETRY, false, true } },
	{ UNKNOWN_LEADER_EPOCH, { PRODUCE_ERROR_RETRY, false, true } },
	{ KAFKA_STORAGE_ERROR, { PRODUCE_ERROR_RETRY, false, true } },
	{ BROKER_NOT_AVAILABLE, { PRODUCE_ERROR_RETRY, false, true } },
	{ REPLICA_NOT_AVAILABLE, { PRODUCE_ERROR_RETRY, false, true } },
	{ NETWORK_EXCEPTION, { PRODUCE_ERROR_RETRY, false, true } },
	{ REQUEST_TIMED_OUT, { PRODUCE_ERROR_RETRY, false, false } },
	{ NOT_ENOUGH_REPLICAS_AFTER_APPEND, { PRODUCE_ERROR_RETRY, false, false } },
	{ NOT_ENOUGH_REPLICAS, { PRODUCE_ERROR_RETRY, true, false } },
	{ THROTTLING_QUOTA_EXCEEDED, { PRODUCE_ERROR_RETRY, true, false } },

	{ OUT_OF_ORDER_SEQUENCE_NUMBER, { PRODUCE_ERROR_SEQUENCE, true, false } },
	{ UNKNOWN_PRODUCER_ID, { PRODUCE_ERROR_SEQUENCE, true, false } },
	{ INVALID_PRODUCER_EPOCH, { PRODUCE_ERROR_SEQUENCE, true, false } },

	/* Java retries a corrupt message. Ours are resent byte for byte, and TCP has a checksum. */
	{ CORRUPT_MESSAGE, { PRODUCE_ERROR_FATAL, true, false } },
	{ MESSAGE_TOO_LARGE, { PRODUCE_ERROR_FATAL, true, false } },
	{ RECORD_LIST_TOO_LARGE, { PRODUCE_ERROR_FATAL, true, false } },
	{ INVALID_RECORD, { PRODUCE_ERROR_FATAL, true, false } },
	{ INVALID_TIMESTAMP, { PRODUCE_ERROR_FATAL, true, false } },
	{ INVALID_TOPIC_EXCEPTION, { PRODUCE_ERROR_FATAL, true, false } },
	{ INVALID_REQUIRED_ACKS, { PRODUCE_ERROR_FATAL, true, false } },
	{ POLICY_VIOLATION, { PRODUCE_ERROR_FATAL, true, false } },
	{ TOPIC_AUTHORIZATION_FAILED, { PRODUCE_ERROR_FATAL, true, false } },
	{ UNSUPPORTED_FOR_MESSAGE_FORMAT, { PRODUCE_ERROR_FATAL, true, false } },
	{ UNSUPPORTED_COMPRESSION_TYPE, { PRODUCE_ERROR_FATAL, true, false } },
	{ UNKNOWN_SERVER_ERROR, { PRODUCE_ERROR_FATAL, false, false } },

	{ CLUSTER_AUTHORIZATION_FAILED, { PRODUCE_ERROR_PRODUCER_FATAL, true, false } },
	{ UNSUPPORTED_VERSION, { PRODUCE_ERROR_PRODUCER_FATAL, true, false } },
	{ PRODUCER_FENCED, { PRODUCE_ERROR_PRODUCER_FATAL, true, false } },
};

struct produce_error_class produce_error_classify(int16_t error)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		if (table[i].error == error)
			return table[i].is;
	}
	return (struct produce_error_class){ PRODUCE_ERROR_FATAL, false, false };
}

bool identity_error_retriable(int16_t error)
{
	switch (error) {
	case REQUEST_TIMED_OUT:
	case BROKER_NOT_AVAILABLE:
	case NETWORK_EXCEPTION:
	case COORDINATOR_LOAD_IN_PROGRESS:
	case COORDINATOR_NOT_AVAILABLE:
	case NOT_COORDINATOR:
	case CONCURRENT_TRANSACTIONS:
	case THROTTLING_QUOTA_EXCEEDED:
		return true;
	}
	return false;
}

int64_t retry_backoff_ns(int64_t base_ns, int64_t max_ns, int32_t failures, struct random *random)
{
	int64_t backoff_ns = MIN(base_ns, max_ns);
	while (failures-- > 0 && backoff_ns < max_ns)
		backoff_ns = backoff_ns > max_ns / 2 ? max_ns : backoff_ns * 2;
	return (int64_t)((double)backoff_ns * (0.8 + 0.4 * random_unit(random)));
}
