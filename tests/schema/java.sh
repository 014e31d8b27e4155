# Sourced by the schema tests, in the repository's top: compiles tests/schema/*.java against the
# kafka-clients 4.3.1 jar into build/, and sets build and java (the command up to the class name).
# KAFKA_CLASSPATH, if set, names the jars; otherwise infra/kafka/kafka fetches them.
build=${BUILD:-build}
version=4.3.1
jars=${KAFKA_CLASSPATH:-$(infra/kafka/kafka classpath "$version")}
classes=$build/tests/schema/classes
mkdir -p "$classes"
(
	flock 9
	newest=$(ls -t tests/schema/*.java "$classes/done" 2>/dev/null | head -n 1)
	if [ "$newest" != "$classes/done" ]; then
		javac -Xlint:all,-serial,-classfile -proc:none -d "$classes" -cp "$jars" tests/schema/*.java
		touch "$classes/done"
	fi
) 9>"$classes/lock"
java=(java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m -cp "$classes:$jars")
