# glassnic: see README.md.  `make help` lists the targets.
#
# Every .c under a layer's folder is built; a new file needs no line here.
# BUILD=build-asan SAN=address,undefined builds a sanitized tree beside the
# plain one.

BUILD	?= build
SAN	?=
CC	?= cc
PYTHON	?= /usr/bin/python3
OPT	?= -O2 -g
WERROR	?= -Werror
WARN	:= -Wall -Wextra -Wshadow -Wvla -Wconversion -Wstrict-prototypes \
	   -Wmissing-prototypes -Wno-unused-parameter $(WERROR)
CFLAGS_ALL = -std=gnu11 -D_GNU_SOURCE $(OPT) $(WARN) -fPIC -fvisibility=hidden -pthread \
	     -fno-strict-aliasing -I. -I$(BUILD)/gen -MMD -MP $(SAN_FLAGS) $(CFLAGS)
SAN_FLAGS  = $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) \
	     $(if $(findstring undefined,$(SAN)),-fno-sanitize-recover=undefined)
LDFLAGS_ALL = -pthread $(SAN_FLAGS) $(LDFLAGS)

# A dependency that is missing is left out, and says so.
have	= $(shell pkg-config --exists $(1) 2>/dev/null && echo y)
lib	= $(shell pkg-config --libs $(1))
cflags	= $(shell pkg-config --cflags $(1))
# These targets install it first.
lacks	= $(if $(filter setup demo test bench interop clean help,$(MAKECMDGOALS)),,$(warning $(1)))

ifeq ($(call have,libisal),y)
CFLAGS_ALL += -DHAVE_ISAL $(call cflags,libisal)
LIBS	+= $(call lib,libisal)
else
$(call lacks,libisal not found: the ICRC is computed by the slower portable code (Debian: libisal-dev))
endif
ifeq ($(call have,libpcap),y)
CFLAGS_ALL += -DHAVE_PCAP
PCAP_LIBS := $(call lib,libpcap)
else
$(call lacks,libpcap not found: "glassnic decode" will read pcapng files only (Debian: libpcap-dev))
endif
ifeq ($(call have,libxdp libbpf),y)
CFLAGS_ALL += -DHAVE_XDP $(call cflags,libxdp libbpf)
LIBS	+= $(call lib,libxdp libbpf)
else
$(call lacks,libxdp or libbpf not found: port=xdp will refuse to work (Debian: libxdp-dev libbpf-dev))
endif

ifeq ($(call have,jansson),y)
CFLAGS_ALL += -DHAVE_JANSSON
CMD_LIBS := $(call lib,jansson)
else
$(call lacks,jansson not found: "glassnic show" will refuse to show NICs (Debian: libjansson-dev))
endif

