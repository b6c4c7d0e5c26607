"""What a run shall be, from the command line, the preset, the dataset and what is already there."""

import argparse
from dataclasses import replace

from trainer.cli import options
from trainer.config import EXTENDABLE, TrainingConfig
from trainer.data.reader import open_corpus
from trainer.presets import PRESETS, preset_name
from trainer.run import directory
from trainer.run.config import RunConfig
from tutti.cli.flags import given
from tutti.errors import Error


def config(args: argparse.Namespace) -> RunConfig:
    """What the run is: made from preset and flags or, where it exists, its own, which flags must not contradict.

    Raises:
      UserError: if it cannot be made of them, or an existing run differs from them; names what.
    """
    if directory.exists(args.run):
        return _known(directory.load(args.run).config, args)
    if not args.preset:
        raise Error(f"no run at {args.run} yet: --preset says what to make; there are {', '.join(PRESETS)}")
    name = preset_name(args.preset, args.model)
    if not args.dataset:
        raise Error(f"no run at {args.run} yet: --dataset says what to train it on")
    preset = PRESETS[name]()
    corpus = open_corpus(args.dataset, args.snapshot)
    dataset = corpus.dataset
    if dataset.encoding.name != preset.encoding:
        raise Error(
            f"dataset {args.dataset} has the encoding {dataset.encoding.name}, preset {name} needs {preset.encoding}; "
            f"ingest one with --encoding {preset.encoding}"
        )
    return RunConfig(
        preset=name,
        model=options.model_from(args, preset.model),
        training=options.replaced(preset.training, given(args, TrainingConfig)),
        encoding=dataset.encoding,
        vocabulary=dataset.vocabulary,
        window=dataset.window,
        dataset=args.dataset,
        snapshot=corpus.snapshot.number,
        content=corpus.content,
        labels=corpus.labels,
    )


def _known(known: RunConfig, args: argparse.Namespace) -> RunConfig:
    """An existing run's configuration, with the flags that may change it.

    Raises:
      UserError: names what differs.
    """
    differences = []
    if args.preset or args.model:
        name = preset_name(args.preset or known.preset, args.model)
        if name != known.preset:
            differences.append(f"preset {known.preset}, not {name}")
    if args.dataset:
        corpus = open_corpus(args.dataset)
        dataset = corpus.dataset
        if dataset.encoding != known.encoding:
            differences.append(f"encoding {known.encoding}, not {dataset.encoding}")
        elif dataset.vocabulary != known.vocabulary:
            differences.append("another vocabulary than the dataset's")
        elif dataset.window != known.window:
            differences.append(f"window {known.window}, not {dataset.window}")
        elif open_corpus(args.dataset, known.snapshot).content != known.content:
            differences.append(f"other songs than dataset {args.dataset}")
    if args.snapshot not in (None, known.snapshot):
        differences.append(f"snapshot {known.snapshot}, not {args.snapshot}")
    wanted = given(args, TrainingConfig)
    for settings, values in ((known.model, given(args, type(known.model))), (known.training, wanted)):
        differences += [
            f"{name} {getattr(settings, name)}, not {value}"
            for name, value in values.items()
            if name not in EXTENDABLE and value != getattr(settings, name)
        ]
    if differences:
        raise Error(f"run {args.run} has {', '.join(differences)}; choose another --run")
    options.model_from(args, known.model)
    training = options.replaced(known.training, wanted)
    return replace(known, training=training, dataset=args.dataset or known.dataset)
