# Clears away a server when the test process that started it is gone, however it went.
#
#   container SESSION     removes the containers and networks with this label
#   directory PATH        ends the processes that work inside of it, then removes it
#
# Standard input is a pipe whose other end only the test process holds: it ends when that does.
trap '' HUP INT TERM
while read -r _; do :; done # nobody ever writes

container() {
  for round in 1 2 3; do # the engine may still be at work on the last request of a killed test
    docker ps --all --quiet --filter "label=election.session=$1" |
      while read -r id; do docker rm --force --volumes "$id"; done
    docker network ls --quiet --filter "label=election.session=$1" |
      while read -r id; do docker network rm "$id"; done
    sleep 1
  done
}

inside() {
  find /proc/[0-9]*/cwd -maxdepth 0 -lname "$1*" 2>/dev/null | cut -d / -f 3
}

signal_inside() {
  for process in $(inside "$2"); do kill -s "$1" "$process"; done
}

directory() {
  signal_inside INT "$1" # Postgres gives its shared memory back only if it may end by itself,
  signal_inside CONT "$1" # which a stopped process may not
  for round in 1 2 3 4 5 6 7 8 9 10; do
    [ -n "$(inside "$1")" ] || break
    sleep 0.2
  done
  for round in 1 2 3; do
    [ -n "$(inside "$1")" ] || break
    signal_inside KILL "$1"
    sleep 0.2
  done
  # Killed, it has left the number of its shared memory at the end of the seventh line.
  memory=$(sed -n '7s/.* //p' "$1/data/postmaster.pid" 2>/dev/null)
  [ -z "$memory" ] || ipcrm --shmem-id "$memory"
  rm -rf -- "$1"
}

"$@"
