"""Dataset -> run directory: input, models, objectives, distribution, checkpoints, evaluation.

Imports `tutti`, neither `pipelines` nor `serving`.
"""
