# ngx_social_module: "make run" and "make test" do all the set-up they need.
#
#   make run       all of it, on http://localhost:8080/ (PORT=, BIND=)
#   make deps      install what Debian and npm have to give (says what, first)
#   make build     the module and the core library, into build/
#   make test      everything that proves it
#   make lint      static checks
#   make fuzz      60 s of each fuzzer
#   make soak      the long tests, about an hour
#   make coverage  of core, by its unit tests
#   make bench     what authorization and CORS cost (PEERS=1: elsewhere, too)
#   make valgrind  the tests under valgrind, and five reloads
#   make nginx-source
#                  an nginx in which memory errors show
#   make migrate   bring the database of PGHOST ... up to date
#   make package   Debian packages, in build/package: see scripts/package
#   make install   what was built, to PREFIX (DESTDIR=): see scripts/install
#   make uninstall remove it again
#
# NGINX_SRC=dir    build against that nginx source tree
# NGINX=binary     test with that nginx
# JOBS=n           that many suites at once (twice the processors)
# SANITIZE=1       build and test under ASan and UBSan

.DEFAULT_GOAL := build
.PHONY: run deps build frontend test bench lint fuzz clean clean-data unit \
    coverage nginx-source valgrind migrate soak package install uninstall

# NGINX is taken out of the environment again before an nginx runs, which
# would read it as a list of sockets

export NGINX_SRC NGINX SANITIZE NGINX_FLAGS CC TESTS JOBS

# what the tests need beside it: none is left out for want of a package

TESTED = e2e clients edge package monitoring ceph

run:
	@scripts/deps default node run
	@scripts/deps-npm
	@scripts/build && scripts/frontend && exec scripts/run

deps:
	scripts/deps default node run $(TESTED)
	scripts/deps-npm

deps-%:
	scripts/deps default node run $(TESTED) $*
	scripts/deps-npm $*

frontend: deps
	scripts/frontend

build:
	scripts/build

coverage: deps
	scripts/coverage

unit: build
	scripts/unit

test: $(if $(SANITIZE),deps-sanitize,deps)
	scripts/test

valgrind: deps-valgrind
	VALGRIND=1 scripts/test

nginx-source: deps-source
	scripts/nginx-source

# first what a request costs, and whether it leaves memory behind, then what the
# rest of the system does in a second

bench: deps-bench deps-valgrind build
	scripts/bench/run
	scripts/bench/memory
	scripts/bench/instructions
	scripts/bench/presigns
	scripts/bench/store
	scripts/bench/hooks
	scripts/bench/queue
	scripts/bench/worker

lint: deps-lint
	scripts/lint

soak: deps-soak deps-fuzz
	scripts/soak

fuzz: deps-fuzz
	scripts/fuzz

migrate:
	scripts/migrate

package: deps-package
	scripts/package

# not "build": root installs what was built and tested

export PREFIX DESTDIR SYSCONFDIR MODULESDIR NGINXCONFDIR NGINXLOGDIR SBINDIR \
    DATADIR DOCDIR MANDIR UNITDIR SYSUSERSDIR PACKAGE BUILT LINTIAN PARTS

install:
	scripts/install $(PARTS)

uninstall:
	scripts/install -u $(PARTS)

clean:
	rm -rf build t/servroot* t/e2e/node_modules idp/node_modules \
	    frontend/node_modules

# what "make run" keeps

clean-data:
	rm -rf var
	[ "$$(id -u)" != 0 ] || rm -rf /var/lib/ngx_social_module
