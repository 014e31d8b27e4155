/*
 * What a client may do (KIP-430): without an authorizer everything that there is to do, as bits
 * numbered by Kafka's AclOperation.
 */
#ifndef BROKER_OPERATIONS_H
#define BROKER_OPERATIONS_H

enum operation {
	OPERATION_READ = 3,
	OPERATION_WRITE = 4,
	OPERATION_CREATE = 5,
	OPERATION_DELETE = 6,
	OPERATION_ALTER = 7,
	OPERATION_DESCRIBE = 8,
	OPERATION_CLUSTER_ACTION = 9,
	OPERATION_DESCRIBE_CONFIGS = 10,
	OPERATION_ALTER_CONFIGS = 11,
	OPERATION_IDEMPOTENT_WRITE = 12,
};

#define TOPIC_OPERATIONS                                                                           \
	(1 << OPERATION_READ | 1 << OPERATION_WRITE | 1 << OPERATION_CREATE |                      \
		1 << OPERATION_DELETE | 1 << OPERATION_ALTER | 1 << OPERATION_DESCRIBE |           \
		1 << OPERATION_DESCRIBE_CONFIGS | 1 << OPERATION_ALTER_CONFIGS)
#define CLUSTER_OPERATIONS                                                                         \
	(1 << OPERATION_CREATE | 1 << OPERATION_ALTER | 1 << OPERATION_DESCRIBE |                  \
		1 << OPERATION_CLUSTER_ACTION | 1 << OPERATION_DESCRIBE_CONFIGS |                  \
		1 << OPERATION_ALTER_CONFIGS | 1 << OPERATION_IDEMPOTENT_WRITE)

#endif
