"""Dataset -> run directory: input, models, distribution, checkpoints, evaluation.

Imports `music`, neither `pipelines` nor `serving`.
"""
