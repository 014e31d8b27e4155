/*
 * What records hold: bytes of values, keys and headers, made fresh for every record from a seeded
 * state, straight into the place they are sent from. The stamp goes before the bytes made here:
 * a value of --size n is stamp_size(n) bytes of stamp and n - stamp_size(n) bytes of payload.
 *
 * - random: incompressible; words of a pool, each record's mixed with a word of its own
 * - text: words and stock phrases of a small vocabulary by Zipf's law, and numbers; compresses
 * about 3:1, payload.c has the ratios of each codec
 * - zeros: compresses to nothing
 * - lines: the lines of a file in turn, without line ends, from the first again after the last.
 *   Without a size, the payload is the line, after a full stamp. With a size it starts at the next
 *   line and is cut, or goes on with the lines that follow, line ends included.
 */
#ifndef HARROW_LOAD_PAYLOAD_H
#define HARROW_LOAD_PAYLOAD_H

#include "base.h"
#include "random.h"

#define PAYLOAD_RANDOM_POOL_SIZE (64 * 1024)
/* Well above a batch, or batches repeat themselves. */
#define PAYLOAD_TEXT_POOL_SIZE  (4 * 1024 * 1024)
#define PAYLOAD_FILE_SIZE_MAX   (256 * 1024 * 1024)
#define PAYLOAD_FILE_CHUNK_SIZE ((size_t)64 * 1024) /* read at first; doubles */
#define PAYLOAD_LINES_MAX       (16 * 1024 * 1024)

enum payload_kind { PAYLOAD_RANDOM, PAYLOAD_TEXT, PAYLOAD_ZEROS, PAYLOAD_LINES };

/* What all writers share; read-only after payload_init. */
struct payload {
	enum payload_kind kind;
	uint8_t *pool; /* random and text: the pool; lines: the file */
	size_t pool_size;
	size_t *lines; /* offset of each line, and one past the last */
	uint32_t line_count;
};

/* One thread's position. */
struct payload_writer {
	const struct payload *payload;
	struct random random;
	uint32_t line;
};

/* Random, text or zeros. -ENOMEM. */
int payload_init(struct payload *p, enum payload_kind kind, uint64_t seed);
/*
 * Lines of the file. -errno of opening and reading, -EFBIG above PAYLOAD_FILE_SIZE_MAX or
 * PAYLOAD_LINES_MAX, -ENODATA for a file without a line.
 */
int payload_init_lines(struct payload *p, const char *path);
void payload_free(struct payload *p);

/* Writers with different seeds make different bytes; lines begin with line first_line (modulo). */
void payload_writer_init(
	struct payload_writer *w, const struct payload *p, uint64_t seed, uint64_t first_line);

/* The size of the next payload where the size follows the content (lines); the writer stays. */
uint32_t payload_next_size(const struct payload_writer *w);
/* The longest line: bounds the record size before the run. 0 for other kinds. */
uint32_t payload_size_max(const struct payload *p);
/* Writes the next record's payload of exactly `size` bytes. */
void payload_write(struct payload_writer *w, uint8_t *out, uint32_t size);

enum key_kind { KEY_NONE, KEY_SEQUENCE, KEY_RANDOM };

#define KEY_SIZE_DEFAULT 16
#define KEY_SIZE_MAX     1024

/* Keys are decimal digits, filled up with zeros from the left to `size`. */
struct key_content {
	enum key_kind kind;
	uint32_t size;
	uint64_t distinct; /* random: this many different keys */
};

/* -EINVAL: a size of 0 or above KEY_SIZE_MAX, or too small for `distinct` keys, or distinct 0. */
int key_content_check(const struct key_content *k);
/*
 * Writes the key of k->size bytes (the kind must not be none). A sequence that needs more digits
 * than there is room for keeps its low ones.
 */
void key_write(const struct key_content *k, struct random *random, uint64_t sequence, uint8_t *out);

#define HEADERS_MAX           64
#define HEADER_VALUE_SIZE_MAX 4096
#define HEADER_NAME_SIZE      3 /* "h00", "h01", ... */

/* Each record carries `count` headers h00, h01, ... with value_size random bytes each. */
struct header_content {
	uint32_t count, value_size;
};

/* -EINVAL beyond HEADERS_MAX or HEADER_VALUE_SIZE_MAX. */
int header_content_check(const struct header_content *h);
/* The name of header `index`, HEADER_NAME_SIZE bytes. */
void header_name(uint32_t index, char out[HEADER_NAME_SIZE]);
void header_write(struct random *random, uint8_t *out, uint32_t value_size);

#endif
