/*
 * HdrHistogram's interchange formats: the V2 encoding (big-endian header, ZigZag LEB128 counts with
 * runs of zeros; zlib around it; base64 around that) and the text log of version 1.2 that carries
 * one encoded histogram per line, readable by HistogramLogReader and HistogramLogProcessor.
 * Writing only. Times of rows are seconds since the BaseTime of the header.
 */
#ifndef HARROW_MEASURE_HLOG_H
#define HARROW_MEASURE_HLOG_H

#include <stdio.h>

#include "histogram.h"

#define HLOG_HEADER_SIZE 40
/* The longest inner encoding: every counter at nine bytes. */
#define HLOG_INNER_SIZE_MAX (HLOG_HEADER_SIZE + (size_t)HISTOGRAM_COUNTERS * 9)
#define HLOG_COMMENT_MAX    100 /* the C reader stops at header lines of 128 characters */
#define HLOG_TAG_MAX        32

/* Writes the uncompressed encoding, at most HLOG_INNER_SIZE_MAX bytes; returns its size. */
size_t hlog_encode_inner(const struct histogram *h, uint8_t *out);

/*
 * Writes the compressed encoding as base64 text with a terminating zero into memory that the caller
 * frees. -ENOMEM leaves *out alone.
 */
int hlog_encode(const struct histogram *h, char **out);

/* The lines before the first row. A comment is cut at its line end or HLOG_COMMENT_MAX. -errno. */
int hlog_write_header(FILE *file, const char *comment, int64_t start_wall_ns);

/*
 * One row. `tag` may be NULL, else up to HLOG_TAG_MAX characters without comma, space or line end
 * (-EINVAL). start_ns counts from the start given in the header. -errno.
 */
int hlog_write_row(FILE *file, const char *tag, int64_t start_ns, int64_t length_ns,
	const struct histogram *h);

#endif
