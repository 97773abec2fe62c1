# wxmoments: builds, tests and packs. `make demo` and `make test` install what they miss.
#
#   make            both builds: build/5.4 (Lua 5.4) and build/luajit (LuaJIT, PUC 5.1)
#   make demo       the demonstration, from nothing
#   make test       everything, from nothing; ends in "N passed, N failed"
#   make bench      what reading costs, against lua-cjson
#   make env        this tree's environment: eval "$(make -s env)"; LUA=luajit for LuaJIT
#   make lint | format | test-luajit | test-c | test-valgrind | check-all
#   make fuzz SECONDS=60 | fuzz-coverage
#   make install DESTDIR= PREFIX=/usr/local | rock | clean

# Yours to set. CFLAGS and LDFLAGS come after ours, so that they win.
PREFIX        = /usr/local
CC            = gcc
INSTALL       = install
includes      = $(patsubst -I%,%,$(shell pkg-config --cflags-only-I $(1)))
LUA_INCDIR    = $(call includes,lua5.4)
LUA51_INCDIR  = $(call includes,lua5.1)
LUA52_INCDIR  = $(call includes,lua5.2)
LUA53_INCDIR  = $(call includes,lua5.3)
LUAJIT_INCDIR = $(call includes,luajit)
CURL_CFLAGS   = $(shell pkg-config --cflags libcurl)
CURL_LIBS     = $(shell pkg-config --libs libcurl)
BUSTED        = $(shell command -v busted)
JOBS          = $(shell nproc)
LUA_LIBS      = $(shell pkg-config --libs lua5.4)
SECONDS       = 60

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wpointer-arith -Wcast-qual -Wconversion -Wsign-conversion -Wundef -Wvla
OUR_CFLAGS = -std=c99 $(WARNINGS) -O2 -fPIC -fvisibility=hidden
SANITIZE = -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all

# What each shared object is made of: curl.so knows libcurl, core.so nothing but libc.
PURE = $(filter-out wxm_curl.c,$(notdir $(sort $(wildcard csrc/wxm_*.c))))
CORE = $(filter-out lua_curl.c,$(notdir $(sort $(wildcard csrc/lua_*.c)))) $(PURE)
CURL = lua_curl.c wxm_curl.c wxm_buf.c wxm_pin.c
ROCKSPEC = $(wildcard wxmoments-*.rockspec)
ROCK = $(ROCKSPEC:.rockspec=)
LUA_FILES = $(shell find lua -name '*.lua' | sort)
UNITS = $(patsubst spec/c/%.c,build/asan/units/%,$(sort $(wildcard spec/c/test_*.c)))

FUZZ = $(patsubst spec/fuzz/fuzz_%.c,%,$(sort $(wildcard spec/fuzz/fuzz_*.c)))

.PHONY: all build-lua build-luajit env demo bench install rock clean format check-all \
	test test-symbols test-lua test-luajit test-c test-c-units test-c-lua test-c-luajit \
	test-fuzz fuzz $(FUZZ:%=fuzz-%) fuzz-coverage \
	test-valgrind test-lua5.1 test-lua5.2 test-lua5.3 \
	lint lint-format lint-luacheck lint-luajit lint-warnings lint-tidy lint-layers lint-rockspec
.DELETE_ON_ERROR:
.SUFFIXES:

all: build-lua build-luajit

# --- building -----------------------------------------------------------------------------

# $(call rules,DIR,LUA'S HEADERS,MORE FLAGS): DIR/wxmoments/{core,curl}.so. A shared object
# also depends on the folder csrc, so that a source taken away is missed.
define rules
$(1)/obj/%.o: csrc/%.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(OUR_CFLAGS) $(3) -I$(2) $$(if $$(findstring _curl,$$*),$$(CURL_CFLAGS)) \
		-MMD -MP $$(CPPFLAGS) $$(CFLAGS) -c -o $$@ $$<
$(1)/wxmoments/core.so: $(CORE:%.c=$(1)/obj/%.o) csrc
	@mkdir -p $$(@D)
	$$(CC) -shared $(3) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^)
$(1)/wxmoments/curl.so: $(CURL:%.c=$(1)/obj/%.o) csrc
	@mkdir -p $$(@D)
	$$(CC) -shared $(3) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(CURL_LIBS)
