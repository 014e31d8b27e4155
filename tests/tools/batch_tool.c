/*
 * Record batches for the comparison with Kafka's own code (tests/schema/test_batch.sh).
 *
 *     batch_tool write SEED COUNT     random batches, back to back, to standard output
 *     batch_tool read                 batches from standard input, as text to standard output
 *
 * The text has a line for each batch and each record; BatchOracle.java prints the same.
 */
#include "../unit/test.h"

#include <errno.h>
#include <stdio.h>

#include "../unit/proto/sample_batch.h"

#define INPUT_MAX  ((size_t)256 << 20)
#define ARENA_MAX  ((size_t)64 << 20)
#define CONTROL_IN 9 /* every ninth batch is a transaction marker */

static int write_out(const uint8_t *data, size_t size)
{
	return fwrite(data, 1, size, stdout) == size ? 0 : -EIO;
}

static struct sample marker_make(struct arena *a, int type)
{
	static const uint8_t value[] = { 0, 0, 0, 0, 0, 7 }; /* version, coordinator epoch */
	struct sample s = { arena_alloc(a, sizeof *s.records), 1 };
	uint8_t *key = arena_alloc(a, 4);
	assert(s.records && key);
	key[3] = (uint8_t)type;
	s.records[0] = (struct sample_record){
		.timestamp_ms = SAMPLE_TIME_MS,
		.key = { key, 4 },
		.value = { value, sizeof value },
	};
	return s;
}

static int write_batches(uint64_t seed, int count)
{
	struct random r;
	struct arena a;
	random_seed(&r, seed);
	arena_init(&a, ARENA_MAX);
	int64_t offset = 0;
	int status = 0;
	for (int i = 0; i < count && status == 0; i++) {
		enum codec codec = (enum codec)(i % CODEC_COUNT);
		bool control = i % CONTROL_IN == CONTROL_IN - 1;
		static const size_t sizes[] = { 30, 500,
			70000 }; /* beyond a block of lz4 and snappy */
		size_t size_max = sizes[random_below(&r, COUNT_OF(sizes))];
		int32_t records = (int32_t)(1 + random_below(&r, size_max > 1000 ? 6 : 200));
		int low = 0, high = 0;
		bool levels = codec_levels(codec, &low, &high) && random_below(&r, 2);
		int level = (int)(1 + random_below(&r, (uint64_t)MAX(high, 1)));
		struct sample s = control ? marker_make(&a, (int)random_below(&r, 2))
					  : sample_make(&r, &a, records, size_max);
		struct batch_seal seal = BATCH_SEAL_PLAIN;
		seal.compressor = compressor_create(codec, levels ? level : CODEC_LEVEL_DEFAULT);
		assert(seal.compressor);
		if (control || random_below(&r, 2)) {
			seal.producer_id = (int64_t)(random_next(&r) >> 1);
			seal.producer_epoch = (int16_t)random_below(&r, INT16_MAX);
			seal.base_sequence = control ? NO_SEQUENCE : INT32_MAX - 3;
			seal.transactional = control || random_below(&r, 2);
			seal.control = control;
		}
		size_t size;
		uint8_t *data = sample_batch(&s, &seal, &size);
		if (i % 3 == 0) /* another identity than it was sealed with */
			batch_set_producer(data, size, seal.producer_id, seal.producer_epoch,
				seal.base_sequence);
		batch_set_offset(data, size, offset, i);
		offset += s.count;
		status = write_out(data, size);
		free(data);
		compressor_free(seal.compressor);
		arena_reset(&a);
	}
	arena_free(&a);
	return status;
}

static void print_bytes(struct bytes b)
{
	printf(b.size < 0 ? " null" : " x");
	for (int32_t i = 0; i < b.size; i++)
		printf("%02x", b.data[i]);
}

static void print_batch(const struct batch_header *h)
{
	int64_t last_offset = h->base_offset + h->last_offset_delta;
	printf("batch %lld-%lld %s %s", (long long)h->base_offset, (long long)last_offset,
		codec_name(h->codec), h->log_append_time ? "append" : "create");
	printf(" max %lld producer %lld %d %d", (long long)h->max_timestamp_ms,
		(long long)h->producer_id, h->producer_epoch, h->base_sequence);
	printf(" leader %d count %d%s%s", h->leader_epoch, h->record_count,
		h->transactional ? " transactional" : "", h->control ? " control" : "");
	if (h->delete_horizon)
		printf(" horizon %lld", (long long)h->base_timestamp_ms);
	printf("\n");
}

static int print_record(const struct batch_header *h, struct record *record)
{
	printf("record %lld %lld", (long long)record->offset, (long long)record->timestamp_ms);
	if (h->control)
		printf(" control %d", control_type_read(record->key));
	print_bytes(record->key);
	print_bytes(record->value);
	struct record_header header;
	int status;
	while ((status = record_header_next(record, &header)) == 1) {
		print_bytes((struct bytes){ (const uint8_t *)header.key.data, header.key.size });
		print_bytes(header.value);
	}
	printf("\n");
	return status;
}

static int print_records(
	const struct batch *batch, struct decompressor *d, uint8_t *memory, size_t limit)
{
	struct record_iterator it;
	struct record record;
	int status = record_iterator_init(&it, batch, d, memory, limit);
	while (status == 0 && (status = record_next(&it, &record)) == 1)
		status = print_record(&batch->header, &record);
	return status;
}

static int read_batches(void)
{
	uint8_t *input = malloc(INPUT_MAX), *memory = malloc(BATCH_DECOMPRESSED_MAX);
	struct decompressor *d = decompressor_create();
	struct arena a;
	arena_init(&a, ARENA_MAX);
	assert(input && memory && d);
	struct iovec segment = { input, fread(input, 1, INPUT_MAX, stdin) };
	struct batch_iterator it;
	struct batch batch;
	batch_iterator_init(&it, &segment, 1, &a);
	int status;
	while ((status = batch_next(&it, &batch)) == 1) {
		print_batch(&batch.header);
		status = batch_verify(&batch);
		if (status == 0)
			status = print_records(&batch, d, memory, BATCH_DECOMPRESSED_MAX);
		if (status < 0)
			break;
	}
	if (it.cut_short)
		printf("cut short by %zu bytes\n", it.cut_short);
	arena_free(&a);
	decompressor_free(d);
	free(memory);
	free(input);
	return status;
}

int main(int argc, char **argv)
{
	int status = -EINVAL;
	if (argc == 4 && !strcmp(argv[1], "write"))
		status = write_batches(strtoull(argv[2], NULL, 10), atoi(argv[3]));
	else if (argc == 2 && !strcmp(argv[1], "read"))
		status = read_batches();
	if (status < 0)
		fprintf(stderr, "batch_tool: %s\n", strerror(-status));
	return status < 0;
}
