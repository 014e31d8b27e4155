// A client on franz-go, for lib.sh's client_test: writes the agreed records, reads them back by
// partition, and administers with kadm.
//
//	franz-go write BOOTSTRAP TOPIC PARTITIONS RECORDS CODEC
//	franz-go read  BOOTSTRAP TOPIC PARTITIONS
//	franz-go admin BOOTSTRAP NODES
//	franz-go version
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	baseMs   = 1700000000000
	maxBytes = "50000"
	// Of a batch: several for the records of a partition, and below maxBytes.
	batchBytes = 40000
	timeout    = 30 * time.Second
)

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func expect(good bool, format string, arguments ...any) {
	if !good {
		fail(format, arguments...)
	}
}

func must(err error, what string) {
	expect(err == nil, "%s: %v", what, err)
}

func expectRefusal(reason, err error, what string) {
	expect(errors.Is(err, reason), "%s: expected %v, got %v", what, reason, err)
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	must(err, text)
	return n
}

func client(bootstrap string, options ...kgo.Opt) *kgo.Client {
	options = append(options, kgo.SeedBrokers(strings.Split(bootstrap, ",")...))
	client, err := kgo.NewClient(options...)
	must(err, "new client")
	return client
}

// ---- writing ----

// Producers of franz-go are idempotent unless told otherwise.
func producer(bootstrap, codec string, batchBytes int32) *kgo.Client {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	return client(bootstrap, kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[codec]), kgo.ProducerLinger(2*time.Millisecond),
		kgo.ProducerBatchMaxBytes(batchBytes))
}

func record(topic string, partition, i int) *kgo.Record {
	record := &kgo.Record{
		Topic:     topic,
		Partition: int32(partition),
		Timestamp: time.UnixMilli(baseMs + 7*int64(i)),
	}
	if i%10 != 0 {
		record.Key = []byte(fmt.Sprintf("key-%d", i))
	}
	if i%50 != 49 {
		record.Value = []byte(fmt.Sprintf("value %d %d %s", partition, i, strings.Repeat("x", i*37%301)))
	}
	for j := 0; j < i%3; j++ {
		header := kgo.RecordHeader{Key: fmt.Sprintf("h%d", j)}
		if j == 0 || i%2 == 1 {
			header.Value = []byte(fmt.Sprintf("%d.%d", i, j))
		}
		record.Headers = append(record.Headers, header)
	}
	return record
}

func write(ctx context.Context, bootstrap, topic string, partitions, records int, codec string) {
	client := producer(bootstrap, codec, batchBytes)
	defer client.Close()
	_, err := kadm.NewClient(client).CreateTopic(ctx, int32(partitions), 1, nil, topic)
	must(err, "create topic")
	var all []*kgo.Record
	for i := 0; i < records; i++ {
		for partition := 0; partition < partitions; partition++ {
			all = append(all, record(topic, partition, i))
		}
	}
	must(client.ProduceSync(ctx, all...).FirstErr(), "produce")
	for at, record := range all {
		expect(record.Offset == int64(at/partitions), "acknowledged at offset %d instead of %d",
			record.Offset, at/partitions)
	}
}

// ---- reading ----

func reader(bootstrap, topic string, partitions int, from int64, options ...kgo.Opt) *kgo.Client {
	offsets := make(map[int32]kgo.Offset)
	for partition := 0; partition < partitions; partition++ {
		offsets[int32(partition)] = kgo.NewOffset().At(from)
	}
	return client(bootstrap, append(options, kgo.FetchMaxPartitionBytes(20000), // many fetches
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))...)
}

func nullable(bytes []byte) string {
	if bytes == nil {
		return "-1 NULL"
	}
	return fmt.Sprintf("%d %s", len(bytes), bytes)
}