layer	 = $(sort $(wildcard $(addsuffix /*.c,$(1))))
WIRE_SRC := $(call layer,wire)
NIC_SRC	 := $(call layer,nic nic/base nic/link nic/port nic/impair nic/host overlay)
TRACE_SRC := $(call layer,trace)
DRILL_SRC := $(call layer,drill)
REPLAY_SRC := $(call layer,replay)
CMD_SRC	 := $(call layer,cmd)
SHIM_SRC := $(call layer,verbs_shim)
# A program of its own, with the words of drills and nothing else of ours.
PEER_SRC := $(call layer,peer) $(addprefix drill/,call.c call_memory.c call_wr.c words.c verbs_words.c)
obj	 = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

# Quiet, unless V=1.
Q	:= $(if $(V),,@)
say	 = @printf '  %-5s %s\n' $(1) $(2)

.PHONY: all
all: $(BUILD)/glassnic $(BUILD)/glassnic-peer $(BUILD)/lib/libglassnic.so $(BUILD)/lib/libibverbs.so.1

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -c $< -o $@

# Archives, one a layer.
$(BUILD)/wire.a: $(call obj,$(WIRE_SRC))
$(BUILD)/nic.a: $(call obj,$(NIC_SRC))
$(BUILD)/trace.a: $(call obj,$(TRACE_SRC))
$(BUILD)/drill.a: $(call obj,$(DRILL_SRC))
$(BUILD)/replay.a: $(call obj,$(REPLAY_SRC))
$(BUILD)/cmd.a: $(call obj,$(filter-out cmd/main.c,$(CMD_SRC)))
$(BUILD)/wire.a $(BUILD)/nic.a $(BUILD)/trace.a $(BUILD)/drill.a $(BUILD)/replay.a $(BUILD)/cmd.a:
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/lib/libglassnic.so: $(call obj,$(WIRE_SRC) $(NIC_SRC))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libglassnic.so -Wl,-z,defs,-z,now $^ \
		$(LDFLAGS_ALL) $(LIBS) -o $@

# The drop-in libraries.  A version script says what they export, which works
# only with default visibility (<infiniband/verbs.h> declares none).
SHIM_OBJ := $(call obj,$(SHIM_SRC)) $(BUILD)/obj/gen/libibverbs_stubs.o
$(SHIM_OBJ): CFLAGS_ALL += -fvisibility=default

GEN_SYMBOLS = $(PYTHON) verbs_shim/gen_symbols.py
$(BUILD)/gen/libibverbs.map: verbs_shim/symbols.list verbs_shim/gen_symbols.py
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(GEN_SYMBOLS) map $< > $@.new && mv $@.new $@
$(BUILD)/gen/libibverbs_stubs.c: verbs_shim/symbols.list verbs_shim/gen_symbols.py
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(GEN_SYMBOLS) stubs $< > $@.new && mv $@.new $@
# Style and script of pictures and pages, as strings: trace/NAME.css becomes
# NAME_css.
PAGE_PARTS := $(addprefix $(BUILD)/gen/trace/,ladder_css.h page_css.h ladder_js.h)
$(BUILD)/gen/trace/%_css.h: trace/%.css
	$(embed)
$(BUILD)/gen/trace/%_js.h: trace/%.js
	$(embed)
define embed
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)(echo 'static const char $(basename $(@F))[] ='; \
		sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $<; echo ';') > $@.new && mv $@.new $@
endef
$(call obj,trace/ladder_svg.c trace/ladder_html.c): $(PAGE_PARTS)

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -c $< -o $@
$(BUILD)/shim.a: $(call obj,$(SHIM_SRC))
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/lib/libibverbs.so.1: $(SHIM_OBJ) $(BUILD)/gen/libibverbs.map \
		$(BUILD)/lib/libglassnic.so
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,libibverbs.so.1 -Wl,-z,defs,-z,now \
		-Wl,--version-script=$(BUILD)/gen/libibverbs.map \
		-Wl,-rpath,'$$ORIGIN' $(SHIM_OBJ) -L$(BUILD)/lib -lglassnic \
		$(LDFLAGS_ALL) -o $@

PARTS := $(addprefix $(BUILD)/,replay.a drill.a trace.a nic.a wire.a)
$(BUILD)/glassnic: $(call obj,$(CMD_SRC)) $(PARTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(call obj,$(CMD_SRC)) -Wl,--start-group $(PARTS) -Wl,--end-group \
		$(LDFLAGS_ALL) $(LIBS) $(PCAP_LIBS) $(CMD_LIBS) -o $@

# Linked against the system's libibverbs; it runs with whichever the loader finds.
$(BUILD)/glassnic-peer: $(call obj,$(PEER_SRC))
	$(call say,LD,$@)
	$(Q)$(CC) $^ $(LDFLAGS_ALL) -libverbs -o $@

# Unit tests: tests/unit/LAYER/NAME_test.c is a Criterion program of its own.
UNIT_SRC := $(wildcard tests/unit/*/*_test.c)
UNIT	 := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SRC))
SUPPORT_SRC := $(wildcard tests/support/*.c)
# A layer's tests see that layer and those below it.
deps_wire  = $(BUILD)/wire.a
deps_nic   = $(BUILD)/nic.a $(BUILD)/wire.a
deps_trace = $(BUILD)/trace.a $(BUILD)/wire.a
deps_cmd   = $(BUILD)/cmd.a $(BUILD)/nic.a $(BUILD)/wire.a
deps_drill = $(BUILD)/drill.a $(BUILD)/nic.a $(BUILD)/wire.a
deps_replay = $(PARTS)
# What verbs do, and what they answer to nonsense, is asked of the real library.
deps_shim  = $(if $(filter shim/errno_% shim/live_%,$*),$(DROP_IN),$(BUILD)/shim.a)
DROP_IN	  := $(BUILD)/lib/libibverbs.so.1

.PHONY: unit
unit: $(UNIT)
	@$(RUN_TESTS) tests/unit/

.SECONDEXPANSION:
$(UNIT): $(BUILD)/tests/%: tests/unit/%.c $$(deps_$$(firstword $$(subst /, ,$$*))) \
		$(call obj,$(SUPPORT_SRC))
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Wno-conversion $< $(if $(filter nic/%,$*),$(call obj,$(SUPPORT_SRC))) \
		-Wl,--start-group $(filter %.a $(DROP_IN),$^) -Wl,--end-group \
		-Wl,-rpath,'$$ORIGIN/../../lib' \
		$(LDFLAGS_ALL) $(LIBS) $(PCAP_LIBS) $(CMD_LIBS) $(call lib,criterion) -o $@

# The packets that other people's decoders are asked about.
FRAMES := $(BUILD)/tests/oracle/frames
$(FRAMES): tests/oracle/frames.c $(BUILD)/wire.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $< $(BUILD)/wire.a $(LDFLAGS_ALL) $(LIBS) -o $@

# Fuzzers: tests/fuzz/NAME_fuzz.c is a target.  clang links libFuzzer to it (see
# `fuzz'); any compiler links driver.c, which replays inputs.
FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ	 := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(FUZZ_SRC))
FUZZ_SUPPORT := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(SUPPORT_SRC))
LIBFUZZER ?=
$(FUZZ_SUPPORT): $(BUILD)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -DDUO_ABORTS -c $< -o $@
$(FUZZ): $(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(if $(LIBFUZZER),,tests/fuzz/driver.c) \
		$(FUZZ_SUPPORT) $(PARTS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -DDUO_ABORTS -Wno-conversion $(filter %.c,$^) $(FUZZ_SUPPORT) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(if $(LIBFUZZER),-fsanitize=fuzzer) \
		$(LDFLAGS_ALL) $(LIBS) $(PCAP_LIBS) -o $@
.PHONY: fuzz-programs
fuzz-programs: $(FUZZ) $(FRAMES)

SECONDS	?= 60
.PHONY: fuzz
fuzz:		# all fuzzers, SECONDS=n (60) in total; needs clang
	@$(PYTHON) tests/fuzz/run.py $(SECONDS)

# The simulator (docs/testing.md).
SIM := $(BUILD)/tests/sim/sim
$(SIM): $(call obj,$(wildcard tests/sim/*.c) $(wildcard tests/support/fabric*.c) \
		tests/support/kind_mask.c) $(BUILD)/nic.a $(BUILD)/wire.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(LDFLAGS_ALL) $(LIBS) -o $@

# Verbs programs for the end-to-end tests, on the drop-in as any other.
PATIENT := $(BUILD)/tests/e2e/patient.so
E2E := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out tests/e2e/patient.c,$(wildcard tests/e2e/*.c)))
$(E2E): $(BUILD)/tests/%: tests/%.c $(DROP_IN)
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $< $(DROP_IN) -Wl,-rpath,'$$ORIGIN/../../lib' \
		$(LDFLAGS_ALL) -o $@
$(PATIENT): tests/e2e/patient.c
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -shared $< $(LDFLAGS_ALL) -ldl -o $@

RUN_TESTS = $(PYTHON) tools/run_tests.py $(BUILD)
SETUP	  = tools/setup.sh
# What setup installs is seen only by a make that starts afterwards.
AGAIN	  = @+$(MAKE) --no-print-directory $(if $(findstring j,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: setup demo test check test-programs help
setup:		# install what is missing (apt)
	@$(SETUP)
demo:		# two hosts talk RoCEv2 inside VXLAN; takes a minute
	@$(SETUP) build demo
	$(AGAIN) all
	@tools/demo.sh $(BUILD)
test:		# every test
	@$(SETUP)
	$(AGAIN) all test-programs
	@$(RUN_TESTS)
check: all test-programs	# the quick tests
	@$(RUN_TESTS) tests/lint/ tests/unit/
test-programs: $(UNIT) $(FRAMES) $(SIM) $(E2E) $(PATIENT)

.PHONY: soak sim-run
sim-run: $(SIM)
	$(SIM) --runs 2000
soak:		# the simulator with fresh seeds, for SECONDS (60)
	$(AGAIN) $(SIM)
	@$(SIM) --seconds $(SECONDS)

# Eight threads on one context, under the sanitizers that share a process with
# nothing else.
STRESS := $(BUILD)/tests/stress/threads
$(STRESS): tests/stress/threads.c $(DROP_IN)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $< $(DROP_IN) -Wl,-rpath,'$$ORIGIN/../../lib' \
		$(LDFLAGS_ALL) -o $@
# Two stations of a hub.
STRESS_HUB := $(BUILD)/tests/stress/hub
$(STRESS_HUB): tests/stress/hub.c $(BUILD)/nic.a $(BUILD)/wire.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(filter %.c %.a,$^) $(LDFLAGS_ALL) $(LIBS) -o $@
.PHONY: stress stress-run
stress:		# many threads on one device or hub, under TSan and ASan
	$(AGAIN) stress-run BUILD=build-tsan SAN=thread
	$(AGAIN) stress-run BUILD=build-asan SAN=address,undefined
stress-run: $(STRESS) $(STRESS_HUB)
	$(STRESS)
	$(STRESS_HUB)

# What the tests run of a tree with sanitizers.
.PHONY: asan-programs tsan-programs
asan-programs: all $(UNIT) $(FRAMES) $(SIM) $(FUZZ) $(STRESS) $(STRESS_HUB) $(PATIENT)
tsan-programs: all $(STRESS) $(STRESS_HUB) $(PATIENT)

# Figures for docs/performance.md; RUNS runs of everything.
BLASTERS := $(BUILD)/tests/bench/blaster $(BUILD)/tests/bench/frame_blaster
$(BLASTERS): $(BUILD)/%: %.c tests/bench/sink.h
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $< $(LDFLAGS_ALL) -o $@
RUNS	?= 5
.PHONY: bench
bench:		# how fast it is, beside iperf3 and raw sockets; takes ten minutes
	@$(SETUP) build bench
	$(AGAIN) all $(BLASTERS)
	@$(PYTHON) tools/bench.py $(BUILD) --runs $(RUNS)

.PHONY: pcaps
pcaps: all	# pcaps/*.pcapng and their stories, from pcaps/drills/
	@$(PYTHON) tools/make_pcaps.py $(BUILD)

.PHONY: pictures
pictures: all	# docs/ladder.svg, and screenshots of pages, in Chromium (not installed by setup)
	$(BUILD)/glassnic decode pcaps/nak_psn_sequence.pcapng --ladder docs/ladder.svg
	@$(PYTHON) tools/page_pictures.py $(BUILD)

.PHONY: browser-test
browser-test: all	# the pages of decode --ladder, in Chromium (not installed by setup)
	@$(PYTHON) tests/browser/page_test.py $(BUILD)

.PHONY: conformance
conformance: all	# rdma-core's own test-suite
	@$(PYTHON) tests/conformance/run.py $(BUILD)

.PHONY: interop
interop:	# against the kernel's soft-RoCE, in QEMU; FULL=1: the whole matrix
	@$(SETUP) build demo interop
	$(AGAIN) all
	@$(PYTHON) tests/interop/run.py $(BUILD) $(FULL)

# The drop-ins stay off the loader's default path: there they would hide real
# NICs from every program.  `glassnic run' finds them.
PREFIX	?= /usr/local
# Where Wireshark, if it is there, looks for plugins; nowhere for a PREFIX of one's
# own.
WIRESHARK_PLUGINS ?= $(if $(filter /usr /usr/local,$(PREFIX)),$(shell \
	tshark -G folders 2>/dev/null | sed -n 's/^Global Lua Plugins:[[:space:]]*//p'))
.PHONY: install
install: all	# into DESTDIR, for PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/glassnic
	install $(BUILD)/glassnic $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(BUILD)/lib/*.so* $(DESTDIR)$(PREFIX)/lib/glassnic
	install $(BUILD)/glassnic-peer $(DESTDIR)$(PREFIX)/lib/glassnic
	for section in 1 5 7; do \
		install -m 644 -D -t $(DESTDIR)$(PREFIX)/share/man/man$$section \
			man/*.$$section; \
	done
	$(BUILD)/glassnic options --man | \
		sed '/^\.\\" NIC OPTIONS/r /dev/stdin' man/glassnic-nic.5 \
		> $(DESTDIR)$(PREFIX)/share/man/man5/glassnic-nic.5
	find LICENSE docs pcaps -type f -not -name '*.drill' -exec install \
		-m 644 -D {} $(DESTDIR)$(PREFIX)/share/doc/glassnic/{} ';'
	install -d $(DESTDIR)$(PREFIX)/share/glassnic/labs
	install -m 644 labs/*.py docs/drill.md $(DESTDIR)$(PREFIX)/share/glassnic/labs
	for lab in labs/[0-9]*; do \
		install -d $(DESTDIR)$(PREFIX)/share/glassnic/$$lab; \
		find $$lab -maxdepth 1 -type f -exec install -m 644 -t \
			$(DESTDIR)$(PREFIX)/share/glassnic/$$lab {} +; \
	done
	install -m 644 wireshark/glassnic.lua $(DESTDIR)$(PREFIX)/share/glassnic
	$(if $(WIRESHARK_PLUGINS),install -d $(DESTDIR)$(WIRESHARK_PLUGINS) && \
		install -m 644 wireshark/glassnic.lua $(DESTDIR)$(WIRESHARK_PLUGINS))

.PHONY: clean
clean:		# remove the build folder
	rm -rf $(BUILD)

help:		# this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*#[ \t]*\(.*\)/  make \1\t\2/p' Makefile | expand -t 24

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
