"""Everything is in pyproject.toml. This file is here because Beam's `--setup_file` wants one.

`tutti ingest ... --setup_file ./setup.py` ships the project to workers that do not have it installed.
"""

from setuptools import setup  # type: ignore[import-untyped]

setup()
