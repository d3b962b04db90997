"""Run the program as `python -m clvtool`."""

import sys

from clvtool.cli.main import main

sys.exit(main())
