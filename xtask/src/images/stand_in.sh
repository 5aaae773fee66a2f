#!/usr/bin/env bash
# Builds container images of redis, postgres and etcd where none can be pulled, on a Debian host.
#
#   stand_in.sh CACHE SUITE NAME...
#
# The packages of a Debian suite are fetched into a private apt root under CACHE and unpacked there;
# nothing is installed, and no rights are needed but those to talk to apt's mirror and to Docker. Of
# each server its programs, the libraries they load and a busybox become a one-layer image for
# `docker load`. What a user of the official image relies on is kept: entry point, variables, ports,
# stop signal, and the lines a start is recognised by.
#
# An image is labelled with the hash of this file: once this file changes, it is built again.
# Prints `NAME IMAGE` for each image, tagged by its version; tells its progress on standard error.
set -euo pipefail
export LC_ALL=C
umask 022

cache=$1 suite=$2
shift 2
recipe=$(sha256sum "$0" | cut -c 1-16)
root=$cache/$suite/root image=$cache/$suite/image apt=$cache/$suite/apt

say() { echo "    [$suite] $*" >&2; }
fail() { say "$*"; exit 1; }
label() { docker image inspect --format "{{index .Config.Labels \"$2\"}}" "localhost/standin-$1:$suite" 2>/dev/null || true; }

# --- packages -------------------------------------------------------------------------------------

# The versions of a suite, whatever the host has: an empty dpkg status makes apt resolve everything
# down to libc. The host's own settings stay out, but for its proxy and certificates.
private_apt() {
  local mirror keys=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$apt"/{lists/partial,archives/partial}
  : >"$apt/status"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -v security | head -n 1)
  [ -n "$mirror" ] || fail "the apt sources of this host name no Debian mirror: add one, or set the image variables"
  echo "deb $([ ! -e $keys ] || echo "[signed-by=$keys]") $mirror $suite main" >"$apt/sources.list"
  (umask 077; cat >"$apt/apt.conf") <<EOF # a proxy may have a password
$(apt-config dump Acquire | grep -v IndexTargets)
Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null"; Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "$apt/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::State "$apt"; Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status"; Dir::Cache "$apt"; Dir::Cache::archives "$apt/archives";
APT::Sandbox::User ""; APT::Install-Recommends "false"; Acquire::Languages "none"; Acquire::Retries "3";
EOF
  export APT_CONFIG=$apt/apt.conf
}

fetch() {
  local postgres
  private_apt
  say "fetching packages"
  apt-get -qq update >&2 || [ -n "$(ls "$apt"/lists/*Packages* 2>/dev/null)" ] || fail "the package lists cannot be read"
  postgres=$(apt-cache search --names-only '^postgresql-[0-9]+$' | cut -d ' ' -f 1 | sort -V | tail -n 1)
  apt-get -qq autoclean >&2
  apt-get -qq --yes --download-only install libc-bin busybox-static redis-server redis-tools etcd-server etcd-client "$postgres" >&2
  unset APT_CONFIG
}

unpack() {
  say "unpacking"
  rm -rf "$root"
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
  for directory in bin sbin lib lib64; do ln -s "usr/$directory" "$root/$directory"; done
  # What only maintainer scripts and plug-ins need stays packed.
  find "$apt/archives" -maxdepth 1 -name '*.deb' ! -name 'libllvm*' ! -name 'libz3*' ! -name '*perl*' ! -name 'systemd*' \
    ! -name 'locales*' ! -name 'dpkg_*' ! -name 'dbus*' ! -name 'openssl_*' -print0 |
    xargs -0 -n 1 -P "$(nproc)" sh -c 'dpkg-deb --fsys-tarfile "$1" | tar --extract --keep-directory-symlink --no-same-owner \
      --directory "$0" --exclude="./usr/share/doc*" --exclude="./usr/share/man*" --exclude="./usr/share/locale*" --exclude="*/bitcode/*"' "$root"
  triplet=$(basename "$(ls -d "$root"/usr/lib/*-linux-gnu*)")
  loader=$(ls "$root/usr/lib/$triplet"/ld-linux*.so.*)
}

# --- images ---------------------------------------------------------------------------------------

# Copies paths of the packages, links kept.
put() {
  local path
  for path; do mkdir -p "$(dirname "$image/$path")" && cp -a "$root/$path" "$image/$path"; done
}

