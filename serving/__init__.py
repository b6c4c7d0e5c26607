"""Run directory -> SavedModel -> music: sampler, export, and generation with labels, moods and disturbances.

`generate` and what it uses need no more than `music` and an export; only `export` and what is in a graph (`sampler`,
`gibbs`, `tiles`) import the trainer.
"""
