"""`tutti export`: run directory -> SavedModel."""

import json
import sys

import tutti
from serving.options import OptionError
from tutti.cli.flags import Parser, flag
from tutti.errors import Error

EXAMPLES = """examples:
  tutti export --run runs/drums --models models/drums
  tutti export --run runs/drums --models gs://bucket/models/drums --version 7
  tutti export --run runs/wavenet --models models/wavenet --prompts window
  tutti export --run runs/drums --models models/drums --serving-config config
  tensorflow_model_server --rest_api_port=8501 --model_config_file=config/models.config --enable_batching \\
      --batching_parameters_file=config/batching.config --monitoring_config_file=config/monitoring.config
"""


def main(argv: list[str]) -> None:
    """Exports a run as the flags say, and prints where."""
    about = "Writes a run's model as a SavedModel that generates and scores by itself."
    parser = Parser("tutti export", about, EXAMPLES)
    parser.add_argument("--run", required=True, metavar="DIR", help="the run directory that tutti train wrote")
    parser.add_argument("--models", required=True, metavar="DIR/NAME", help="where versions of model NAME are kept")
    parser.add_argument("--version", type=int, metavar="N", help="the version's number (the next)")
    parser.add_argument(
        "--weights", choices=("best", "last"), default="best", help="best on validation, or last (best)"
    )
    parser.add_argument(
        "--tile",
        type=int,
        default=0,
        metavar="ROWS",
        help="compute with this many rows, always (fits the batch). On CPUs without AVX-512 VNNI "
        "only this makes an answer independent, to the last bit, of the requests beside it; 16 is a good value",
    )
    parser.add_argument(
        "--prompts",
        choices=("steps", "window"),
        default="steps",
        help="read prompts token by token, or as a window, all at once, which is faster for WaveNets and long prompts; "
        "what it gives differs by rounding from what steps do, and a prompt in parts from a whole one (steps)",
    )
    parser.add_argument(
        "--serving-config",
        dest="config",
        metavar="DIR",
        help="write TensorFlow Serving's configuration there, beside the models that it lists already: models.config, "
        "batching.config, monitoring.config",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    args = parser.parse_args(argv)
    try:
        export = tutti.export(
            args.run,
            args.models,
            version=args.version,
            weights=args.weights,
            tile=args.tile,
            prompts=args.prompts,
            config=args.config,
        )
    except OptionError as error:
        raise Error(error.text(flag)) from None
    if args.json:
        print(json.dumps(export.to_json()))
    else:
        print(export.path)
        print(f"next: tutti generate --model {args.models} --out out{export.suffix}", file=sys.stderr)
