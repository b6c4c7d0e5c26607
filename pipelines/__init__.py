"""MIDI corpora -> dataset, with Apache Beam.

    ingest.py     the command: what to do, where to, and what came of it
    pipeline.py   the Beam pipeline, from files to manifest, in one view
    files.py corpus.py songs.py plan.py shards.py manifest.py    its steps, in this order
    elements.py   what passes from step to step; forms.py how songs are kept: text, ids, frames
    job.py labels.py splits.py    what the user wants: settings, labels of files, splits by folder
    records.py storage.py staging.py summary.py    formats and tools that they share
    inspect.py    the command that checks and shows a dataset; figures.py what it shows
    loops.py      the command for drum loops; loop_pipeline.py standardise.py combine.py recipe.py outcome.py its parts

No TensorFlow here: `tfrecord.example_pb2` and TensorFlow cannot be loaded into one process.
"""
