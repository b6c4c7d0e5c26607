"""Ingest: corpora -> dataset.

run.py          the public function; config.py its settings, report.py its result
pipeline.py     the Beam pipeline, from files to manifest, in one view
match.py read.py encode.py deduplicate.py shard.py manifest.py    its steps, in this order
split.py label.py    splits and labels of files
codec.py        songs as text, ids or frames; types.py what passes from step to step
"""
