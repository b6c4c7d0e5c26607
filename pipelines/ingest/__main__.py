import sys

from tutti.cli import main

sys.exit(main(["ingest", *sys.argv[1:]]))
