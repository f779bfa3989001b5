"""How is the command line started as a process of its own?"""

import os
import subprocess
import sys

COMMAND = "import sys; from relu_jax import cli; sys.exit(cli.main(sys.argv[1:]))"
# A shell without job control starts what runs in the background deaf to Ctrl-C.
HEARING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


def started(*words, stdout, **environment):
    """Start the command line as its own process, as a shell does."""
    return subprocess.Popen(
        [sys.executable, "-c", HEARING + COMMAND, *words], stdout=stdout, stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )  # fmt: skip


def ended(process):
    """Wait for the end: the exit code and the lines of standard error."""
    told = process.communicate(timeout=120)[1]
    return process.returncode, told.decode("ascii", "backslashreplace").splitlines()
