# make           builds the library and the Node addon
# make demo      runs the main job: four processes in four languages, and what happens when one dies
# make test      runs every test of every language
# make install   installs library, header, pkg-config file and command; DESTDIR, PREFIX, LIBDIR
#
# Further: test-sanitize, torture, bench [CASE=glob], check, clean.

SHELL = /bin/sh
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
CASE ?= *

version_part = $(shell awk '$$2 == "SYNCMGR_VERSION_$(1)" { print $$3 }' include/syncmgr.h)
MAJOR := $(call version_part,MAJOR)
VERSION := $(MAJOR).$(call version_part,MINOR).$(call version_part,PATCH)

# The library as the build leaves it, and as it is used: stripped, under its three names.
BUILT := .build/release/libsyncmgr.so
LIBRARY := .build/lib/libsyncmgr.so.$(VERSION)
BUILT_COMMAND := .build/release/syncmgr-command
COMMAND := .build/bin/syncmgr

# What belongs to the command: the manual page, and what shells complete.
SHARED := man/man1/syncmgr.1 bash-completion/completions/syncmgr zsh/site-functions/_syncmgr

# Node has its headers beside itself, or where the distribution puts them.
NODE_INCLUDE := $(shell node -p 'require("path").resolve(process.execPath, "../../include/node")' \
  2>/dev/null)
ifeq ($(wildcard $(NODE_INCLUDE)/node_api.h),)
NODE_INCLUDE := /usr/include/node
endif

# Programs of this repository find the library beside themselves.
RPATH := -rpath -Xlinker '$$ORIGIN/../lib'
COMPILE_C = gcc -std=gnu11 -O2 -Wall -Wextra -Werror -Iinclude $< -o $@ \
  -L.build/lib -lsyncmgr -Xlinker $(RPATH)
COMPILE_SWIFT = swiftc -O -swift-version 6 -static-stdlib -I include $< -o $@ \
  -L .build/lib -lsyncmgr -Xlinker $(RPATH)

WORKERS := .build/demo/worker-c .build/demo/worker-swift
EXAMPLES := $(foreach name,worker channel store,\
  .build/examples/$(name)-c .build/examples/$(name)-swift)
PROGRAMS := $(WORKERS) $(EXAMPLES) .build/pairs/talker-c

.PHONY: all build library command prerequisites addon programs demo test test-sanitize torture \
  bench check install install-files clean FORCE
.DELETE_ON_ERROR:
# One build at a time: the tools below share .build, and each uses all processors by itself.
.NOTPARALLEL:

all: build

build: library addon command
	@echo "Built $(LIBRARY), $(COMMAND) and bindings/node/build/addon.node"

prerequisites:
	@Tests/tools/prerequisites.sh

library: prerequisites $(LIBRARY)

# swift build knows by itself what is out of date; the copy is renewed when there is a new one.
$(BUILT): FORCE | prerequisites
	swift build -c release --product syncmgr

# Moved into place complete, because programs that run have the old one mapped.
$(LIBRARY): $(BUILT)
	@mkdir -p $(@D)
	strip -s -o $@.new $<
	mv -f $@.new $@
	ln -sfn $(@F) $(@D)/libsyncmgr.so.$(MAJOR)
	ln -sfn libsyncmgr.so.$(MAJOR) $(@D)/libsyncmgr.so

command: prerequisites $(COMMAND)

$(BUILT_COMMAND): FORCE | prerequisites
	swift build -c release --product syncmgr-command

$(COMMAND): $(BUILT_COMMAND)
	@mkdir -p $(@D)
	strip -s -o $@.new $<
	mv -f $@.new $@

addon: prerequisites
	$(MAKE) -C bindings/node NODE_INCLUDE=$(NODE_INCLUDE)

programs: build $(PROGRAMS)

.build/demo/worker-%: Tests/demo/worker.% include/syncmgr.h $(LIBRARY)
	@mkdir -p $(@D)
	$(if $(filter c,$*),$(COMPILE_C),$(COMPILE_SWIFT))

.build/pairs/%-c: Tests/pairs/%.c include/syncmgr.h $(LIBRARY)
	@mkdir -p $(@D)
	$(COMPILE_C)

.build/examples/%-c: examples/c/%.c include/syncmgr.h $(LIBRARY)
	@mkdir -p $(@D)
	$(COMPILE_C)

.build/examples/%-swift: examples/swift/%.swift include/syncmgr.h $(LIBRARY)
	@mkdir -p $(@D)
	$(COMPILE_SWIFT)

demo: build $(WORKERS)
	@python3 -B Tests/demo/demo.py

test: programs
	@python3 -B Tests/tools/suites.py test $(SUITE)

test-sanitize: prerequisites
	@python3 -B Tests/tools/suites.py sanitize $(SUITE)

torture: build
	$(MAKE) -C Tests/crash torture
	$(MAKE) -C Tests/c torture

bench: build
	CASE='$(CASE)' python3 -B Tests/bench/bench.py

check: prerequisites
	@python3 -B Tests/tools/suites.py check $(SUITE)

install: build install-files

install-files:
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include/syncmgr
	install -m 755 $(LIBRARY) $(DESTDIR)$(LIBDIR)/libsyncmgr.so.$(VERSION)
	ln -sfn libsyncmgr.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libsyncmgr.so.$(MAJOR)
	ln -sfn libsyncmgr.so.$(MAJOR) $(DESTDIR)$(LIBDIR)/libsyncmgr.so
	install -m 644 include/syncmgr.h $(DESTDIR)$(PREFIX)/include/syncmgr.h
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(COMMAND) $(DESTDIR)$(PREFIX)/bin/syncmgr
	for file in $(SHARED); do install -D -m 644 share/$$file $(DESTDIR)$(PREFIX)/share/$$file; done
	@# In a folder of its own: a module map at the top would be everybody's.
	@sed 's|"syncmgr.h"|"../syncmgr.h"|' include/module.modulemap \
	  > $(DESTDIR)$(PREFIX)/include/syncmgr/module.modulemap
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' \
	  'includedir=$${prefix}/include' '' \
	  'Name: syncmgr' 'Version: $(VERSION)' \
	  'Description: Locks, semaphores, barriers and events between processes in any language' \
	  'Libs: -L$${libdir} -lsyncmgr' 'Cflags: -I$${includedir}' \
	  > $(DESTDIR)$(LIBDIR)/pkgconfig/syncmgr.pc
	@echo "Installed syncmgr $(VERSION) in $(DESTDIR)$(PREFIX)"

clean:
	rm -rf .build
	$(MAKE) -C bindings/node clean
	find Tests bindings examples -name __pycache__ -prune -exec rm -rf {} +
