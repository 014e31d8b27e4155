# harrow: one Makefile, no configure step. `make help` lists the targets.

BUILD        ?= build
CLANG        ?= clang
PKG_CONFIG   ?= pkg-config
FUZZ_SECONDS ?= 60
JOBS         ?= $(shell nproc)
# TEST=name runs one test file or script alone, CASE=pattern one case of it: make test-unit TEST=batch CASE='*crc*'
TEST         ?= *
export CASE SEED SIM_SEEDS SIM_START

OPT       ?= -O2
SANITIZE  ?=
WARNINGS  := -Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wvla $(if $(WERROR),-Werror)
CPPFLAGS  += -D_GNU_SOURCE -Iinclude
CFLAGS    ?= -g $(OPT)
# NDEBUG is never set: asserts stay in every build. Dependencies are written beside each object.
COMPILE    = $(CC) -std=c11 $(CPPFLAGS) $(CFLAGS) $(WARNINGS) $(SANITIZE) -pthread -MMD -MP
LINK       = $(CC) $(CFLAGS) $(SANITIZE) -pthread
# Asked for when something is linked, so that `make test` can install pkg-config first.
PROTO_LIBS = $(shell $(PKG_CONFIG) --libs zlib liblz4 libzstd snappy)
IO_LIBS    = $(shell $(PKG_CONFIG) --libs liburing)
SRC_LIBS   = $(shell $(PKG_CONFIG) --libs jansson) -lm
TEST_LIBS  = $(shell $(PKG_CONFIG) --libs cmocka)

# One short line per step; V=1 shows the commands.
say       = $(if $(V),,@echo '  $(1)' &&)

VERSION   := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

