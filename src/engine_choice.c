/* The engine as an option, and its loud line, for engine_choice.h. */
#include "engine_choice.h"

const struct option_choice engine_choices[] = {
	{ "auto", LOOP_ENGINE_AUTO },
	{ "uring", LOOP_ENGINE_URING },
	{ "epoll", LOOP_ENGINE_EPOLL },
	{ NULL, 0 },
};

void engine_say_fallback(const struct loop *loop, const char *command, FILE *out)
{
	const char *reason = loop_fallback(loop);
	if (reason)
		fprintf(out, "%s: %s: going on with epoll, which costs more CPU per record\n",
			command, reason);
}
