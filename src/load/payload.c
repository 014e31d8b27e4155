/*
 * Payloads. Random bytes and text come from pools that are made once: a copy per record, at memory
 * speed. Random records add a word of their own to each word of the pool, so that no compressor
 * finds two of them alike; text records begin at a random place of a pool that is far larger than a
 * batch.
 *
 * Ratios of the text, default levels, batches of 64 KiB in records of 1 KiB (in parentheses 100 B):
 * gzip 3.9 (3.7), zstd 3.7 (3.6), lz4 2.2 (2.1), snappy 2.3 (2.2). From batches of 16 KiB to 1 MiB
 * gzip goes from 3.2 to 4.3 and lz4 from 1.9 to 2.6; beyond, zstd begins to see the pool repeat
 * itself.
 */
#include "payload.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- text ---- */

#define VOCABULARY_SIZE 1000
#define WORD_SIZE_MAX   16
#define PHRASES         200
#define PHRASE_WORDS    12   /* in the longest; the shortest has a third */
#define PHRASE_CHANCE   0.11 /* that one of the stock phrases comes: what fast codecs live on */
#define NUMBER_CHANCE   0.06 /* that a number stands in place of a word */
#define SENTENCE_CHANCE 0.10 /* that a sentence ends after a word */
#define LINE_SIZE       120  /* from where on a sentence's end is a line's end */

struct vocabulary {
	char words[VOCABULARY_SIZE][WORD_SIZE_MAX];
	uint8_t sizes[VOCABULARY_SIZE];
	uint16_t phrases[PHRASES][PHRASE_WORDS];
	uint8_t phrase_sizes[PHRASES]; /* in words */
};

/* Zipf's law with exponent 1, near enough: ranks spread evenly on a logarithmic scale. */
static uint32_t zipf_below(struct random *r, uint32_t count)
{
	double rank = exp(random_unit(r) * log(count + 1.0));
	return MIN((uint32_t)rank, count) - 1;
}

/* Words of syllables, frequent ones short. */
static void vocabulary_make(struct vocabulary *v, struct random *r)
{
	static const char *const onsets[] = { "b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r",
		"s", "t", "v", "w", "st", "tr", "pl", "sh", "th" };
	static const char *const rests[] = { "a", "e", "i", "o", "u", "an", "en", "er", "in", "on",
		"or", "al", "es", "ing", "ed", "ion" };
	for (uint32_t w = 0; w < VOCABULARY_SIZE; w++) {
		uint32_t syllables = w < 20 ? 1 : w < 150 ? 2 : 2 + (uint32_t)random_below(r, 2);
		int size = 0;
		for (uint32_t i = 0; i < syllables; i++)
			size += snprintf(v->words[w] + size, (size_t)(WORD_SIZE_MAX - size), "%s%s",
				onsets[random_below(r, COUNT_OF(onsets))],
				rests[random_below(r, COUNT_OF(rests))]);
		v->sizes[w] = (uint8_t)size;
	}
	for (uint32_t i = 0; i < PHRASES; i++) {
		v->phrase_sizes[i] =
			(uint8_t)(PHRASE_WORDS / 3 +
				  random_below(r, PHRASE_WORDS - PHRASE_WORDS / 3 + 1));
		for (uint32_t j = 0; j < PHRASE_WORDS; j++)
			v->phrases[i][j] = (uint16_t)zipf_below(r, VOCABULARY_SIZE);
	}
}

struct text {
	char *data;
	size_t size, line;
};

/* Cuts at the end of the pool. */
static void text_add(struct text *t, const char *data, size_t size)
{
	size = MIN(size, PAYLOAD_TEXT_POOL_SIZE - t->size);
	memcpy(t->data + t->size, data, size);
	t->size += size;
}

static void text_end_word(struct text *t, struct random *r)
{
	if (random_unit(r) >= SENTENCE_CHANCE) {
		text_add(t, " ", 1);
		return;
	}
	bool line_ends = t->size - t->line > LINE_SIZE;
	text_add(t, line_ends ? ".\n" : ". ", 2);
	if (line_ends)
		t->line = t->size;
}

static void text_add_word(struct text *t, const struct vocabulary *v, uint32_t word)
{
	text_add(t, v->words[word], v->sizes[word]);
}

static void text_add_number(struct text *t, struct random *r)
{
	char number[24];
	int size = snprintf(number, sizeof number, "%u", (unsigned)random_below(r, 100000));
	text_add(t, number, (size_t)size);
}

static void text_add_phrase(struct text *t, const struct vocabulary *v, uint32_t phrase)
{
	for (uint32_t i = 0; i < v->phrase_sizes[phrase]; i++) {
		if (i > 0)
			text_add(t, " ", 1);
		text_add_word(t, v, v->phrases[phrase][i]);
	}
}

