"""`tutti generate`: an exported model -> music, its picture, its sheet and text."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.cli import generation_flags
from serving.generation import inpaint, moods, output, perturb, prompts
from serving.saved_model import SavedModel, load


@dataclass(frozen=True)
class Piece:
    """A piece that a model made.

    Attributes:
      tokens: all of it, the prompt too.
      new: how many of them the model wrote.
      said: what else there is to say of it.
    """

    tokens: Sequence[str]
    new: int
    said: dict[str, Any]


def main(argv: list[str]) -> None:
    args = generation_flags.parse(argv)
    engine = load(args.model)
    generation_flags.settle(args, engine)
    look = generation_flags.look(args)
    look.check(args.out, engine.encoding)
    label, mood = chosen_label(args, engine)
    prompt = prompts.prompt(args.prompt, args.prompt_tokens, engine) if args.prompt is not None else []
    seeds = [args.seed + i for i in range(args.pieces)]
    print(f"{engine.path}: {args.pieces} x {args.steps} tokens", file=sys.stderr)
    begun = time.perf_counter()
    pieces = made(engine, prompt, seeds, label, args)
    count, seconds = sum(piece.new for piece in pieces), time.perf_counter() - begun
    print(f"{count:,} tokens in {seconds:.1f} s, {count / seconds:,.0f} tokens/s", file=sys.stderr)
    if not count and args.steps:
        print(
            "note: the model ends the piece here; with --prompt-tokens it goes on from an earlier place",
            file=sys.stderr,
        )
    contents: dict[Path, bytes] = {}
    told = []
    for i, (seed, piece) in enumerate(zip(seeds, pieces, strict=True), 1):
        out = args.out if args.pieces == 1 else args.out.with_stem(f"{args.out.stem}-{i}")
        files = output.rendered(out, piece.tokens, engine.encoding, look)
        contents |= files
        told.append({"file": str(out), "seed": seed, "tokens": piece.new, **piece.said, "files": [*map(str, files)]})
    output.write(contents)
    if args.json:
        labelled = {"label": engine.labels[label - 1] if label else None, **({"mood": mood} if mood else {})}
        print(json.dumps({"model": engine.path, "prompt": len(prompt), **labelled, "pieces": told}, indent=1))
        return
    for said in told:
        tell_disturbances(said)
        print(said["file"])


def made(
    engine: SavedModel, prompt: Sequence[str], seeds: Sequence[int], label: int, args: argparse.Namespace
) -> list[Piece]:
    """A piece for each seed.

    Raises:
      UserError: if the flags ask for what the model cannot do.
    """
    if engine.kind == "rbm":
        return [
            Piece(piece, len(piece), {})
            for piece in inpaint.generate(
                engine,
                prompt,
                seeds,
                steps=args.steps,
                gibbs_steps=args.gibbs_steps,
                keep_steps=args.keep_steps,
                keep_pitches=args.keep_pitches,
            )
        ]
    asked = {"label": label, "temperature": args.temperature, "top_k": args.top_k, "top_p": args.top_p}
    if args.perturb is not None:
        context = engine.described["window"] if args.perturb_context is None else args.perturb_context
        songs = prompts.corpus(args.corpus or (), engine)
        disturbance = perturb.Disturbance(args.perturb, args.perturb_by or "return", context, songs)
        written = perturb.generate(engine, prompt, args.steps, seeds, disturbance, **asked)
        return [
            Piece(piece.words, piece.written, {"log_prob": piece.log_prob, "disturbed": piece.disturbed})
            for piece in written
        ]
    ids = engine.ids(prompt)
    answers = engine.generate([ids] * len(seeds), steps=args.steps, seeds=seeds, **asked)
    return [Piece([*prompt, *answer.tokens], len(answer.tokens), {"log_prob": answer.log_prob}) for answer in answers]


def chosen_label(args: argparse.Namespace, engine: SavedModel) -> tuple[int, dict[str, Any] | None]:
    """The number of the label that is asked for, 0 for none, and where it was a mood, how that was understood.

    Raises:
      UserError: if the model has no such label.
    """
    if args.label is not None:
        return engine.label(args.label), None
    if args.mood is None:
        if engine.labels:
            print(f"note: --label asks for one of {', '.join(engine.labels)}", file=sys.stderr)
        return 0, None
    match = moods.match(args.mood, engine.labels)
    next_one = ", next {} ({:.2f})".format(*match.runner_up) if match.runner_up else ""
    print(f"{args.mood!r}: label {match.label} (cosine {match.cosine:.2f}{next_one})", file=sys.stderr)
    said = {"words": args.mood, "label": match.label, "cosine": match.cosine, "runner_up": match.runner_up}
    return engine.label(match.label), said


def tell_disturbances(piece: dict[str, Any]) -> None:
    """Says on stderr where a piece was disturbed, and how."""
    for said in piece.get("disturbed", ()):
        if said["by"] == "key":
            how = f"{said['semitones']:+d} semitones"
        else:
            how = f"as after token {said['token']}" + (f" of {said['file']}" if "file" in said else "")
        print(f"{piece['file']}: disturbed after {said['at']} new tokens: {how}", file=sys.stderr)


if __name__ == "__main__":
    from tutti import cli

    sys.exit(cli.run(main, sys.argv[1:]))
