"""Drum loops -> General MIDI drums, and new loops combined from them.

run.py          the public functions `standardise` and `combine`; config.py their settings, report.py their result
pipeline.py     the Beam pipelines; standardise.py combine.py their steps, which `tutti ingest` has, too
drum_loop.py    what is done to a loop
output.py       the folder of the result: all of it at once, or nothing
"""
