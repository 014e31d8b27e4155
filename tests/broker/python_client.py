"""A client on kafka-python, for lib.sh's client_test: writes the agreed records, reads them back by
partition, and administers. kafka-python speaks the protocol itself, without librdkafka.

    python_client.py write BOOTSTRAP TOPIC PARTITIONS RECORDS CODEC
    python_client.py read  BOOTSTRAP TOPIC PARTITIONS
    python_client.py admin BOOTSTRAP NODES
    python_client.py version
"""
import sys
import time

import kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition, errors
from kafka.admin import ConfigResource, ConfigResourceType

BASE_MS = 1700000000000
TIMEOUT_MS = 15000
MAX_BYTES = 50000
TOPIC = 'python-admin'
EARLIEST, LATEST, HIGHEST_TIME = -2, -1, -3


def expect_equal(expected, found, what):
    if expected != found:
        sys.exit(f'{what}: expected {expected}, got {found}')


def expect_refusal(reason, call, what):
    try:
        call()
    except errors.KafkaError as refused:
        expect_equal(reason.__name__, type(refused).__name__, what)
    else:
        sys.exit(f'{what}: not refused')


# ---- writing ----

def producer_new(bootstrap, codec):
    return KafkaProducer(bootstrap_servers=bootstrap.split(','), enable_idempotence=True,
                         compression_type=None if codec == 'none' else codec, linger_ms=2,
                         max_request_size=2 * MAX_BYTES)


def send(producer, topic, partition, i):
    # It refuses to send a header without a value; the word looks the same in a line.
    headers = [(f'h{j}', b'NULL' if j == 1 and i % 2 == 0 else f'{i}.{j}'.encode())
               for j in range(i % 3)]
    return producer.send(
        topic, partition=partition, timestamp_ms=BASE_MS + 7 * i, headers=headers,
        key=None if i % 10 == 0 else f'key-{i}'.encode(),
        value=None if i % 50 == 49 else f'value {partition} {i} {"x" * (i * 37 % 301)}'.encode())


def write(bootstrap, topic, partitions, records, codec):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(','))
    admin.create_topics({topic: {'num_partitions': partitions, 'replication_factor': 1}})
    admin.close()
    producer = producer_new(bootstrap, codec)
    answers = [(partition, i, send(producer, topic, partition, i))
               for i in range(records) for partition in range(partitions)]
    producer.flush()
    for partition, i, answer in answers:
        answer = answer.get(timeout=TIMEOUT_MS / 1000)
        expect_equal((partition, i), (answer.partition, answer.offset), 'acknowledged at')
    producer.close()


# ---- reading ----

def consumer_new(bootstrap, **settings):
    return KafkaConsumer(bootstrap_servers=bootstrap.split(','), group_id=None,
                         enable_auto_commit=False, check_crcs=True,
                         max_partition_fetch_bytes=20000, **settings)  # so that many are needed


def nullable(data):
    return '-1 NULL' if data is None else f'{len(data)} {data.decode()}'


def line(record):
    headers = ','.join(f'{name}={"NULL" if value is None else value.decode()}'
                       for name, value in record.headers)
    return (f'{record.partition} {record.offset} {record.timestamp} {nullable(record.key)} '
            f'{nullable(record.value)} {headers}')


def read(bootstrap, topic, partitions):
    consumer = consumer_new(bootstrap)
    assigned = [TopicPartition(topic, partition) for partition in range(partitions)]
    consumer.assign(assigned)
    consumer.seek_to_beginning(*assigned)
    ends = consumer.end_offsets(assigned)
    deadline = time.monotonic() + 2 * TIMEOUT_MS / 1000
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        if time.monotonic() > deadline:
            sys.exit('not read to the end within the time given')
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                print(line(record))
    consumer.close()


# ---- administration ----

def expect_cluster(admin, nodes):
    cluster = admin.describe_cluster()
    ids = [broker['broker_id'] for broker in cluster['brokers']]
    expect_equal(nodes, len(ids), 'brokers')
    expect_equal(1, ids.count(cluster['controller_id']), 'brokers that are the controller')
    expect_equal(22, len(cluster['cluster_id']), "letters of the cluster's id")


def expect_partitions(admin, count):
    topic, = admin.describe_topics([TOPIC])
    expect_equal(count, len(topic['partitions']), 'partitions')
    for partition in topic['partitions']:
        expect_equal([partition['leader_id']], partition['replica_nodes'], 'replicas')
        expect_equal([partition['leader_id']], partition['isr_nodes'], 'in sync')
    expect_equal(True, TOPIC in admin.list_topics(), 'listed')


