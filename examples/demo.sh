#!/usr/bin/env bash
# The whole path, twice: a corpus of drums and one of piano -> dataset -> trained model -> SavedModel -> music.
# Each line is a command that anyone can type. Usage: examples/demo.sh OUT
set -euo pipefail
out=${1:-out}
export TF_CPP_MIN_LOG_LEVEL=3
# The package that plays MIDI is not for Linux on ARM.
sound=--sound
if [ "$(uname -sm)" = "Linux aarch64" ]; then sound=; fi

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

step "1. A corpus of our own: 300 drum songs and 300 piano pieces"
run tutti compose "$out/corpus" --songs 300 --seed 1

step "2. MIDI -> datasets of token windows, by Apache Beam"
# 255 words are fifteen bars with their BARs: every window begins at a bar line.
run tutti ingest "$out/corpus/drums" --dataset "$out/data/drums" --encoding drums --window 255
# Notes with length and loudness, on a grid of 16ths: some thirty to a window.
run tutti ingest "$out/corpus/piano" --dataset "$out/data/piano" \
    --encoding miditok --no-programs --positions 4 --velocities 6 --window 128

step "3. Datasets -> trained networks"
run tutti train --dataset "$out/data/drums" --preset drums-wavenet-small --run "$out/runs/drums"
run tutti train --dataset "$out/data/piano" --preset miditok-lstm-small --run "$out/runs/piano" \
    --units 192 --dropout 0.05 --learning-rate 0.006 --steps 900
run tutti evaluate --run "$out/runs/drums" --dataset "$out/data/drums"
run tutti evaluate --run "$out/runs/piano" --dataset "$out/data/piano"

step "4. Networks -> SavedModels -> music"
run tutti export --run "$out/runs/drums" --models "$out/models/drums"
run tutti export --run "$out/runs/piano" --models "$out/models/piano"
mkdir -p "$out/music"
run tutti generate --model "$out/models/drums" --out "$out/music/drums.mid" --steps 544 --top-p 0.95 --seed 7 -n 4 $sound
run tutti generate --model "$out/models/piano" --out "$out/music/piano.mid" --steps 1024 --temperature 0.9 --seed 8 -n 4 $sound

step "Made in $out"
cat <<END
${sound:+Listen   $(echo "$out"/music/*.wav)
}Play     $(echo "$out"/music/*.mid)
         Try next: --temperature 1.2, another --seed, or --prompt with a MIDI file of yours.
See      $(echo "$out"/music/*.png)
         Try next: tutti generate --steps 2000 for a longer piece on the same picture.
Learning $(echo "$out"/runs/*/learning_curve.png)
         Try next: tutti train --run with --steps 2000; it goes on where this run stopped.
Data     $out/data/drums $out/data/piano
         Try next: tutti inspect $out/data/drums, then ingest a folder of your own.
END