func line(record *kgo.Record) string {
	var headers []string
	for _, header := range record.Headers {
		if header.Value == nil {
			headers = append(headers, header.Key+"=NULL")
		} else {
			headers = append(headers, header.Key+"="+string(header.Value))
		}
	}
	return fmt.Sprintf("%d %d %d %s %s %s", record.Partition, record.Offset,
		record.Timestamp.UnixMilli(), nullable(record.Key), nullable(record.Value),
		strings.Join(headers, ","))
}

func read(ctx context.Context, bootstrap, topic string, partitions int) {
	client := reader(bootstrap, topic, partitions, 0)
	defer client.Close()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	must(err, "list end offsets")
	left := int64(0)
	ends.Each(func(end kadm.ListedOffset) { left += end.Offset })
	for left > 0 {
		fetches := client.PollFetches(ctx)
		must(fetches.Err(), "fetch")
		fetches.EachRecord(func(record *kgo.Record) { fmt.Fprintln(out, line(record)) })
		left -= int64(fetches.NumRecords())
	}
}

// ---- administration ----

func expectPartitions(ctx context.Context, admin *kadm.Client, topic string, count int) {
	topics, err := admin.ListTopics(ctx, topic)
	must(err, "list topics")
	must(topics[topic].Err, "metadata of the topic")
	expect(len(topics[topic].Partitions) == count, "%d partitions, not %d",
		len(topics[topic].Partitions), count)
	for _, partition := range topics[topic].Partitions {
		expect(len(partition.Replicas) == 1 && partition.Replicas[0] == partition.Leader &&
			len(partition.ISR) == 1, "partition %d has leader %d, replicas %v, in sync %v",
			partition.Partition, partition.Leader, partition.Replicas, partition.ISR)
	}
	expect(topics[topic].ID != kadm.TopicID{}, "the topic has no id")
}

func expectConfig(ctx context.Context, admin *kadm.Client, topic, name, value, source string) {
	resources, err := admin.DescribeTopicConfigs(ctx, topic)
	must(err, "describe configs")
	resource, err := resources.On(topic, nil)
	must(err, "describe configs")
	must(resource.Err, "describe configs")
	for _, config := range resource.Configs {
		if config.Key == name {
			expect(config.MaybeValue() == value && config.Source.String() == source,
				"%s is %s, by %s", name, config.MaybeValue(), config.Source)
			return
		}
	}
	fail("%s is not described", name)
}

func expectOffset(offsets kadm.ListedOffsets, err error, topic string, expected int64, what string) {
	must(err, what)
	found, there := offsets.Lookup(topic, 0)
	expect(there, "%s: no answer", what)
	must(found.Err, what)
	expect(found.Offset == expected, "%s: expected %d, got %d", what, expected, found.Offset)
}

func expectCluster(ctx context.Context, admin *kadm.Client, nodes int) {
	cluster, err := admin.BrokerMetadata(ctx)
	must(err, "metadata")
	expect(len(cluster.Brokers) == nodes, "%d brokers, not %d", len(cluster.Brokers), nodes)
	expect(len(cluster.Cluster) == 22, "the cluster's id is %s", cluster.Cluster)
	found := 0
	for _, id := range cluster.Brokers.NodeIDs() {
		if id == cluster.Controller {
			found++
		}
	}
	expect(found == 1, "controller %d is not one of the brokers", cluster.Controller)
	versions, err := admin.ApiVersions(ctx)
	must(err, "api versions")
	expect(len(versions) == nodes, "%d brokers said their versions", len(versions))
	versions.Each(func(one kadm.BrokerApiVersions) { must(one.Err, "api versions") })
}

