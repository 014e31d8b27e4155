/*
 * The properties that the stage knows, of brokers and of topics: names, types, ranges and defaults
 * are those of Kafka 4.3.1's ConfigDefs, what they do here is the stage's. Only the table; what is
 * done with it is in property.h.
 *
 * X(ENUM, the broker's name or NULL, the topic's or NULL, type, use, default or NULL, range, words
 * that are allowed or NULL, documentation). FROM and its like are property.c's.
 */
#ifndef BROKER_PROPERTY_LIST_H
#define BROKER_PROPERTY_LIST_H

/* clang-format off */
/* How brokers behave. */
#define BROKER_PROPERTIES(X)                                                                       \
	X(AUTO_CREATE_TOPICS_ENABLE, "auto.create.topics.enable", NULL, BOOLEAN, HONOURED, "true", \
		BOOL_RANGE, NULL, "Whether asking for an unknown topic creates it.")               \
	X(AUTO_LEADER_REBALANCE_ENABLE, "auto.leader.rebalance.enable", NULL, BOOLEAN, HONOURED,   \
		"true", BOOL_RANGE, NULL,                                                          \
		"Whether preferred leaders get their partitions back by themselves.")              \
	X(LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS, "leader.imbalance.check.interval.seconds",      \
		NULL, LONG, HONOURED, "300", FROM(1), NULL,                                        \
		"How often preferred leaders are looked for.")                                     \
	X(NUM_PARTITIONS, "num.partitions", NULL, INT, HONOURED, "1", FROM(1), NULL,               \
		"Partitions of a topic that does not say how many.")                               \
	X(DEFAULT_REPLICATION_FACTOR, "default.replication.factor", NULL, INT, HONOURED, "1",      \
		ANY_INT, NULL, "Replicas of a topic that does not say how many.")                  \
	X(DELETE_TOPIC_ENABLE, "delete.topic.enable", NULL, BOOLEAN, HONOURED, "true", BOOL_RANGE, \
		NULL, "Whether topics may be deleted.")                                            \
	X(FETCH_MAX_BYTES, "fetch.max.bytes", NULL, INT, HONOURED, "57671680", FROM(1024), NULL,   \
		"The most that one fetch returns.")                                                \
	X(FETCH_SESSION_SLOTS, "max.incremental.fetch.session.cache.slots", NULL, INT, HONOURED,   \
		"1000", FROM(0), NULL, "Incremental fetch sessions that are kept.")                \
	X(SOCKET_REQUEST_MAX_BYTES, "socket.request.max.bytes", NULL, INT, HONOURED, "104857600",  \
		FROM(1), NULL, "The largest request that is read.")                                \
	X(CONNECTIONS_MAX_IDLE_MS, "connections.max.idle.ms", NULL, LONG, HONOURED, "600000",      \
		ANY_LONG, NULL, "Connections without a request for so long are closed.")           \
	X(MAX_CONNECTIONS, "max.connections", NULL, INT, HONOURED, "2147483647", FROM(0), NULL,    \
		"Connections that a broker has at a time.")                                        \
	X(PRODUCER_ID_EXPIRATION_MS, "producer.id.expiration.ms", NULL, INT, HONOURED, "86400000", \
		FROM(1), NULL, "An idempotent producer that is idle for so long is forgotten.")    \
	X(LOG_RETENTION_CHECK_INTERVAL_MS, "log.retention.check.interval.ms", NULL, LONG,          \
		HONOURED, "300000", FROM(1), NULL, "How often old records are looked for.")        \
	X(QUOTA_WINDOW_NUM, "quota.window.num", NULL, INT, HONOURED, "11", FROM(1), NULL,          \
		"Windows over which a quota measures.")                                            \
	X(QUOTA_WINDOW_SIZE_SECONDS, "quota.window.size.seconds", NULL, INT, HONOURED, "1",        \
		FROM(1), NULL, "The length of such a window.")                                     \
	X(NODE_ID, "node.id", NULL, INT, FIXED, NULL, FROM(0), NULL, "The broker's id.")           \
	X(BROKER_ID, "broker.id", NULL, INT, FIXED, "-1", ANY_INT, NULL,                           \
		"The same by its older name.")                                                     \
	X(LISTENERS, "listeners", NULL, LIST, FIXED, "PLAINTEXT://:9092", ANY_INT, NULL,           \
		"Where the broker listens.")                                                       \
	X(ADVERTISED_LISTENERS, "advertised.listeners", NULL, LIST, FIXED, NULL, ANY_INT, NULL,    \
		"Where clients are told to connect.")

