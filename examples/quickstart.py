"""The whole path in one process: a corpus of MIDI files in, drum pieces out.

tutti compose corpus --kind drums
python examples/quickstart.py corpus/drums out
"""

import sys
from pathlib import Path

import tutti


def main(corpus: str, out: str, songs: int = 4, steps: int = 400) -> None:
    home = Path(out)
    data = tutti.ingest([corpus], dataset=home / "data", encoding=tutti.encodings.Drums(resolution=16), window=255)
    print(data.table())
    run = tutti.train(data, preset="drums-lstm-small", run=home / "run", steps=steps, progress=True)
    print(tutti.evaluate(run).table())
    model = tutti.load(tutti.export(run, home / "models" / "drums"))
    for number, piece in enumerate(model.generate(n=songs, steps=544, top_p=0.95, seed=7), 1):
        print(*piece.write(home / f"drums-{number}.mid", picture=True))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