# Copies the shared libraries that these programs of the image load. The loader of the suite itself
# tells which, so its libc may be newer than the host's.
put_libraries() {
  local program
  for program; do
    [ "$(head -c 4 "$program" | tail -c 3)" = ELF ] || continue
    "$loader" --inhibit-cache --library-path "$root/usr/lib/$triplet:$root/usr/lib/$triplet/systemd" --list "$program" 2>/dev/null || true
  done | sed -n 's/.* => \(\/.*\) (0x.*/\1/p' | sort -u | xargs -I {} cp -L {} "$image/usr/lib/$triplet/"
}

# An image with a shell, a loader and users.
begin() {
  local name library
  rm -rf "$image"
  mkdir -p "$image"/{data,dev,etc,proc,root,run,sys,tmp,var/log} "$image"/usr/{bin,sbin,lib64,local/bin,lib/locale,lib/$triplet}
  chmod 1777 "$image/tmp"
  ln -s ../run "$image/var/run"
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$image/$name"; done
  cp -L "$root/bin/busybox" "$image/usr/bin/"
  for name in $("$image/usr/bin/busybox" --list); do [ -e "$image/usr/bin/$name" ] || ln -s busybox "$image/usr/bin/$name"; done
  cp -L "$loader" "$image/usr/lib/$triplet/"
  case $loader in
    *x86-64*) ln -s "../lib/$triplet/${loader##*/}" "$image/usr/lib64/" ;;
    *) ln -s "$triplet/${loader##*/}" "$image/usr/lib/" ;;
  esac
  # Loaded by name at run time, which no list of libraries shows.
  for library in libc.so.6 libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do cp -L "$root/usr/lib/$triplet/$library" "$image/usr/lib/$triplet/"; done
  for name in C.UTF-8 C.utf8; do [ ! -d "$root/usr/lib/locale/$name" ] || put "usr/lib/locale/$name"; done
  printf '%s\n' root:x:0:0::/root:/bin/sh postgres:x:70:70::/var/lib/postgresql:/bin/sh nobody:x:65534:65534::/tmp:/bin/sh >"$image/etc/passwd"
  printf '%s\n' root:x:0: postgres:x:70: nogroup:x:65534: >"$image/etc/group"
  printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' >"$image/etc/nsswitch.conf"
}

# The version a program of the image tells.
version_of() {
  "$loader" --inhibit-cache --library-path "$image/usr/lib/$triplet" "$image/$1" --version | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1
}

# finish NAME VERSION CONFIG: hands the image to Docker, the one place its format is known.
finish() {
  local name=localhost/standin-$1 version=$2 config=$3 parts=$cache/$suite/parts digest old
  old=$(docker image inspect --format '{{.Id}}' "$name:$suite" 2>/dev/null || true)
  rm -rf "$parts"
  mkdir -p "$parts"
  tar --directory "$image" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --create --file "$parts/layer.tar" .
  digest=$(sha256sum "$parts/layer.tar" | cut -d ' ' -f 1)
  cat >"$parts/config.json" <<EOF
{"architecture": "$(dpkg --print-architecture)", "os": "linux",
 "config": {$config, "Labels": {"standin.recipe": "$recipe", "standin.version": "$version"}},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}}
EOF
  echo "[{\"Config\": \"config.json\", \"Layers\": [\"layer.tar\"], \"RepoTags\": [\"$name:$version\", \"$name:$suite\"]}]" >"$parts/manifest.json"
  tar --directory "$parts" --create . | docker load --quiet >/dev/null
  [ -z "$old" ] || docker rmi "$old" >/dev/null 2>&1 || true # refused while it is in use
  say "built $name:$version, $(du -m "$parts/layer.tar" | cut -f 1) MB"
  rm -rf "$parts" "$image"
}

make_redis() {
  local program
  begin
  # One program, which looks at the name it is called by.
  put usr/bin/redis-check-rdb usr/bin/redis-cli
  for program in server sentinel check-aof; do ln -s redis-check-rdb "$image/usr/bin/redis-$program"; done
  put_libraries "$image"/usr/bin/redis-{check-rdb,cli}
  # As in the official image: flags alone or a file mean redis-server, and others may connect.
  cat >"$image/usr/local/bin/docker-entrypoint.sh" <<'EOF'
#!/bin/sh
case "${1:-}" in '' | -* | *.conf) set -- redis-server "$@" ;; esac
case " $* " in
  *" --sentinel "* | *" --protected-mode "*) ;;
  " redis-server "*) set -- "$@" --protected-mode no ;;
esac
exec "$@"
EOF
  chmod 755 "$image/usr/local/bin/docker-entrypoint.sh"
  finish redis "$(version_of usr/bin/redis-cli)" '"Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["redis-server"],
    "Env": ["PATH=/usr/local/bin:/usr/bin"], "ExposedPorts": {"6379/tcp": {}}, "WorkingDir": "/data"'
}