static void text_fill(struct text *t, const struct vocabulary *v, struct random *r)
{
	while (t->size < PAYLOAD_TEXT_POOL_SIZE) {
		double chance = random_unit(r);
		if (chance < PHRASE_CHANCE)
			text_add_phrase(t, v, zipf_below(r, PHRASES));
		else if (chance < PHRASE_CHANCE + NUMBER_CHANCE)
			text_add_number(t, r);
		else
			text_add_word(t, v, zipf_below(r, VOCABULARY_SIZE));
		text_end_word(t, r);
	}
}

static int make_text_pool(struct payload *p, struct random *r)
{
	struct vocabulary *v = malloc(sizeof *v);
	p->pool = malloc(PAYLOAD_TEXT_POOL_SIZE);
	if (v && p->pool) {
		vocabulary_make(v, r);
		struct text t = { .data = (char *)p->pool };
		text_fill(&t, v, r);
		p->pool_size = PAYLOAD_TEXT_POOL_SIZE;
	}
	free(v);
	return p->pool_size ? 0 : -ENOMEM;
}

/* ---- random ---- */

static int make_random_pool(struct payload *p, struct random *r)
{
	p->pool = malloc(PAYLOAD_RANDOM_POOL_SIZE);
	if (!p->pool)
		return -ENOMEM;
	p->pool_size = PAYLOAD_RANDOM_POOL_SIZE;
	for (size_t i = 0; i < p->pool_size; i += 8) {
		uint64_t word = random_next(r);
		memcpy(p->pool + i, &word, 8);
	}
	return 0;
}

/* Four words at a time: compilers turn this into vectors, and into plain words where there are
 * none. */
typedef uint64_t four_words __attribute__((vector_size(32)));

/* Pool bytes from a random place, each word combined with one that belongs to this record alone. */
static void fill_random(const struct payload *p, struct random *r, uint8_t *out, uint32_t size)
{
	while (size > 0) {
		uint32_t some = MIN(size, PAYLOAD_RANDOM_POOL_SIZE / 2);
		const uint8_t *from = p->pool + random_below(r, p->pool_size - some + 1);
		uint64_t own = random_next(r);
		four_words own_words = { own, own, own, own };
		uint32_t i = 0;
		for (; i + sizeof own_words <= some; i += sizeof own_words) {
			four_words words;
			memcpy(&words, from + i, sizeof words);
			words ^= own_words;
			memcpy(out + i, &words, sizeof words);
		}
		for (; i < some; i++)
			out[i] = from[i] ^ (uint8_t)(own >> (i % 8 * 8));
		out += some;
		size -= some;
	}
}

static void fill_text(const struct payload *p, struct random *r, uint8_t *out, uint32_t size)
{
	while (size > 0) {
		uint32_t some = MIN(size, PAYLOAD_TEXT_POOL_SIZE / 2);
		memcpy(out, p->pool + random_below(r, p->pool_size - some + 1), some);
		out += some;
		size -= some;
	}
}

int payload_init(struct payload *p, enum payload_kind kind, uint64_t seed)
{
	assert(kind != PAYLOAD_LINES);
	struct random r;
	random_seed(&r, seed);
	*p = (struct payload){ .kind = kind };
	int status = kind == PAYLOAD_TEXT     ? make_text_pool(p, &r)
		     : kind == PAYLOAD_RANDOM ? make_random_pool(p, &r)
					      : 0;
	if (status < 0)
		payload_free(p);
	return status;
}

void payload_free(struct payload *p)
{
	free(p->pool);
	free(p->lines);
	*p = (struct payload){ 0 };
}

/* ---- lines of a file ---- */

static int read_all(struct payload *p, FILE *file)
{
	size_t capacity = 0;
	for (;;) {
		if (p->pool_size == capacity) {
			capacity = capacity ? capacity * 2 : PAYLOAD_FILE_CHUNK_SIZE;
			/* One byte beyond the limit shows that there is more. */
			capacity = MIN(capacity, PAYLOAD_FILE_SIZE_MAX + 1);
			uint8_t *more = realloc(p->pool, capacity);
			if (!more)
				return -ENOMEM;
			p->pool = more;
		}
		errno = 0;
		p->pool_size += fread(p->pool + p->pool_size, 1, capacity - p->pool_size, file);
		if (ferror(file))
			return errno ? -errno : -EIO;
		if (p->pool_size > PAYLOAD_FILE_SIZE_MAX)
			return -EFBIG;
		if (feof(file))
			return 0;
	}
}