-include $(wildcard $(1)/obj/*.d)
endef
both = $(1)/wxmoments/core.so $(1)/wxmoments/curl.so

$(eval $(call rules,build/5.4,$$(LUA_INCDIR)))
$(eval $(call rules,build/luajit,$$(LUA51_INCDIR)))
$(eval $(call rules,build/5.2,$$(LUA52_INCDIR)))
$(eval $(call rules,build/5.3,$$(LUA53_INCDIR)))
$(eval $(call rules,build/asan/5.4,$$(LUA_INCDIR),$$(SANITIZE)))
$(eval $(call rules,build/asan/luajit,$$(LUA51_INCDIR),$$(SANITIZE)))
$(eval $(call rules,build/fuzz,$$(LUA_INCDIR),$$(SANITIZE) -fsanitize=fuzzer-no-link))
$(eval $(call rules,build/coverage,$$(LUA_INCDIR),$$(COUNTED)))

build-lua: $(call both,build/5.4)
build-luajit: $(call both,build/luajit)

clean:
	rm -rf build

# --- using the tree -----------------------------------------------------------------------

SUBMAKE = $(MAKE) -s --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))
LUA_PATH_HERE = $(CURDIR)/lua/?.lua;;
# $(call cpath_in,DIR): where that build's shared objects are found, from any folder
cpath_in = $(CURDIR)/$(1)/?.so;;

LUA = lua5.4
env:
	@$(SUBMAKE) $(if $(findstring jit,$(LUA)),build-luajit,build-lua) >&2
	@echo "export LUA_PATH='$(LUA_PATH_HERE)'" \
		"LUA_CPATH='$(call cpath_in,build/$(if $(findstring jit,$(LUA)),luajit,5.4))'"

demo:
	@.ci/setup demo
	@$(SUBMAKE) all
	@LUA_PATH='$(LUA_PATH_HERE)' LUA_CPATH='$(call cpath_in,build/5.4)' \
		lua5.4 examples/script/demo.lua

# What reading costs against lua-cjson, both Luas; fails where a ratio is beyond its bound.
bench:
	@.ci/setup test
	@$(SUBMAKE) all
	@LUA_PATH='$(LUA_PATH_HERE)' LUA_CPATH='$(call cpath_in,build/5.4)' \
		lua5.4 spec/bench/read.lua
	@LUA_PATH='$(LUA_PATH_HERE)' LUA_CPATH='$(call cpath_in,build/luajit)' \
		luajit spec/bench/read.lua

# --- testing ------------------------------------------------------------------------------

LINTS = lint-format lint-luacheck lint-luajit lint-warnings lint-tidy lint-layers lint-rockspec
TESTS = test-symbols test-lua test-luajit test-c-units test-c-lua test-c-luajit test-fuzz \
	test-valgrind

test:
	@.ci/setup test
	@MAKE='$(SUBMAKE)' .ci/tally all $(LINTS) $(TESTS)

# $(call suite,LABEL,DIR,LUA): the specs against DIR's build, counted; options may follow
suite = @LUA_PATH='$(LUA_PATH_HERE)' LUA_CPATH='$(call cpath_in,$(2))' \
	.ci/suite "$(1)" $(3) $(BUSTED) -o plainTerminal
# These would win over the two above, and so test another build.
unexport LUA_INIT LUA_PATH_5_2 LUA_CPATH_5_2 LUA_PATH_5_3 LUA_CPATH_5_3 LUA_PATH_5_4 LUA_CPATH_5_4

test-lua: build-lua
	$(call suite,Lua 5.4,build/5.4,lua5.4)

test-luajit: build-luajit
	$(call suite,LuaJIT,build/luajit,luajit)

# The C units and both Lua suites with ASan and UBSan; the first finding ends the program.
# Leaks in the Lua suites are valgrind's to find, because the interpreters have their own.
test-c: test-c-units test-c-lua test-c-luajit test-fuzz

SANITIZED = env ASAN_OPTIONS=halt_on_error=1:detect_leaks=$(1) \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
PRELOADED = $(call SANITIZED,0) LD_PRELOAD=$$($(CC) -print-file-name=libasan.so)
SKIPPED = slow,install

build/asan/units/%: spec/c/%.c $(PURE:%.c=build/asan/5.4/obj/%.o)
	@mkdir -p $(@D)
	$(CC) $(OUR_CFLAGS) $(SANITIZE) -Icsrc -MMD -MP $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) \
		-o $@ $< $(filter %.o,$^)
-include $(wildcard build/asan/units/*.d)

# This one needs Lua, and allocations that fail when it says so.
build/asan/units/test_memory: $(CORE:%.c=build/asan/5.4/obj/%.o)
build/asan/units/test_memory: LDFLAGS += -I$(LUA_INCDIR) $(LUA_LIBS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

test-c-units: $(UNITS)
	$(if $(UNITS),,$(error no C unit in spec/c))
	@bad=0; for unit in $^; do \
		$(call SANITIZED,1) .ci/suite "C $$(basename $$unit)" $$unit || bad=1; \
	done; exit $$bad

test-c-lua: $(call both,build/asan/5.4)
	@echo "with ASan and UBSan; without the specs tagged $(SKIPPED)"
	$(call suite,Lua 5.4 sanitized,build/asan/5.4,$(PRELOADED) lua5.4) --exclude-tags=$(SKIPPED)

test-c-luajit: $(call both,build/asan/luajit)
	@echo "with ASan and UBSan; without the specs tagged $(SKIPPED)"
	$(call suite,LuaJIT sanitized,build/asan/luajit,$(PRELOADED) luajit) --exclude-tags=$(SKIPPED)

# --- fuzzing ------------------------------------------------------------------------------

# $(call target,DIR,MAIN,FLAGS): DIR/fuzz_*, each target linked with the core and what runs it
define target
$(1)/fuzz_%: spec/fuzz/fuzz_%.c spec/fuzz/fuzz.c $(2) $(CORE:%.c=$(1)/obj/%.o) spec/fuzz/fuzz.h
	@mkdir -p $$(@D)
	$$(CC) $$(OUR_CFLAGS) $(3) -Icsrc -I$$(LUA_INCDIR) $$(CPPFLAGS) $$(CFLAGS) -o $$@ \
		$$(filter %.c %.o,$$^) $$(LDFLAGS) $$(LUA_LIBS) -lm
endef
COUNTED = -g -O1 -fprofile-instr-generate -fcoverage-mapping
$(eval $(call target,build/fuzz,,$$(SANITIZE) -fsanitize=fuzzer))
$(eval $(call target,build/asan/5.4,spec/fuzz/replay.c,$$(SANITIZE)))
$(eval $(call target,build/coverage,spec/fuzz/replay.c,$$(COUNTED)))
build/fuzz/% build/coverage/%: override CC = clang

# The kept inputs, once each.
test-fuzz: $(FUZZ:%=build/asan/5.4/fuzz_%)
	@bad=0; for target in $(FUZZ); do $(call SANITIZED,1) .ci/suite "fuzz $$target" \
		build/asan/5.4/fuzz_$$target spec/fuzz/corpus/$$target/* || bad=1; \
	done; exit $$bad

# $(SECONDS) for each target, begun with the kept inputs and what earlier runs found.
fuzz:
	@.ci/setup fuzz
	@MAKE='$(SUBMAKE)' .ci/tally $(FUZZ:%=fuzz-%)

$(FUZZ:%=fuzz-%): fuzz-%: build/fuzz/fuzz_%
	@mkdir -p build/fuzz/corpus/$*
	$(call SANITIZED,1) $< -max_total_time=$(SECONDS) -timeout=10 -print_final_stats=1 \
		-dict=spec/fuzz/json.dict -artifact_prefix=build/fuzz/$*- \
		build/fuzz/corpus/$* spec/fuzz/corpus/$*

# How many branches of read and write the kept inputs and the specs reach. Fails below 95 %.
fuzz-coverage:
	@.ci/setup fuzz
	@$(SUBMAKE) build/coverage/wxmoments/core.so build/coverage/wxmoments/curl.so \
		$(FUZZ:%=build/coverage/fuzz_%) build/coverage/test_memory
	@LUA_PATH='$(LUA_PATH_HERE)' LUA_CPATH='$(call cpath_in,build/coverage)' LUA=lua5.4 \
		BUSTED='$(BUSTED)' .ci/coverage build/coverage 95 lua_read lua_write

build/coverage/test_memory: spec/c/test_memory.c $(CORE:%.c=build/coverage/obj/%.o)
	$(CC) $(OUR_CFLAGS) $(COUNTED) -Icsrc -I$(LUA_INCDIR) $(CPPFLAGS) $(CFLAGS) -o $@ $^ \
		-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc $(LDFLAGS) $(LUA_LIBS)

# Memory errors and blocks definitely lost. nginx and whatever else the specs start runs
# outside valgrind, so specs of those would show nothing here and are left out.
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
	--errors-for-leak-kinds=definite --num-callers=30 --child-silent-after-fork=yes \
	$(addprefix --suppressions=,$(wildcard spec/support/valgrind.supp))
VALGRIND_SKIPPED = slow,install,nginx,many

test-valgrind: build-lua
	@echo "under valgrind; without the specs tagged $(VALGRIND_SKIPPED)"
	$(call suite,Lua 5.4 valgrind,build/5.4,$(VALGRIND) lua5.4) \
		--exclude-tags=$(VALGRIND_SKIPPED)

# What is in the shared objects, and that LuaJIT's loads in PUC Lua 5.1 too.
test-symbols: all
	@.ci/suite "shared objects" .ci/symbols $(call both,build/5.4) $(call both,build/luajit)
	@LUA_CPATH='$(call cpath_in,build/luajit)' \
		lua5.1 -e 'require "wxmoments.core" require "wxmoments.curl"'

# The other Luas, on the same sources.
check-all:
	@.ci/setup all
	@MAKE='$(SUBMAKE)' .ci/tally all $(LINTS) $(TESTS) test-lua5.1 test-lua5.2 test-lua5.3

test-lua5.1: build-luajit
	$(call suite,Lua 5.1,build/luajit,lua5.1)

test-lua5.2: $(call both,build/5.2)
	$(call suite,Lua 5.2,build/5.2,lua5.2)

test-lua5.3: $(call both,build/5.3)
	$(call suite,Lua 5.3,build/5.3,lua5.3)

# --- style --------------------------------------------------------------------------------

lint: $(LINTS)

format:
	clang-format -i $(wildcard csrc/*.[ch] spec/c/*.[ch] spec/fuzz/*.[ch])

lint-format:
	clang-format --dry-run -Werror $(wildcard csrc/*.[ch] spec/c/*.[ch] spec/fuzz/*.[ch])

lint-luacheck:
	luacheck -q --no-color lua spec examples .luacheckrc .busted
	luacheck -q --no-color --std rockspec - <$(ROCKSPEC)

# luacheck takes syntax that only 5.4 has; LuaJIT's compiler doesn't.
lint-luajit:
	for file in $(LUA_FILES); do luajit -b $$file /dev/null || exit 1; done

# Every warning, with both compilers and each Lua's headers.
lint-warnings:
	for cc in gcc clang; do for lua in $(LUA_INCDIR) $(LUA51_INCDIR) $(LUAJIT_INCDIR); do \
		$$cc $(OUR_CFLAGS) -Werror -fsyntax-only -Icsrc -I$$lua $(CURL_CFLAGS) \
			$(wildcard csrc/*.c spec/c/*.c spec/fuzz/*.c) || exit 1; \
	done; done

# Standard error counts what it suppressed in system headers; other words there matter
# only when it failed.
lint-tidy:
	@mkdir -p build
	printf '%s\n' $(wildcard csrc/*.c) | xargs -P $(JOBS) -n 2 sh -c \
		'clang-tidy --quiet "$$@" -- -std=c99 -I$(LUA_INCDIR) $(CURL_CFLAGS)' sh \
		2>build/tidy.log || { grep -v 'warnings* generated' build/tidy.log; exit 1; }

# The rings of design.md: which file may include what, and words that C must not say.
LUA_HEADERS = 'include *[<"](lua|lauxlib|lualib|lua_[a-z]+)[.]h'
CURL_HEADERS = 'include *[<"]curl/'
BANNED = '\b(lua_(p?call|yield)k?|luaL_ref)\b|\b(abort|exit) *[(]'
STORED_STATE = '^ +lua_State *[*][a-zA-Z_]+;'
lint-layers:
	! grep -nE $(LUA_HEADERS) csrc/wxm_*.[ch]
	! grep -nE $(CURL_HEADERS) $(filter-out csrc/wxm_curl.c,$(wildcard csrc/*.[ch]))
	! grep -nE $(BANNED) csrc/*.[ch]
	! grep -nE $(STORED_STATE) csrc/*.[ch]
	test -z "$(wildcard lua/wxmoments/core.lua lua/wxmoments/curl.lua)"

lint-rockspec:
	HOME=$(CURDIR)/build luarocks --lua-version=5.4 lint $(ROCKSPEC)

# --- installing ---------------------------------------------------------------------------

# $(call put,VERSION,DIR): one Lua version's files
define put
	set -e; for file in $(LUA_FILES:lua/%=%); do \
		$(INSTALL) -D -m 644 lua/$$file $(DESTDIR)$(PREFIX)/share/lua/$(1)/$$file; \
	done
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/lib/lua/$(1)/wxmoments
	$(INSTALL) -m 755 $(call both,$(2)) $(DESTDIR)$(PREFIX)/lib/lua/$(1)/wxmoments
endef

install: all
	$(call put,5.4,build/5.4)
	$(call put,5.1,build/luajit)

# A folder that serves as a LuaRocks server: luarocks install --server=build/rock wxmoments
rock:
	@rm -rf build/rock build/rock.tmp
	@mkdir -p build/rock build/rock.tmp/$(ROCK)
	cp -R csrc lua $(wildcard *.md) LICENSE $(ROCKSPEC) build/rock.tmp/$(ROCK)
	tar -C build/rock.tmp -czf build/rock.tmp/$(ROCK).tar.gz $(ROCK)
	cp $(ROCKSPEC) build/rock.tmp
	cd build/rock.tmp && zip -q ../rock/$(ROCK).src.rock $(ROCKSPEC) $(ROCK).tar.gz
	HOME=$(CURDIR)/build/rock.tmp luarocks-admin --lua-version=5.4 make-manifest build/rock
	@rm -rf build/rock.tmp