func expectOutOfRange(ctx context.Context, bootstrap, topic string) {
	client := reader(bootstrap, topic, 1, 3, kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	defer client.Close()
	expectRefusal(kerr.OffsetOutOfRange, client.PollFetches(ctx).Err(), "a fetch before the start")
}

func administer(ctx context.Context, bootstrap string, nodes int) {
	const topic = "franz-go-admin"
	client := producer(bootstrap, "none", batchBytes)
	defer client.Close()
	admin := kadm.NewClient(client)
	expectCluster(ctx, admin, nodes)

	value := maxBytes
	_, err := admin.CreateTopic(ctx, 3, 1, map[string]*string{"max.message.bytes": &value}, topic)
	must(err, "create topic")
	_, err = admin.CreateTopic(ctx, 3, 1, nil, topic)
	expectRefusal(kerr.TopicAlreadyExists, err, "a topic that exists")
	_, err = admin.CreateTopic(ctx, 3, 1, nil, "no/name")
	expectRefusal(kerr.InvalidTopicException, err, "a name with a slash")
	_, err = admin.CreateTopic(ctx, 1, int16(nodes+1), nil, "many")
	expectRefusal(kerr.InvalidReplicationFactor, err, "more replicas than brokers")
	expectPartitions(ctx, admin, topic, 3)
	answers, err := admin.UpdatePartitions(ctx, 5, topic)
	must(err, "create partitions")
	must(answers[topic].Err, "create partitions")
	answers, err = admin.UpdatePartitions(ctx, 2, topic)
	must(err, "create partitions")
	expectRefusal(kerr.InvalidPartitions, answers[topic].Err, "fewer partitions")
	expectPartitions(ctx, admin, topic, 5)
	expectConfig(ctx, admin, topic, "max.message.bytes", maxBytes, "DYNAMIC_TOPIC_CONFIG")
	expectConfig(ctx, admin, topic, "retention.ms", "604800000", "DEFAULT_CONFIG")

	for i := 0; i < 100; i++ {
		must(client.ProduceSync(ctx, record(topic, 0, i)).FirstErr(), "produce")
	}
	offsets, err := admin.ListStartOffsets(ctx, topic)
	expectOffset(offsets, err, topic, 0, "the earliest")
	offsets, err = admin.ListEndOffsets(ctx, topic)
	expectOffset(offsets, err, topic, 100, "the end")
	offsets, err = admin.ListCommittedOffsets(ctx, topic)
	expectOffset(offsets, err, topic, 100, "the end of what is committed")
	offsets, err = admin.ListOffsetsAfterMilli(ctx, baseMs+7*40+1, topic)
	expectOffset(offsets, err, topic, 41, "the offset of a time between two")

	before := make(kadm.Offsets)
	before.AddOffset(topic, 0, 10, -1)
	deleted, err := admin.DeleteRecords(ctx, before)
	must(err, "delete records")
	one, _ := deleted.Lookup(topic, 0)
	expect(one.Err == nil && one.LowWatermark == 10, "delete records: %v, %d", one.Err,
		one.LowWatermark)
	expectOutOfRange(ctx, bootstrap, topic)

	large := record(topic, 1, 1)
	large.Value = []byte(strings.Repeat("y", 30000) + strings.Repeat("z", 30000))
	big := producer(bootstrap, "none", 2*batchBytes)
	defer big.Close()
	expectRefusal(kerr.MessageTooLarge, big.ProduceSync(ctx, large).FirstErr(), "a large record")

	gone, err := admin.DeleteTopics(ctx, topic)
	must(err, "delete topic")
	must(gone[topic].Err, "delete topic")
	gone, err = admin.DeleteTopics(ctx, topic)
	must(err, "delete topic")
	expectRefusal(kerr.UnknownTopicOrPartition, gone[topic].Err, "a topic that is gone")
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/twmb/franz-go" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "?"
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	expect(len(os.Args) >= 2, "usage: see the head of main.go")
	arguments := os.Args[2:]
	switch os.Args[1] {
	case "write":
		write(ctx, arguments[0], arguments[1], number(arguments[2]), number(arguments[3]), arguments[4])
	case "read":
		read(ctx, arguments[0], arguments[1], number(arguments[2]))
	case "admin":
		administer(ctx, arguments[0], number(arguments[1]))
	case "version":
		fmt.Println(version())
	default:
		fail("what is %s?", os.Args[1])
	}
}
