/*
 * InitProducerId, versions 0 to 5 (6 is not stable in Kafka 4.3.1), of producers that are only
 * idempotent: as Kafka does, each gets a new id and epoch 0, whatever it had before; a producer
 * that bumps its epoch itself (KIP-360) does so without asking.
 *
 * There is no transaction coordinator here. A transactional producer is told what any broker tells
 * it that does not coordinate its id, NOT_COORDINATOR; it then looks for the coordinator, which
 * needs FindCoordinator, and learns that the cluster does not have that.
 */
#include "exchange.h"
#include "proto/produce.h"
#include "stage.h"

#define NO_ID    (-1)
#define NO_EPOCH (-1)

static int16_t refusal(const struct init_producer_id_request *request)
{
	/* Both or none. */
	if ((request->producer_id == NO_ID) != (request->producer_epoch == NO_EPOCH))
		return ERROR_INVALID_REQUEST;
	if (string_is_null(request->transactional_id))
		return ERROR_NONE;
	return request->transactional_id.size == 0 ? ERROR_INVALID_REQUEST : ERROR_NOT_COORDINATOR;
}

void handle_init_producer_id(struct exchange *x)
{
	const struct init_producer_id_request *request = x->body;
	struct init_producer_id_response *response = exchange_alloc(x, sizeof *response);
	message_reset(&init_producer_id_response_message, response);
	response->error_code = refusal(request);
	response->producer_id = NO_ID;
	response->producer_epoch = NO_EPOCH;
	if (!response->error_code) {
		response->producer_id = x->stage->catalog.next_producer_id++;
		response->producer_epoch = 0;
	}
	exchange_answer(x, response);
}
