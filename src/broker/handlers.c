/*
 * Which APIs the stage serves, and up to which version. The lowest one is that of the tables in
 * proto/api.h. Produce has no handler: it goes through the intake, while it arrives.
 */
#include "exchange.h"

static void handle_produce(struct exchange *x)
{
	(void)x;
	assert(false && "the session gives it to the intake");
}

const struct handler handlers[API_COUNT] = {
	[API_PRODUCE] = { handle_produce, 13 },
	[API_FETCH] = { handle_fetch, 18 },
};
