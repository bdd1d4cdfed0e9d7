# SPDX-License-Identifier: MIT
# The part of trace-cmd's Python module that the kernel's histogram of extensions needs, over what
# `trace-cmd report` prints: distributions have trace-cmd, and not its module.
import re
import subprocess

# A record: thread, CPU, time, event, fields.
LINE = re.compile(r"^\s*(.+)-(\d+)\s+\[(\d+)\]\s+(\d+)\.(\d{9}): (\w+):\s+(.*)$")


def read_symbols():
    with open("/proc/kallsyms") as file:
        return {name: int(address, 16) for address, _, name, *_ in (line.split() for line in file)}


class Record:
    symbols = None

    def __init__(self, comm, seconds, nanoseconds, name, fields):
        self.comm = comm
        self.ts = int(seconds) * 10**9 + int(nanoseconds)
        self.name = name
        self.fields = dict(field.split("=", 1) for field in fields.split() if "=" in field)

    def num_field(self, name):
        value = self.fields[name]
        if value.startswith("0x"):
            return int(value, 16)
        # Functions are printed by their names, some with how far into them that is.
        Record.symbols = Record.symbols or read_symbols()
        return Record.symbols[value.split("/")[0]]


class Trace:
    def __init__(self, path):
        text = subprocess.run(["trace-cmd", "report", "-t", "-i", path], check=True, capture_output=True, text=True).stdout
        self.records = {}
        for comm, _, cpu, *rest in (match.groups() for match in map(LINE.match, text.splitlines()) if match):
            self.records.setdefault(int(cpu), []).append(Record(comm, *rest))
        self.cpus = max(self.records, default=-1) + 1
        for records in self.records.values():
            records.reverse()

    def read_event(self, cpu):
        records = self.records.get(cpu)
        return records.pop() if records else None
