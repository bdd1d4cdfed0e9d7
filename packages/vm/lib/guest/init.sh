#!/bin/sh
# SPDX-License-Identifier: MIT
# The guest's first process: mounts what programs expect, runs the one command of this guest with
# its streams on ports of their own, reports how it ended, and powers off. What differs from job to
# job comes in job.sh, written by the host. It talks to the host over the control port, one line a
# message: init, run, fail TEXT, exit N, signal N.

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
io=/run/rseq-slice-io

# What is in these folders so far is the host's, seen through 9p. /dev is ours already, the kernel
# has mounted it.
mount -t proc proc /proc
mount -t sysfs sysfs /sys

# The driver announces the ports some time after boot, in no certain order: find each by its name.
find_port() {
  tries=0
  while [ "$tries" -lt 200 ]; do
    for entry in /sys/class/virtio-ports/*; do
      name=
      [ -r "$entry/name" ] && read -r name <"$entry/name"
      if [ "$name" = "rseq-slice.$1" ] && [ -c "/dev/${entry##*/}" ]; then
        port=/dev/${entry##*/}
        return
      fi
    done
    tries=$((tries + 1))
    sleep 0.05
  done
  echo "rseq-slice: no virtio port for $1"
  exit 1
}
find_port control
exec 5<>"$port"
echo init >&5
find_port stdout
exec 3>"$port"
find_port stderr
exec 4>"$port"

fail() {
  echo "fail $*" >&5
  # The host kills the guest when it reads this.
  while :; do sleep 60; done
}

# The root as it was, for folders that a tmpfs is about to cover.
mkdir /run/host /run/job "$io"
mount --bind / /run/host || fail "cannot bind the root file system to /run/host"
mount -t tmpfs -o mode=1777 tmpfs /tmp || fail "cannot mount a tmpfs on /tmp"
mkdir -p /dev/shm /dev/pts /tmp/home
mount -t tmpfs -o mode=1777 tmpfs /dev/shm || fail "cannot mount a tmpfs on /dev/shm"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=mmap job /run/job ||
  fail "cannot mount the job's folder"
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mount -t devpts devpts /dev/pts 2>/dev/null
for link in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
  [ -e "/dev/${link%%:*}" ] || ln -s "/proc/self/${link##*:}" "/dev/${link%%:*}"
done
{ ip link set lo up || ifconfig lo up; } >/dev/null 2>&1

show_again() {
  # A folder of the host's below /tmp or /run, at its own path again.
  mkdir -p "$1" && mount --bind "/run/host$1" "$1" || fail "cannot show $1 of the host in the guest"
}

marker=
cpus=
extension=
terminal=
# Sets marker, cpus, extension, terminal, the working directory and the positional parameters, and
# defines job_environment.
. /run/rseq-slice/job.sh

. /run/rseq-slice/cpus.sh
check_cpus "$cpus"

if [ -n "$extension" ]; then
  knob=/sys/kernel/debug/rseq/slice_ext_nsec
  [ -e "$knob" ] || fail "--extension $extension: this kernel has no $knob (is the extension off?)"
  echo "$extension" >"$knob" ||
    fail "--extension $extension: the kernel refuses it (5000 to 50000 ns)"
fi

# The host's words from now on: how large its window is, and to power off.
listen() {
  while read -r word rows columns; do
    case $word in
      size) stty -F /dev/hvc0 rows "$rows" cols "$columns" 2>/dev/null ;;
      off) echo o >/proc/sysrq-trigger ;;
    esac
  done <&5
}

helpers=
if [ -n "$terminal" ]; then
  [ -c /dev/hvc0 ] || fail "this kernel has no /dev/hvc0 to be a terminal"
else
  # Programs want pipes: a port takes at most 32 KB a write, and not every program goes on after a
  # short write.
  mkfifo "$io/out" "$io/err" || fail "cannot make the pipes for the output"
  cat <"$io/out" >&3 4>&- 5>&- &
  helpers=$!
  cat <"$io/err" >&4 3>&- 5>&- &
  helpers="$helpers $!"
fi
listen 3>&- 4>&- &
listener=$!
echo run >&5

# A session of its own, so that a command that signals its process group does not hit the cats. The
# shell around it names a deadly signal on its own stderr, which is how exit 139 and a death by
# signal 11 are told apart. That shell must not redirect anything itself, or it would say so into
# the command's stderr: an inner one does.
inner='/bin/sh -c "$0" sh "$@"; exit $?'
# The command's variables are set in its own shell only: they may have the names of ours, and its
# PATH may lead nowhere. That shell is not one in the background, which would ignore SIGINT, and the
# command with it.
if [ -n "$terminal" ]; then
  # A terminal that nobody has open forgets its size.
  run="stty sane $terminal 2>/dev/null; exec \"\$@\" 2>&1"
  set -- "$(command -v setsid)" -c /bin/sh -c "$inner" "$run" "$@"
  (job_environment && exec "$@") <>/dev/hvc0 >&0 2>"$io/shell" 3>&- 4>&- 5>&-
else
  run='exec "$@" >/run/rseq-slice-io/out 2>/run/rseq-slice-io/err'
  set -- "$(command -v setsid)" /bin/sh -c "$inner" "$run" "$@"
  (job_environment && exec "$@") >/dev/null 2>"$io/shell" </dev/null 3>&- 4>&- 5>&-
fi
code=$?

# What the command left behind still holds the pipes and would keep the cats waiting.
for process in /proc/[0-9]*; do
  id=${process#/proc/}
  case " 1 $listener $helpers " in
    *" $id "*) ;;
    *) kill -9 "$id" 2>/dev/null ;;
  esac
done
# shellcheck disable=SC2086 # Two numbers, or none.
[ -z "$helpers" ] || wait $helpers
printf %s "$marker" >&3
printf %s "$marker" >&4
[ -z "$terminal" ] || printf %s "$marker" >/dev/hvc0
sync
if [ "$code" -gt 128 ] && [ -s "$io/shell" ]; then
  echo "signal $((code - 128))" >&5
else
  echo "exit $code" >&5
fi

# The host answers when it has read everything, and the listener powers off: earlier could drop what
# is still on its way.
while :; do sleep 60; done
