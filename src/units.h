/*
 * Quantities as people write them: 50k records, 256KiB, 10MiB/s, 1.5ms; and back.
 *
 * Not here: which option takes which quantity (options.h). Parsing is exact: "1.5k" is 1500, and
 * what has no exact value ("0.3" records, "1.5ns") is refused, never rounded. Decimal suffixes
 * count things (k, M, G), binary suffixes count bytes (KiB, MiB, GiB); "kB" and "MB" are refused,
 * because half of their users mean the other thing.
 */
#ifndef HARROW_UNITS_H
#define HARROW_UNITS_H

#include <stdint.h>
#include <stddef.h>

enum rate_unit {
	RATE_NONE, /* no rate was asked for: as fast as it goes */
	RATE_RECORDS,
	RATE_BYTES,
};

/* Fractions are allowed: 0.5 is a record every two seconds. */
struct rate {
	double per_second;
	enum rate_unit unit;
};

/* Each reads the whole text: 0, -EINVAL when it is no such quantity, -ERANGE when it does not fit.
 */
int units_parse_count(const char *text, int64_t *count);   /* 1000, 50k, 2M, 1G; -5 */
int units_parse_size(const char *text, int64_t *bytes);    /* 512, 512B, 256KiB, 1MiB, 2GiB */
int units_parse_duration(const char *text, int64_t *ns);   /* 500us, 1.5ms, 10s, 2m, 1h, 0 */
int units_parse_rate(const char *text, struct rate *rate); /* 50k, 2M, 1.5k, 10MiB/s, 100B/s */
int units_parse_number(const char *text, double *number);  /* 0.99, 1e-3; finite */

/* The longest text that any of the functions below writes, with its end. */
#define UNITS_TEXT_SIZE 32

/* Exact: parsing the text gives the value back. Each returns `text`. */
char *units_exact_size(int64_t bytes, char text[UNITS_TEXT_SIZE]);    /* 256KiB */
char *units_exact_duration(int64_t ns, char text[UNITS_TEXT_SIZE]);   /* 1500us */
char *units_exact_rate(struct rate rate, char text[UNITS_TEXT_SIZE]); /* 50000, 10485760B/s */

/* For the eye: three significant digits, and "-" for NAN. Each returns `text`. */
char *units_human_count(double count, char text[UNITS_TEXT_SIZE]); /* 1.23 M, 999 */
char *units_human_size(double bytes, char text[UNITS_TEXT_SIZE]);  /* 1.21 GiB */
char *units_human_duration(double ns, char text[UNITS_TEXT_SIZE]); /* 4.25 ms */

#endif
