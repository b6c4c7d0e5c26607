"""Run directory -> SavedModel -> music.

`export` and what is in a graph (`graph/`) import the trainer. `saved_model` and what it generates with (`generation/`)
need no more than `tutti` and an export.
"""
