# SPDX-License-Identifier: MIT
# Whether the guest has the CPUs that were asked for. QEMU gives them, and a kernel that is built or
# booted for fewer drops the rest without an error: whatever is run then proves nothing about so
# many. Sourced by init.sh.

# Prints how many CPUs are in a set, as Linux writes one: 0-3,6.
count_cpus() (
  set=$1
  count=0
  while [ -n "$set" ]; do
    range=${set%%,*}
    count=$((count + ${range#*-} - ${range%-*} + 1))
    case $set in
      *,*) set=${set#*,} ;;
      *) set= ;;
    esac
  done
  echo "$count"
)

# check_cpus WANTED [FOLDER]: calls fail, unless so many CPUs are there.
check_cpus() {
  folder=${2:-/sys/devices/system/cpu}
  read -r online <"$folder/online" || fail "the CPUs cannot be counted: there is no $folder/online"
  found=$(count_cpus "$online")
  [ "$found" -eq "$1" ] && return
  wrong="it has $found CPUs, not the $1 that were asked for (--cpus)"
  read -r last <"$folder/kernel_max"
  if [ "$found" -gt "$1" ]; then
    fail "$wrong"
  elif [ "$last" -lt "$(($1 - 1))" ]; then
    fail "$wrong. Its kernel was built with CONFIG_NR_CPUS=$((last + 1)):" \
      "rebuild it with 'npx rseq-slice-vm kernel', or ask for fewer"
  else
    fail "$wrong. Its kernel has room for $((last + 1)): look for nr_cpus= and maxcpus= in" \
      "--append and for errors on the console, or ask for fewer"
  fi
}
