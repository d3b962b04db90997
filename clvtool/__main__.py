"""Run the program: as `python -m clvtool`, or as the command `clvtool`."""

import sys


def run() -> int:
    """Run the program and return its exit code, also when Ctrl-C comes while it is still being loaded."""
    try:
        from clvtool.cli.main import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
