#!/usr/bin/env bash
# Kafka's own Java clients, of 4.3.1 and of 2.8.1: idempotent produce with every codec, consume by
# assign(), reading committed records, and the admin client (JavaClient.java).
. "$(dirname "$0")/lib.sh"
require kcat java javac mvn

# java_client VERSION: sets command
java_client() {
	local jars classes=$work/classes-$1
	jars=$("$top/infra/kafka/kafka" classpath "$1")
	mkdir -p "$classes"
	javac -nowarn -cp "$jars" -d "$classes" "$top/tests/broker/JavaClient.java"
	command=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m
		"-Dlog4j.configuration=file:$top/infra/kafka/log4j.properties"
		"-Dlog4j2.configurationFile=$top/infra/kafka/log4j2.properties"
		-Dkafka.log.level=WARN -Dlog4j2.disable.jmx=true -cp "$classes:$jars" JavaClient)
}

start_stage --brokers 3
for version in 4.3.1 2.8.1; do
	java_client $version
	client_test java $version "${command[@]}"
done
