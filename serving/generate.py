"""`tutti generate`: an exported model -> MIDI, piano roll and text."""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from music import files, picture
from music.arguments import Parser
from music.encoding import Encoding
from music.errors import RejectedFile, UserError
from serving.engine import Engine, load

EXAMPLES = """examples:
  tutti generate --model models/drums --out drums.mid
  tutti generate --model models/drums --out drums.mid --prompt groove.mid --prompt-tokens 136 -n 4
  tutti generate --model models/piano --out piano.mid --prompt "C4 E4 0.4.7" --temperature 0.8 --top-p 0.95

The same seed gives the same piece, alone or among others. Seeds of several pieces follow each other.
"""


def main(argv: list[str]) -> None:
    args = parse(argv)
    if not args.out.parent.is_dir():
        raise UserError(f"cannot write {args.out}: there is no folder {args.out.parent}")
    engine = load(args.model)
    ids = prompt_ids(args.prompt, args.prompt_tokens, engine) if args.prompt is not None else []
    seeds = [args.seed + i for i in range(args.pieces)]
    print(f"{engine.path}: {args.pieces} x {args.steps} tokens", file=sys.stderr)
    begun = time.perf_counter()
    answers = engine.generate(
        [ids] * args.pieces,
        steps=args.steps,
        seeds=seeds,
        temperature=args.temperature,
        top_k=args.top_k,
        top_p=args.top_p,
    )
    count, seconds = sum(len(answer.tokens) for answer in answers), time.perf_counter() - begun
    print(f"{count:,} tokens in {seconds:.1f} s, {count / seconds:,.0f} tokens/s", file=sys.stderr)
    if not count and args.steps:
        print(
            "note: the model ends the piece here; with --prompt-tokens it goes on from an earlier place",
            file=sys.stderr,
        )
    contents: dict[Path, bytes] = {}
    pieces = []
    for i, (seed, answer) in enumerate(zip(seeds, answers, strict=True), 1):
        out = args.out if args.pieces == 1 else args.out.with_stem(f"{args.out.stem}-{i}")
        contents |= rendered(out, [*engine.vocabulary.words(ids), *answer.tokens], engine.encoding, args)
        pieces.append({"file": str(out), "seed": seed, "tokens": len(answer.tokens), "log_prob": answer.log_prob})
    write(contents)
    if args.json:
        print(json.dumps({"model": engine.path, "prompt": len(ids), "pieces": pieces}, indent=1))
    else:
        print(*(piece["file"] for piece in pieces), sep="\n")


def parse(argv: list[str]) -> argparse.Namespace:
    about = "Writes pieces that a model makes: OUT.mid, and beside it OUT.png and OUT.txt."
    parser = Parser("tutti generate", about, EXAMPLES)
    parser.add_argument("--model", required=True, metavar="DIR", help="what tutti export wrote, or one version of it")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE.mid", help="FILE-1.mid ... for several")
    parser.add_argument("--prompt", help="what to continue: a MIDI file, a text file of tokens, or tokens")
    parser.add_argument("--prompt-tokens", type=int, default=0, metavar="N", help="only the prompt's first N (0: all)")
    parser.add_argument("--steps", type=int, default=500, help="new tokens, less where the piece ends by itself (500)")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 takes the likeliest token each time (1.0)")
    parser.add_argument("--top-k", type=int, default=0, help="sample from the k likeliest tokens only (0: all)")
    parser.add_argument("--top-p", type=float, default=0.0, help="from the fewest with this probability (0: all)")
    parser.add_argument("--seed", type=int, default=1, help="of the first piece (1)")
    parser.add_argument("-n", "--pieces", type=int, default=1, help="how many pieces (1)")
    parser.add_argument("--bpm", type=float, default=120.0, help="quarter notes a minute in the MIDI file (120)")
    parser.add_argument("--no-picture", action="store_true", help="write no OUT.png")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    args = parser.parse_args(argv)
    if args.prompt_tokens < 0:
        raise UserError(f"--prompt-tokens is {args.prompt_tokens}; it must be at least 0")
    if args.pieces < 1:
        raise UserError(f"-n is {args.pieces}; it must be at least 1")
    if not 4 <= args.bpm <= 1000:
        raise UserError(f"--bpm is {args.bpm:g}; it must be from 4 to 1000")
    if not -(2**63) <= args.seed < 2**63 - args.pieces:
        raise UserError(f"--seed is {args.seed}; it must fit into 64 bits")
    if args.out.suffix not in (".mid", ".midi"):
        raise UserError(f"--out is {args.out}; it must end in .mid")
    return args


def prompt_ids(prompt: str, limit: int, engine: Engine) -> list[int]:
    """The ids of a prompt, of its first `limit` tokens where that is not 0.

    Raises:
      UserError: if it cannot be read, holds nothing, or holds what is no token of the model's encoding.
    """
    tokens = read_prompt(prompt, engine.encoding)
    tokens = tokens[:limit] if limit else tokens
    if not tokens:
        raise UserError(f"--prompt {prompt!r} holds no tokens; leave it out to begin with nothing")
    try:
        return engine.ids(tokens)
    except (KeyError, ValueError) as error:
        raise UserError(f"--prompt: {error}") from None


def read_prompt(prompt: str, encoding: Encoding) -> list[str]:
    """The tokens of a prompt: of a piece's first song, of a text file, or of the text itself.

    Raises:
      UserError: if it is a file that cannot be read.
    """
    path = Path(prompt)
    if path.suffix.lower() in encoding.medium.suffixes:
        try:
            return encoding.encode(encoding.medium.read(files.read(path, encoding.medium.most_bytes)))[0]
        except RejectedFile as reason:
            raise UserError(f"--prompt {prompt}: {reason}") from None
    if path.suffix.lower() == ".txt":
        try:
            return files.read(path).decode().split()
        except UnicodeDecodeError:
            raise UserError(f"--prompt {prompt} is not text") from None
    return prompt.split()


def rendered(out: Path, tokens: list[str], encoding: Encoding, args: argparse.Namespace) -> dict[Path, bytes]:
    """What to write for a piece: path -> content."""
    score = replace(encoding.decode(tokens), tempos=((0, args.bpm),))
    contents = {out: encoding.medium.write(score), out.with_suffix(".txt"): (" ".join(tokens) + "\n").encode()}
    if not args.no_picture:
        contents[out.with_suffix(".png")] = picture.png(score, out.stem)
    return contents


def write(contents: dict[Path, bytes]) -> None:
    """Writes all of the files or none.

    Raises:
      UserError: if one cannot be written.
    """
    written: list[Path] = []
    try:
        for path, content in contents.items():
            files.write(path, content)
            written.append(path)
    except UserError:
        for path in written:
            path.unlink()
        raise


if __name__ == "__main__":
    import tutti

    sys.exit(tutti.run(main, sys.argv[1:]))
