"""Corpora -> dataset, with Apache Beam, and a look into files and datasets.

    ingest/         corpora -> dataset
    loops/          drum loops -> General MIDI drums, and new loops combined from them
    inspection/     checks a dataset against its manifest, and counts what is in it
    show.py         pictures of files and datasets; pieces.py finds the pieces to show
    records.py      windows of songs as TFRecords; example.py the message in them
    commit.py       how a dataset changes: all at once, or not at all
    filesystem.py   local files and object stores
    runners.py      running a Beam pipeline; failures.py whose fault a failure is; progress.py how far it is
    report.py       tables
    cli/            the commands

No TensorFlow here.
"""
