/* HdrHistogram's V2 encoding and its log: after HistogramLogWriter and ZigZagEncoding of the Java
 * original, whose reader is the oracle of tests/schema/test_histogram.sh. */
#include "hlog.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <zlib.h>

#include "clock.h"

#define INNER_COOKIE        UINT32_C(0x1c849313) /* V2, word size marker 0x10 */
#define COMPRESSED_COOKIE   UINT32_C(0x1c849314)
#define OUTER_HEADER_SIZE   8
#define VARINT_SIZE_MAX     9
#define HEADER_COUNTS_START 4 /* where the size of what follows the header stands */

static uint8_t *put_be(uint8_t *p, uint64_t value, int size)
{
	for (int i = size - 1; i >= 0; i--, value >>= 8)
		p[i] = (uint8_t)value;
	return p + size;
}

/* LEB128 of at most nine bytes: the ninth has no continuation bit and carries eight bits. */
static uint8_t *put_varint(uint8_t *p, int64_t value)
{
	uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
	for (int i = 1; i < VARINT_SIZE_MAX && zigzag >= 0x80; i++, zigzag >>= 7)
		*p++ = (uint8_t)(zigzag | 0x80);
	*p++ = (uint8_t)zigzag;
	return p;
}

static uint8_t *put_counts(uint8_t *p, const struct histogram *h)
{
	uint32_t end = h->count ? histogram_index(h->max_ns) + 1 : 1;
	for (uint32_t i = 0; i < end;) {
		uint32_t zeros = 0;
		while (i + zeros < end && h->counts[i + zeros] == 0)
			zeros++;
		/* A run of zeros is its negated length, a lone one is the count 0. */
		p = put_varint(p, zeros > 1 ? -(int64_t)zeros : (int64_t)h->counts[i]);
		i += MAX(zeros, 1);
	}
	return p;
}

size_t hlog_encode_inner(const struct histogram *h, uint8_t *out)
{
	double conversion_ratio = 1.0;
	uint64_t ratio_bits;
	memcpy(&ratio_bits, &conversion_ratio, sizeof ratio_bits);
	uint8_t *p = put_be(out, INNER_COOKIE, 4);
	p = put_be(p, 0, 4);
	p = put_be(p, 0, 4); /* normalizing index offset */
	p = put_be(p, HISTOGRAM_DIGITS, 4);
	p = put_be(p, HISTOGRAM_LOWEST_NS, 8);
	p = put_be(p, HISTOGRAM_HIGHEST_NS, 8);
	p = put_be(p, ratio_bits, 8);
	assert(p == out + HLOG_HEADER_SIZE);
	p = put_counts(p, h);
	put_be(out + HEADER_COUNTS_START, (uint64_t)(p - out) - HLOG_HEADER_SIZE, 4);
	return (size_t)(p - out);
}

static size_t base64_size(size_t size)
{
	return (size + 2) / 3 * 4;
}

static void base64_encode(const uint8_t *in, size_t size, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
				 (left > 2 ? in[i + 2] : 0U);
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[group & 63] : '=';
	}
	*out = 0;
}

/* The cookie, the size and the zlib stream of an inner encoding, as text. */
static int compress_inner(const uint8_t *inner, size_t inner_size, char **out)
{
	uLongf size = compressBound(inner_size);
	uint8_t *outer = malloc(OUTER_HEADER_SIZE + size);
	int status = outer ? compress2(outer + OUTER_HEADER_SIZE, &size, inner, inner_size,
				     Z_BEST_COMPRESSION)
			   : Z_MEM_ERROR;
	assert(status != Z_BUF_ERROR && status != Z_STREAM_ERROR);
	char *text = status == Z_OK ? malloc(base64_size(OUTER_HEADER_SIZE + size) + 1) : NULL;
	if (text) {
		put_be(put_be(outer, COMPRESSED_COOKIE, 4), size, 4);
		base64_encode(outer, OUTER_HEADER_SIZE + size, text);
		*out = text;
	}
	free(outer);
	return text ? 0 : -ENOMEM;
}

int hlog_encode(const struct histogram *h, char **out)
{
	uint8_t *inner = malloc(HLOG_INNER_SIZE_MAX);
	int status = inner ? compress_inner(inner, hlog_encode_inner(h, inner), out) : -ENOMEM;
	free(inner);
	return status;
}

int hlog_write_header(FILE *file, const char *comment, int64_t start_wall_ns)
{
	time_t seconds = (time_t)(start_wall_ns / NS_PER_S);
	struct tm parts;
	char date[64] = "";
	if (gmtime_r(&seconds, &parts))
		strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
	double start_s = (double)start_wall_ns / (double)NS_PER_S;
	int status = fprintf(file,
		"#[%.*s]\n"
		"#[Histogram log format version 1.2]\n"
		"#[StartTime: %.3f (seconds since epoch), %s]\n"
		"#[BaseTime: %.3f (seconds since epoch)]\n"
		"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
		"\"Interval_Compressed_Histogram\"\n",
		(int)MIN(strcspn(comment, "\r\n"), HLOG_COMMENT_MAX), comment, start_s, date,
		start_s);
	return status < 0 ? -EIO : 0;
}

static bool tag_is_good(const char *tag)
{
	size_t size = strlen(tag);
	return size > 0 && size <= HLOG_TAG_MAX && strcspn(tag, ", \t\r\n") == size;
}

int hlog_write_row(
	FILE *file, const char *tag, int64_t start_ns, int64_t length_ns, const struct histogram *h)
{
	if (tag && !tag_is_good(tag))
		return -EINVAL;
	char *text;
	int status = hlog_encode(h, &text);
	if (status < 0)
		return status;
	/* The maximum is in milliseconds, by the custom of histograms in nanoseconds. */
	status = fprintf(file, "%s%s%s%.3f,%.3f,%.3f,%s\n", tag ? "Tag=" : "", tag ? tag : "",
		tag ? "," : "", (double)start_ns / (double)NS_PER_S,
		(double)length_ns / (double)NS_PER_S, (double)histogram_max(h) / (double)NS_PER_MS,
		text);
	free(text);
	return status < 0 ? -EIO : 0;
}