objects    = $(patsubst %.c,$(BUILD)/%.o,$(1))
programs   = $(patsubst %.c,$(BUILD)/%,$(1))
proto_objects := $(call objects,$(wildcard proto/*.c))
io_objects    := $(call objects,$(wildcard io/*.c))
src_objects   := $(call objects,$(filter-out src/main.c,$(wildcard src/*.c src/*/*.c)))
unit_tests    := $(call programs,$(wildcard tests/unit/*/test_$(patsubst test_%,%,$(TEST)).c))
test_tools    := $(call programs,$(wildcard tests/tools/*.c))
fuzzers       := $(call programs,$(wildcard tests/fuzz/fuzz_$(patsubst fuzz_%,%,$(TEST)).c))
simulations   := $(call programs,$(wildcard tests/sim/test_$(patsubst test_%,%,$(TEST)).c))
benches       := $(call programs,$(wildcard bench/micro/*.c))

.PHONY: all demo test test-unit test-sim test-schema test-golden test-fuzz test-live test-broker \
	bench asan tsan ubsan fuzz tidy format install clean help unit-tests simulations tools FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/harrow ## build build/harrow

# ---- objects and libraries ----

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,cc   $<) $(COMPILE) -c $< -o $@

# The one object that knows the commit; compiled again when the commit changes.
$(BUILD)/src/version.o: CPPFLAGS += -DHARROW_VERSION='"$(VERSION)"'
$(BUILD)/src/version.o: $(BUILD)/version
$(BUILD)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@

$(BUILD)/libproto.a: $(proto_objects)
$(BUILD)/libio.a: $(io_objects)
$(BUILD)/libsrc.a: $(src_objects)
$(BUILD)/lib%.a:
	@rm -f $@
	$(call say,ar   $@) $(AR) rcs $@ $^

$(BUILD)/harrow: $(BUILD)/src/main.o $(BUILD)/libsrc.a $(BUILD)/libproto.a $(BUILD)/libio.a
	$(call say,link $@) $(LINK) $^ $(LDFLAGS) $(PROTO_LIBS) $(IO_LIBS) $(SRC_LIBS) -o $@

# The direction of the layers is proven here: proto's tests link without io, and io's without proto.
$(BUILD)/tests/unit/base/%: $(BUILD)/tests/unit/base/%.o
	$(call say,link $@) $(LINK) $^ $(LDFLAGS) $(TEST_LIBS) -o $@
$(BUILD)/tests/unit/proto/%: $(BUILD)/tests/unit/proto/%.o $(BUILD)/libproto.a
	$(call say,link $@) $(LINK) $^ $(LDFLAGS) $(PROTO_LIBS) $(TEST_LIBS) -o $@
$(BUILD)/tests/unit/io/%: $(BUILD)/tests/unit/io/%.o $(BUILD)/libio.a
	$(call say,link $@) $(LINK) $^ $(LDFLAGS) $(IO_LIBS) $(TEST_LIBS) -o $@
define link_with_everything
$(BUILD)/$(1)/%: $(BUILD)/$(1)/%.o $(BUILD)/libsrc.a $(BUILD)/libproto.a $(BUILD)/libio.a
	$$(call say,link $$@) $$(LINK) $$^ $$(LDFLAGS) $$(PROTO_LIBS) $$(IO_LIBS) $$(SRC_LIBS) $$(TEST_LIBS) -o $$@
endef
$(foreach folder,tests/unit/src tests/sim tests/tools bench/micro,$(eval $(call link_with_everything,$(folder))))

# ---- tests ----

test: ## everything: installs what it needs, then all test targets
	infra/deps.sh test
	$(MAKE) -j$(JOBS) all unit-tests simulations tools fuzz
	$(MAKE) -j1 test-unit test-sim test-schema test-golden test-fuzz test-live test-broker

unit-tests: $(unit_tests)
simulations: $(simulations)
tools: $(test_tools)

test-unit: unit-tests ## unit tests of every layer
	tests/run $(unit_tests)

# SEED=N replays one; SIM_SEEDS=N and SIM_START=N choose how many, from where.
test-sim: simulations ## seeded faults on a simulated network: io, and harrow against its broker
	tests/run $(simulations)

test-schema: tools ## every table and every byte against Kafka's own jar
	tests/run $(wildcard tests/schema/test_$(patsubst test_%,%,$(TEST)).sh)

test-golden: tools ## frames captured from real clients and brokers
	tests/run $(wildcard tests/golden/test_$(patsubst test_%,%,$(TEST)).sh)

test-live: all tools ## harrow against real Apache Kafka
	tests/run $(wildcard tests/live/test_$(patsubst test_%,%,$(TEST)).sh)

test-broker: all tools ## other clients of Kafka against harrow broker (STAGE=kafka: against Kafka)
	tests/run $(wildcard tests/broker/test_$(patsubst test_%,%,$(TEST)).sh)

# ---- fuzzers: libFuzzer under clang, with ASan and UBSan ----

FUZZ_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

fuzz: ## build the fuzzers under build/fuzz
	$(MAKE) CC=$(CLANG) BUILD=$(BUILD)/fuzz SANITIZE='$(FUZZ_FLAGS)' OPT=-O1 fuzz-programs
.PHONY: fuzz-programs
fuzz-programs: $(fuzzers)
# These are about more than proto.
fuzz_everything := $(patsubst %,$(BUILD)/tests/fuzz/fuzz_%,append broker)
$(fuzz_everything): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libsrc.a $(BUILD)/libproto.a $(BUILD)/libio.a
	$(call say,link $@) $(LINK) -fsanitize=fuzzer $^ $(LDFLAGS) $(PROTO_LIBS) $(IO_LIBS) $(SRC_LIBS) -o $@
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libproto.a
	$(call say,link $@) $(LINK) -fsanitize=fuzzer $^ $(LDFLAGS) $(PROTO_LIBS) -o $@

test-fuzz: fuzz ## run every fuzzer on its corpus, FUZZ_SECONDS each
	tests/fuzz/run $(BUILD)/fuzz $(FUZZ_SECONDS) '$(TEST)'

# ---- sanitizers: the unit tests again, in a build folder of their own ----

# What there is of that name: a unit test, a simulation, or both.
SANITIZED  = $(or $(strip $(if $(unit_tests),test-unit) $(if $(simulations),test-sim SIM_SEEDS=$(SIM_SEEDS))),test-unit)
asan ubsan: SIM_SEEDS = 300

asan: ## unit tests and some seeds under AddressSanitizer and LeakSanitizer
	$(MAKE) BUILD=$(BUILD)/asan OPT=-O1 SANITIZE='-fsanitize=address -fno-omit-frame-pointer' $(SANITIZED)
ubsan: ## unit tests and some seeds under UndefinedBehaviorSanitizer
	$(MAKE) BUILD=$(BUILD)/ubsan OPT=-O1 SANITIZE='-fsanitize=undefined -fno-sanitize-recover=undefined' $(SANITIZED)
tsan: ## unit tests under ThreadSanitizer
	$(MAKE) BUILD=$(BUILD)/tsan OPT=-O1 SANITIZE='-fsanitize=thread' test-unit

# ---- the rest ----

bench: all tools $(benches) ## micro benchmarks and CPU per record
	bench/run $(BUILD)

demo: ## live runs on the embedded broker, from nothing, in two minutes
	infra/deps.sh build
	$(MAKE) -j$(JOBS) all
	infra/demo.sh

tidy: ## clang-tidy, the layers' direction, layout of the tree
	tests/tidy/run

format: ## clang-format over every C file
	git ls-files '*.c' '*.h' | xargs clang-format -i

PREFIX ?= /usr/local
install: all ## install the binary under PREFIX
	install -D -m 755 $(BUILD)/harrow $(DESTDIR)$(PREFIX)/bin/harrow

clean: ## remove build/ (test brokers that still run are left alone: infra/kafka/kafka down)
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  variables: V=1 CC=clang WERROR=1 TEST=name CASE=pattern FUZZ_SECONDS=60 BUILD=build'

-include $(shell find $(BUILD) -name '*.d' -not -path '$(BUILD)/*san/*' -not -path '$(BUILD)/fuzz/*' 2>/dev/null)