def expect_config(admin, name, value, source):
    resource = ConfigResource(ConfigResourceType.TOPIC, TOPIC)
    config = admin.describe_configs([resource], config_filter='all')['topic'][TOPIC][name]
    expect_equal((value, source), (config['value'], config['config_source']), name)


def expect_offset(admin, at, expected, what):
    partition = TopicPartition(TOPIC, 0)
    expect_equal(expected, admin.list_partition_offsets({partition: at})[partition].offset, what)


def expect_consumers_view(bootstrap):
    partition = TopicPartition(TOPIC, 0)
    consumer = consumer_new(bootstrap, auto_offset_reset='none')
    expect_equal({partition: 10}, consumer.beginning_offsets([partition]), 'beginning')
    expect_equal({partition: 100}, consumer.end_offsets([partition]), 'end')
    found = consumer.offsets_for_times({partition: BASE_MS + 300})[partition]
    expect_equal((43, BASE_MS + 301), (found.offset, found.timestamp), 'offset for a time')
    consumer.assign([partition])
    consumer.seek(partition, 3)

    def poll():
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while time.monotonic() < deadline:
            consumer.poll(timeout_ms=500)

    expect_refusal(errors.OffsetOutOfRangeError, poll, "a fetch before the log's start")
    consumer.close()


def administer(bootstrap, nodes):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(','), request_timeout_ms=TIMEOUT_MS)
    producer = producer_new(bootstrap, 'none')
    expect_cluster(admin, nodes)

    def create(topic, replicas=1, configs=None):
        admin.create_topics({topic: {'num_partitions': 3, 'replication_factor': replicas,
                                     'configs': configs or {}}})

    create(TOPIC, configs={'max.message.bytes': str(MAX_BYTES)})
    expect_refusal(errors.TopicAlreadyExistsError, lambda: create(TOPIC), 'a topic that exists')
    expect_refusal(errors.InvalidTopicError, lambda: create('no/name'), 'a name with a slash')
    expect_refusal(errors.InvalidReplicationFactorError, lambda: create('many', nodes + 1),
                   'more replicas than brokers')
    expect_partitions(admin, 3)
    admin.create_partitions({TOPIC: 5})
    expect_refusal(errors.InvalidPartitionsError, lambda: admin.create_partitions({TOPIC: 2}),
                   'fewer partitions')
    expect_partitions(admin, 5)
    expect_config(admin, 'max.message.bytes', str(MAX_BYTES), 'DYNAMIC_TOPIC_CONFIG')
    expect_config(admin, 'retention.ms', '604800000', 'DEFAULT_CONFIG')

    for i in range(100):
        send(producer, TOPIC, 0, i)
    producer.flush()
    expect_offset(admin, EARLIEST, 0, 'the earliest')
    expect_offset(admin, LATEST, 100, 'the end')
    expect_offset(admin, HIGHEST_TIME, 99, 'the highest time')
    expect_offset(admin, BASE_MS + 7 * 40, 40, 'a time')
    expect_offset(admin, BASE_MS + 7 * 40 + 1, 41, 'a time between two')
    expect_offset(admin, BASE_MS + 7 * 100, -1, 'a time after the last')

    partition = TopicPartition(TOPIC, 0)
    deleted = admin.delete_records({partition: 10})
    expect_equal(10, deleted[partition]['low_watermark'], 'low watermark')
    expect_consumers_view(bootstrap)
    large = producer.send(TOPIC, partition=1, value=b'y' * (MAX_BYTES + 1000))
    expect_refusal(errors.MessageSizeTooLargeError, lambda: large.get(timeout=TIMEOUT_MS / 1000),
                   'a record above max.message.bytes')

    admin.delete_topics([TOPIC])
    expect_refusal(errors.UnknownTopicOrPartitionError, lambda: admin.delete_topics([TOPIC]),
                   'a topic that is gone')
    producer.close()
    admin.close()


def main(verb, *arguments):
    if verb == 'write':
        bootstrap, topic, partitions, records, codec = arguments
        write(bootstrap, topic, int(partitions), int(records), codec)
    elif verb == 'read':
        bootstrap, topic, partitions = arguments
        read(bootstrap, topic, int(partitions))
    elif verb == 'admin':
        bootstrap, nodes = arguments
        administer(bootstrap, int(nodes))
    elif verb == 'version':
        print(kafka.__version__)
    else:
        sys.exit(f'what is {verb}?')


main(*sys.argv[1:])
