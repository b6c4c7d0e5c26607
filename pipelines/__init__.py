"""Corpora -> dataset, with Apache Beam, and a look into files and datasets.

    ingest/         corpora -> dataset
    loops/          drum loops -> General MIDI drums, and new loops combined from them
    inspection/     checks a dataset against its manifest, and counts what is in it
    show.py         pictures of files and datasets; pieces.py finds the pieces to show
    records.py      windows of songs as TFRecords; example.py the message in them
    commit.py       how a dataset changes: all at once, or not at all
    filesystem.py   local files and object stores
    runners.py      running a Beam pipeline; workers.py its processes on this machine
    failures.py     whose fault a failure is; progress.py how far a pipeline is
    report.py       tables, and the figures of splits that several of them show
    cli/            the commands

No TensorFlow here.
"""
