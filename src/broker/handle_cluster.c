/*
 * ApiVersions (KIP-35, KIP-511) and DescribeCluster (KIP-700, KIP-919): what the broker is and
 * speaks. A version of ApiVersions that it does not speak is the session's business.
 *
 * No feature is announced: features are of groups, transactions and the quorum's records.
 */
#include "exchange.h"
#include "operations.h"
#include "proto/cluster.h"
#include "stage.h"

#define SOFTWARE_NAME_SINCE 3
#define ENDPOINT_TYPE_SINCE 1
#define ENDPOINT_BROKERS    1
#define ENDPOINT_CONTROLLER 2

/* ---- ApiVersions ---- */

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Letters and digits, and between them dots and dashes. */
static bool software_is_legal(struct string name)
{
	if (name.size <= 0 || !is_letter_or_digit(name.data[0]) ||
		!is_letter_or_digit(name.data[name.size - 1]))
		return false;
	for (int32_t i = 0; i < name.size; i++)
		if (!is_letter_or_digit(name.data[i]) && name.data[i] != '.' && name.data[i] != '-')
			return false;
	return true;
}

static struct api_version version_of(enum api api)
{
	/* Kafka 4 says 0 of Produce, though it takes 3 at the least: librdkafka before 2.10 takes
	 * the lack of the oldest versions for a broker without compression (KAFKA-18659). */
	return (struct api_version){
		.api_key = api_infos[api].key,
		.min_version = api == API_PRODUCE ? 0 : api_infos[api].first,
		.max_version = handlers[api].last,
	};
}

void handle_api_versions(struct exchange *x)
{
	const struct api_versions_request *request = x->body;
	struct api_versions_response *response = exchange_alloc(x, sizeof *response);
	message_reset(&api_versions_response_message, response);
	if (x->version >= SOFTWARE_NAME_SINCE &&
		(!software_is_legal(request->client_software_name) ||
			!software_is_legal(request->client_software_version))) {
		response->error_code = ERROR_INVALID_REQUEST;
		exchange_answer(x, response);
		return;
	}
	struct api_version *keys = exchange_alloc(x, API_COUNT * sizeof *keys);
	for (int api = 0; api < API_COUNT; api++)
		if (handlers[api].handle)
			keys[response->api_keys.count++] = version_of((enum api)api);
	response->api_keys.items = keys;
	exchange_answer(x, response);
}

/* ---- DescribeCluster ---- */

static const char *endpoint_error(
	struct describe_cluster_response *response, int8_t type, int version)
{
	response->error_code = type == ENDPOINT_CONTROLLER ? ERROR_MISMATCHED_ENDPOINT_TYPE
							   : ERROR_UNSUPPORTED_ENDPOINT_TYPE;
	if (version < ENDPOINT_TYPE_SINCE)
		response->error_code = ERROR_INVALID_REQUEST;
	return type == ENDPOINT_CONTROLLER ? "The request was sent to an endpoint of type BROKER, "
					     "but we wanted an endpoint "
					     "of type CONTROLLER"
					   : NULL;
}

void handle_describe_cluster(struct exchange *x)
{
	const struct describe_cluster_request *request = x->body;
	const struct catalog *catalog = &x->stage->catalog;
	struct describe_cluster_response *response = exchange_alloc(x, sizeof *response);
	message_reset(&describe_cluster_response_message, response);
	if (request->endpoint_type != ENDPOINT_BROKERS) {
		const char *text = endpoint_error(response, request->endpoint_type, x->version);
		response->error_message = text ? string_of(text)
					       : exchange_text(x, "Unsupported endpoint type %d",
							 request->endpoint_type);
		exchange_answer(x, response);
		return;
	}
	struct describe_cluster_broker *brokers =
		exchange_alloc(x, STAGE_NODES_MAX * sizeof *brokers);
	for (int32_t i = 0; i < catalog->node_count; i++) {
		const struct catalog_node *node = &catalog->nodes[i];
		if (!node->up && !request->include_fenced_brokers)
			continue;
		brokers[response->brokers.count++] = (struct describe_cluster_broker){
			.broker_id = node->id,
			.host = string_of(node->host),
			.port = node->port,
			.rack = NULL_STRING,
			.is_fenced = !node->up,
		};
	}
	response->brokers.items = brokers;
	response->cluster_id = string_of(catalog->cluster_id);
	response->controller_id = catalog_controller(catalog);
	if (request->include_cluster_authorized_operations)
		response->cluster_authorized_operations = CLUSTER_OPERATIONS;
	exchange_answer(x, response);
}
