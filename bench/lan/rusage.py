"""rusage.py FILE COMMAND…: runs a command, writes its process id to FILE at its start, and what it used at its end.

The kernel's own account of a finished process (wait4), children that it waited for included. A signal
that ends this ends the command; where the parent dies, both die.
"""

import ctypes
import json
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def write(path, value):
    with open(path + ".tmp", "w") as file:
        json.dump(value, file)
    os.rename(path + ".tmp", path)


def main():
    path, command = sys.argv[1], sys.argv[2:]
    die_with_parent()
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        os.execvp(command[0], command)
    write(path, {"pid": pid})
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: os.kill(pid, received))
    _, status, usage = os.wait4(pid, 0)
    write(
        path,
        {
            "pid": pid,
            "cpuSeconds": usage.ru_utime + usage.ru_stime,
            "systemSeconds": usage.ru_stime,
            "peakBytes": usage.ru_maxrss * 1024,
        },
    )
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    sys.exit(code)


main()
