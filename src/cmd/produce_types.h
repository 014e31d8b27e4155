/* The option types that only `harrow produce` has: how its payload, key, headers and skew are
 * typed. */
#ifndef HARROW_PRODUCE_TYPES_H
#define HARROW_PRODUCE_TYPES_H

#include "../options.h"

#define PRODUCE_HEADER_SIZE_PRESET  16
#define PRODUCE_KEY_DISTINCT_PRESET 1000000
#define PRODUCE_PARTITIONS_MAX      100000
#define PRODUCE_ZIPF_EXPONENT_MAX   10.0

extern const struct option_type produce_payload_type; /* struct produce_payload */
extern const struct option_type produce_key_type;     /* struct produce_key */
extern const struct option_type produce_headers_type; /* struct header_content */
extern const struct option_type produce_skew_type;    /* struct skew */

#endif
