/* Which harrow this is. The Makefile passes HARROW_VERSION to this file alone. */
#include "version.h"

const char *version_text(void)
{
	return HARROW_VERSION;
}
