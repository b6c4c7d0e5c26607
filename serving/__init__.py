"""Run directory -> SavedModel -> music: sampler, export, generation, pictures.

`generate` and `picture` need no more than `music` and an export; only `export` imports the trainer.
"""
