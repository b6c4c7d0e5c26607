"""The ways in which work can fail through no fault of the program."""


class Error(Exception):
    """Something the user can mend: a wrong option, a missing path, a full disk.

    Its text is one line that says what was wrong, where, and what to do. The command line prints it and ends with
    status 2.
    """


class RejectedFile(Exception):
    """A file that cannot become a song. Its text is the reason, as it stands in the dataset's `rejected/`."""
