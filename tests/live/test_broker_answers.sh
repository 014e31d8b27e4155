#!/usr/bin/env bash
# Shows: asked the same questions, harrow's broker and real Kafka give the same answers, down to the
# sentences of errors: names, numbers, assignments, configurations and their sources, metadata,
# producer ids, what is named twice. The questions are in broker_answers.questions.
. "$(dirname "$0")/../broker/lib.sh"
require java mvn

# Broker 1 is asked, the first of Kafka's and the second of harrow's.
ask() { # BOOTSTRAP FILE
	java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$("$top/infra/kafka/kafka" classpath)" \
		"$top/tests/live/Ask.java" "$1" <"$top/tests/live/broker_answers.questions" >"$2"
}

start_kafka --brokers 3
ask "${bootstrap%%,*}" "$work/kafka"
start_stage --brokers 3 --property default.replication.factor=3 # as infra/kafka sets it
second=${bootstrap#*,}
ask "${second%%,*}" "$work/harrow"

answers=$(grep -cE '^[A-Z][A-Za-z]+ [0-9]+ [{c]' "$work/kafka")
[ "$answers" -gt 100 ] || fail "only $answers answers: $(tail -n 5 "$work/kafka")"
diff "$work/kafka" "$work/harrow" >"$work/differences" ||
	fail "< Kafka, > harrow: $(cut -c -2000 "$work/differences" | head -n 40)"
say "$answers answers, all the same"
