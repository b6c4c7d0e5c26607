import sys

from tutti.cli import main

sys.exit(main())