make_etcd() {
  begin
  put usr/bin/etcd usr/bin/etcdctl
  put_libraries "$image"/usr/bin/etcd{,ctl}
  ln -s ../../bin/etcd ../../bin/etcdctl "$image/usr/local/bin/"
  # Before 3.5, etcd logged in another format unless told.
  finish etcd "$(version_of usr/bin/etcd)" '"Cmd": ["/usr/local/bin/etcd"], "ExposedPorts": {"2379/tcp": {}, "2380/tcp": {}},
    "Env": ["PATH=/usr/local/bin:/usr/bin", "ETCDCTL_API=3", "ETCD_LOGGER=zap"], "WorkingDir": "/"'
}

make_postgres() {
  local major programs
  begin
  major=$(ls "$root/usr/lib/postgresql")
  programs=usr/lib/postgresql/$major
  put "$programs" "usr/share/postgresql/$major" usr/share/zoneinfo usr/bin/locale # initdb calls `locale`
  rm -rf "$image/$programs/lib/"{bitcode,llvm*,pgxs} "$image/usr/share/zoneinfo/"{posix,right}
  put_libraries "$image/usr/bin/locale" "$image/$programs/bin/"* "$image/$programs/lib/"*.so
  sed -i "s/^#\?listen_addresses *=.*/listen_addresses = '*'/" "$image/usr/share/postgresql/$major/postgresql.conf.sample"
  mkdir -p "$image/docker-entrypoint-initdb.d" "$image/var/lib/postgresql"
  # As in the official image: the server that sets the data up logs to standard output and listens
  # on its socket alone; the real one logs to standard error.
  cat >"$image/usr/local/bin/docker-entrypoint.sh" <<'EOF'
#!/bin/sh
set -e
case "${1:-}" in '' | -*) set -- postgres "$@" ;; esac
[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /run/postgresql
  chown -R postgres:postgres "$PGDATA" /run/postgresql
  chmod 700 "$PGDATA"
  exec su -s /bin/sh -c 'exec "$0" "$@"' -- postgres "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  user=${POSTGRES_USER:-postgres} method=${POSTGRES_HOST_AUTH_METHOD:-}
  database=${POSTGRES_DB:-$user}
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
    echo "Set POSTGRES_PASSWORD to a password, or POSTGRES_HOST_AUTH_METHOD to trust." >&2
    exit 1
  fi
  (umask 077; echo "${POSTGRES_PASSWORD:-unused}" >/tmp/password)
  initdb -D "$PGDATA" --no-sync --auth=trust --username="$user" --pwfile=/tmp/password ${POSTGRES_INITDB_ARGS:-}
  rm /tmp/password
  echo "host all all all ${method:-$(postgres -C password_encryption)}" >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o '-c listen_addresses= -c fsync=off' -w start
  [ "$database" = postgres ] || echo 'CREATE DATABASE :"name";' | psql -q -U "$user" -v ON_ERROR_STOP=1 -v name="$database" postgres
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sql) psql -U "$user" -v ON_ERROR_STOP=1 -f "$file" "$database" ;;
      *.sh) . "$file" ;;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
fi
exec "$@"
EOF
  chmod 755 "$image/usr/local/bin/docker-entrypoint.sh"
  # SIGINT is its fast shutdown; SIGTERM would wait for every client to go.
  finish postgres "$(version_of "$programs/bin/postgres")" '"Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["postgres"],
    "Env": ["PATH=/usr/local/bin:/usr/bin:/'"$programs"'/bin", "LANG=C.UTF-8", "PGDATA=/var/lib/postgresql/data"],
    "ExposedPorts": {"5432/tcp": {}}, "StopSignal": "SIGINT", "WorkingDir": "/"'
}

# --------------------------------------------------------------------------------------------------

for tool in apt-get dpkg-deb flock sha256sum tar; do
  command -v "$tool" >/dev/null || fail "there is no $tool: this needs a Debian host"
done
mkdir -p "$cache/$suite"
exec 9>"$cache/$suite/lock"
flock 9 # a second one at the same time finds the work done
missing=()
for name; do [ "$(label "$name" standin.recipe)" = "$recipe" ] || missing+=("$name"); done
if [ "${#missing[@]}" -gt 0 ]; then
  fetch
  unpack
  for name in "${missing[@]}"; do "make_$name"; done
  rm -rf "$root"
fi
for name; do echo "$name localhost/standin-$name:$(label "$name" standin.version)"; done
