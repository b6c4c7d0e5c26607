"""Which threads give way: those that compute, to those that answer."""

import os
import sys

# The niceness of threads that compute. A refusal takes a millisecond then, even where all cores compute.
COMPUTING = 5


def give_way() -> None:
    """Lets the calling thread, and those that it starts, wait for those that answer; only on Linux, where it can be."""
    if sys.platform == "linux":
        # Niceness is a thread's own there; 0 is the calling one.
        os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), COMPUTING))