/* How logs are kept: defaults of topics, most of them. */
#define LOG_PROPERTIES(X)                                                                           \
	X(MESSAGE_MAX_BYTES, "message.max.bytes", "max.message.bytes", INT, HONOURED, "1048588",   \
		FROM(0), NULL, "The largest batch that is taken.")                                 \
	X(MIN_INSYNC_REPLICAS, "min.insync.replicas", "min.insync.replicas", INT, HONOURED, "1",   \
		FROM(1), NULL, "Replicas that must be in sync for acks=all.")                      \
	X(LOG_CLEANUP_POLICY, "log.cleanup.policy", "cleanup.policy", LIST, HONOURED, "delete",    \
		ANY_INT, "compact, delete",                                                        \
		"With compact, records need keys; nothing is compacted here.")                     \
	X(LOG_RETENTION_MS, "log.retention.ms", "retention.ms", LONG, HONOURED, NULL, FROM(-1),    \
		NULL, "Older records leave; -1: they stay.")                                       \
	X(LOG_RETENTION_MINUTES, "log.retention.minutes", NULL, INT, HONOURED, NULL, ANY_INT,      \
		NULL, "The same in minutes, where log.retention.ms is not set.")                   \
	X(LOG_RETENTION_HOURS, "log.retention.hours", NULL, INT, HONOURED, "168", ANY_INT, NULL,   \
		"The same in hours, where neither is set.")                                        \
	X(LOG_RETENTION_BYTES, "log.retention.bytes", "retention.bytes", LONG, HONOURED, "-1",     \
		ANY_LONG, NULL, "A larger partition loses its oldest records; -1: never.")         \
	X(LOG_MESSAGE_TIMESTAMP_TYPE, "log.message.timestamp.type", "message.timestamp.type",      \
		STRING, HONOURED, "CreateTime", ANY_INT, "CreateTime, LogAppendTime",              \
		"Whose time a record has: its producer's or the broker's.")                        \
	X(LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, "log.message.timestamp.before.max.ms",              \
		"message.timestamp.before.max.ms", LONG, HONOURED, LONG_MAX_TEXT, FROM(0), NULL,   \
		"How much older than now a record may claim to be.")                               \
	X(LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS, "log.message.timestamp.after.max.ms",                \
		"message.timestamp.after.max.ms", LONG, HONOURED, "3600000", FROM(0), NULL,        \
		"How much newer than now a record may claim to be.")                               \
	X(UNCLEAN_LEADER_ELECTION_ENABLE, "unclean.leader.election.enable",                        \
		"unclean.leader.election.enable", BOOLEAN, HONOURED, "false", BOOL_RANGE, NULL,    \
		"Whether a replica that is not in sync may lead; nothing is lost by it here.")     \
	X(COMPRESSION_TYPE, "compression.type", "compression.type", STRING, CARRIED, "producer",   \
		ANY_INT, "uncompressed, zstd, lz4, snappy, gzip, producer",                        \
		"Batches stay as producers sent them.")                                            \
	X(COMPRESSION_GZIP_LEVEL, "compression.gzip.level", "compression.gzip.level", INT,         \
		CARRIED, "-1", -1, 9, NULL, "The level of gzip.")                                  \
	X(COMPRESSION_LZ4_LEVEL, "compression.lz4.level", "compression.lz4.level", INT, CARRIED,   \
		"9", 1, 17, NULL, "The level of lz4.")                                             \
	X(COMPRESSION_ZSTD_LEVEL, "compression.zstd.level", "compression.zstd.level", INT,         \
		CARRIED, "3", -131072, 22, NULL, "The level of zstd.")                             \
	X(LOG_SEGMENT_BYTES, "log.segment.bytes", "segment.bytes", INT, CARRIED, "1073741824",     \
		FROM(1048576), NULL, "The size of a log's files.")                                 \
	X(LOG_ROLL_MS, "log.roll.ms", "segment.ms", LONG, CARRIED, NULL, FROM(1), NULL,            \
		"When a log begins another file.")                                                 \
	X(LOG_ROLL_HOURS, "log.roll.hours", NULL, INT, CARRIED, "168", FROM(1), NULL,              \
		"The same in hours, where log.roll.ms is not set.")                                \
	X(LOG_ROLL_JITTER_MS, "log.roll.jitter.ms", "segment.jitter.ms", LONG, CARRIED, NULL,      \
		FROM(0), NULL, "A random part of that time.")                                      \
	X(LOG_ROLL_JITTER_HOURS, "log.roll.jitter.hours", NULL, INT, CARRIED, "0", FROM(0), NULL,  \
		"The same in hours, where log.roll.jitter.ms is not set.")                         \
	X(LOG_INDEX_SIZE_MAX_BYTES, "log.index.size.max.bytes", "segment.index.bytes", INT,        \
		CARRIED, "10485760", FROM(4), NULL, "The size of a log's index.")                  \
	X(LOG_INDEX_INTERVAL_BYTES, "log.index.interval.bytes", "index.interval.bytes", INT,       \
		CARRIED, "4096", FROM(0), NULL, "How dense that index is.")                        \
	X(LOG_FLUSH_INTERVAL_MESSAGES, "log.flush.interval.messages", "flush.messages", LONG,      \
		CARRIED, LONG_MAX_TEXT, FROM(1), NULL, "After how many records a log is flushed.") \
	X(LOG_FLUSH_INTERVAL_MS, "log.flush.interval.ms", "flush.ms", LONG, CARRIED, NULL,         \
		FROM(0), NULL, "After what time it is flushed.")                                   \
	X(LOG_FLUSH_SCHEDULER_INTERVAL_MS, "log.flush.scheduler.interval.ms", NULL, LONG, CARRIED, \
		LONG_MAX_TEXT, ANY_LONG, NULL, "The same where log.flush.interval.ms is not set.") \
	X(LOG_SEGMENT_DELETE_DELAY_MS, "log.segment.delete.delay.ms", "file.delete.delay.ms",      \
		LONG, CARRIED, "60000", FROM(0), NULL, "When a file that left is removed.")        \
	X(LOG_PREALLOCATE, "log.preallocate", "preallocate", BOOLEAN, CARRIED, "false",            \
		BOOL_RANGE, NULL, "Whether files are made in their full size.")                    \
	X(LOG_CLEANER_DELETE_RETENTION_MS, "log.cleaner.delete.retention.ms",                      \
		"delete.retention.ms", LONG, CARRIED, "86400000", FROM(0), NULL,                   \
		"How long compaction keeps tombstones.")                                           \
	X(LOG_CLEANER_MIN_COMPACTION_LAG_MS, "log.cleaner.min.compaction.lag.ms",                  \
		"min.compaction.lag.ms", LONG, CARRIED, "0", FROM(0), NULL,                        \
		"How old a record must be to be compacted.")                                       \
	X(LOG_CLEANER_MAX_COMPACTION_LAG_MS, "log.cleaner.max.compaction.lag.ms",                  \
		"max.compaction.lag.ms", LONG, CARRIED, LONG_MAX_TEXT, FROM(1), NULL,              \
		"How old it may become before it is.")                                             \
	X(LOG_CLEANER_MIN_CLEANABLE_RATIO, "log.cleaner.min.cleanable.ratio",                      \
		"min.cleanable.dirty.ratio", DOUBLE, CARRIED, "0.5", 0, 1, NULL,                   \
		"How much of a log must be dirty to be compacted.")                                \
	X(LOG_LOCAL_RETENTION_MS, "log.local.retention.ms", "local.retention.ms", LONG, CARRIED,   \
		"-2", FROM(-2), NULL, "What tiered storage keeps on brokers, by age.")             \
	X(LOG_LOCAL_RETENTION_BYTES, "log.local.retention.bytes", "local.retention.bytes", LONG,   \
		CARRIED, "-2", FROM(-2), NULL, "The same by size.")                                \
	X(REMOTE_STORAGE_ENABLE, NULL, "remote.storage.enable", BOOLEAN, CARRIED, "false",         \
		BOOL_RANGE, NULL, "Tiered storage; there is none.")                                \
	X(REMOTE_LOG_COPY_DISABLE, NULL, "remote.log.copy.disable", BOOLEAN, CARRIED, "false",     \
		BOOL_RANGE, NULL, "Of tiered storage.")                                            \
	X(REMOTE_LOG_DELETE_ON_DISABLE, NULL, "remote.log.delete.on.disable", BOOLEAN, CARRIED,    \
		"false", BOOL_RANGE, NULL, "Of tiered storage.")                                   \
	X(LEADER_THROTTLED_REPLICAS, NULL, "leader.replication.throttled.replicas", LIST, CARRIED, \
		"", ANY_INT, NULL, "Replicas under the replication quota, at leaders.")            \
	X(FOLLOWER_THROTTLED_REPLICAS, NULL, "follower.replication.throttled.replicas", LIST,      \
		CARRIED, "", ANY_INT, NULL, "Replicas under the replication quota, at followers.")

#define PROPERTIES(X) BROKER_PROPERTIES(X) LOG_PROPERTIES(X)
/* clang-format on */

#endif
