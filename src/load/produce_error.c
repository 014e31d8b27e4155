/*
 * What proto's classification does not say: which refusals are certain. After Kafka's
 * UnifiedLog.append and ProducerAppendInfo: what is checked before the append is a refusal; what
 * can also come while the append waits for replicas is not. A leader that steps down says so to
 * requests that it has appended, too.
 */
#include "produce_error.h"

#include "proto/error.h"

static bool certainly_refused(int16_t error)
{
	static const int16_t refusals[] = {
		ERROR_CORRUPT_MESSAGE,
		ERROR_MESSAGE_TOO_LARGE,
		ERROR_INVALID_TOPIC_EXCEPTION,
		ERROR_RECORD_LIST_TOO_LARGE,
		ERROR_NOT_ENOUGH_REPLICAS,
		ERROR_INVALID_REQUIRED_ACKS,
		ERROR_TOPIC_AUTHORIZATION_FAILED,
		ERROR_CLUSTER_AUTHORIZATION_FAILED,
		ERROR_INVALID_TIMESTAMP,
		ERROR_UNSUPPORTED_VERSION,
		ERROR_UNSUPPORTED_FOR_MESSAGE_FORMAT,
		ERROR_POLICY_VIOLATION,
		ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER,
		ERROR_INVALID_PRODUCER_EPOCH,
		ERROR_UNKNOWN_PRODUCER_ID,
		ERROR_UNSUPPORTED_COMPRESSION_TYPE,
		ERROR_INVALID_RECORD,
		ERROR_THROTTLING_QUOTA_EXCEEDED,
		ERROR_PRODUCER_FENCED,
	};
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		if (refusals[i] == error)
			return true;
	}
	return false;
}

static enum produce_error_action action_of(int16_t error)
{
	switch (error) {
	case ERROR_CLUSTER_AUTHORIZATION_FAILED:
	case ERROR_UNSUPPORTED_VERSION:
	case ERROR_PRODUCER_FENCED:
		return PRODUCE_ERROR_PRODUCER_FATAL;
	case ERROR_CORRUPT_MESSAGE:
		/* Java retries. Ours would go out byte for byte the same, and TCP has a checksum.
		 */
		return PRODUCE_ERROR_FATAL;
	}
	switch (error_info(error)->action) {
	case ERROR_ACTION_NONE:
		return PRODUCE_ERROR_NONE;
	case ERROR_ACTION_RETRY:
	case ERROR_ACTION_REFRESH_METADATA:
		return PRODUCE_ERROR_RETRY;
	case ERROR_ACTION_NEW_EPOCH:
		return PRODUCE_ERROR_SEQUENCE;
	case ERROR_ACTION_REFRESH_COORDINATOR:
	case ERROR_ACTION_BOOTSTRAP:
	case ERROR_ACTION_REJOIN:
	case ERROR_ACTION_REJOIN_ANEW:
	case ERROR_ACTION_RESET_OFFSET:
	case ERROR_ACTION_NEW_SESSION:
	case ERROR_ACTION_FATAL:
		break;
	}
	return PRODUCE_ERROR_FATAL;
}

struct produce_error_class produce_error_classify(int16_t error)
{
	return (struct produce_error_class){
		.action = action_of(error),
		.refused = certainly_refused(error),
		.refresh_metadata = error_info(error)->action == ERROR_ACTION_REFRESH_METADATA,
	};
}

bool identity_error_retriable(int16_t error)
{
	return error_info(error)->retriable;
}

int64_t retry_backoff_ns(int64_t base_ns, int64_t max_ns, int32_t failures, struct random *random)
{
	int64_t backoff_ns = MIN(base_ns, max_ns);
	while (failures-- > 0 && backoff_ns < max_ns)
		backoff_ns = backoff_ns > max_ns / 2 ? max_ns : backoff_ns * 2;
	return (int64_t)((double)backoff_ns * (0.8 + 0.4 * random_unit(random)));
}