/* lines[i] is where line i begins; lines[count] is where one more would, past the last line end. */
static int find_lines(struct payload *p)
{
	if (p->pool_size == 0)
		return -ENODATA;
	size_t count = p->pool[p->pool_size - 1] != '\n';
	for (size_t i = 0; i < p->pool_size; i++)
		count += p->pool[i] == '\n';
	if (count > PAYLOAD_LINES_MAX)
		return -EFBIG;
	p->lines = malloc((count + 1) * sizeof p->lines[0]);
	if (!p->lines)
		return -ENOMEM;
	size_t start = 0;
	for (p->line_count = 0; p->line_count < count; p->line_count++) {
		p->lines[p->line_count] = start;
		const uint8_t *end = memchr(p->pool + start, '\n', p->pool_size - start);
		start = end ? (size_t)(end - p->pool) + 1 : p->pool_size + 1;
	}
	p->lines[count] = start;
	return 0;
}

int payload_init_lines(struct payload *p, const char *path)
{
	*p = (struct payload){ .kind = PAYLOAD_LINES };
	FILE *file = fopen(path, "rb");
	if (!file)
		return -errno;
	int status = read_all(p, file);
	(void)fclose(file);
	if (status == 0)
		status = find_lines(p);
	if (status < 0)
		payload_free(p);
	return status;
}

static uint32_t line_size(const struct payload *p, uint32_t line)
{
	return (uint32_t)(p->lines[line + 1] - 1 - p->lines[line]);
}

uint32_t payload_size_max(const struct payload *p)
{
	uint32_t longest = 0;
	for (uint32_t i = 0; i < p->line_count; i++)
		longest = MAX(longest, line_size(p, i));
	return longest;
}

uint32_t payload_next_size(const struct payload_writer *w)
{
	assert(w->payload->kind == PAYLOAD_LINES);
	return line_size(w->payload, w->line);
}

/* From the start of the line; beyond it the file goes on, with a line end after its last line. */
static void fill_lines(struct payload_writer *w, uint8_t *out, uint32_t size)
{
	const struct payload *p = w->payload;
	size_t at = p->lines[w->line], end = p->lines[p->line_count] - 1;
	w->line = w->line + 1 == p->line_count ? 0 : w->line + 1;
	for (;;) {
		size_t some = MIN(size, end - at);
		memcpy(out, p->pool + at, some);
		out += some;
		size -= (uint32_t)some;
		if (size == 0)
			return;
		*out++ = '\n';
		size--;
		at = 0;
	}
}

/* ---- writers ---- */

void payload_writer_init(
	struct payload_writer *w, const struct payload *p, uint64_t seed, uint64_t first_line)
{
	*w = (struct payload_writer){ .payload = p };
	random_seed(&w->random, seed);
	if (p->kind == PAYLOAD_LINES)
		w->line = (uint32_t)(first_line % p->line_count);
}

void payload_write(struct payload_writer *w, uint8_t *out, uint32_t size)
{
	switch (w->payload->kind) {
	case PAYLOAD_RANDOM:
		fill_random(w->payload, &w->random, out, size);
		return;
	case PAYLOAD_TEXT:
		fill_text(w->payload, &w->random, out, size);
		return;
	case PAYLOAD_ZEROS:
		memset(out, 0, size);
		return;
	case PAYLOAD_LINES:
		fill_lines(w, out, size);
		return;
	}
}

/* ---- keys and headers ---- */

int key_content_check(const struct key_content *k)
{
	if (k->kind == KEY_NONE)
		return 0;
	if (k->size == 0 || k->size > KEY_SIZE_MAX)
		return -EINVAL;
	if (k->kind == KEY_SEQUENCE)
		return 0;
	uint64_t largest = k->distinct - 1;
	for (uint32_t i = 0; i < k->size; i++)
		largest /= 10;
	return k->distinct > 0 && largest == 0 ? 0 : -EINVAL;
}

void key_write(const struct key_content *k, struct random *random, uint64_t sequence, uint8_t *out)
{
	assert(k->kind != KEY_NONE);
	uint64_t number = k->kind == KEY_SEQUENCE ? sequence : random_below(random, k->distinct);
	uint32_t i = k->size;
	while (i > 0 && number > 0) {
		out[--i] = (uint8_t)('0' + number % 10);
		number /= 10;
	}
	memset(out, '0', i);
}

int header_content_check(const struct header_content *h)
{
	return h->count <= HEADERS_MAX && h->value_size <= HEADER_VALUE_SIZE_MAX ? 0 : -EINVAL;
}

void header_name(uint32_t index, char out[HEADER_NAME_SIZE])
{
	assert(index < HEADERS_MAX);
	out[0] = 'h';
	out[1] = (char)('0' + index / 10);
	out[2] = (char)('0' + index % 10);
}

void header_write(struct random *random, uint8_t *out, uint32_t value_size)
{
	for (uint32_t i = 0; i < value_size; i += 8) {
		uint64_t word = random_next(random);
		memcpy(out + i, &word, MIN(8, value_size - i));
	}
}
