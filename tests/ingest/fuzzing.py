"""How far the fuzz tests go: a short fixed run in `make test`, a long one by chance in `make fuzz N=100000`."""

import os
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, settings

LONG = int(os.environ.get("FUZZ_EXAMPLES", "0"))
FOUND = Path(__file__).parents[2] / ".fuzz"
"""Where the file stays that a test failed with; the last one written is the smallest."""


def examples(short: int) -> settings:
    """Return the settings of a fuzz test: `short` examples, always the same, or as many as were asked for."""
    return settings(
        max_examples=LONG or short,
        derandomize=not LONG,
        print_blob=bool(LONG),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def kept_when_failing(content: bytes, name: str):
    """Keep the bytes of a file that what follows fails with."""
    try:
        yield
    except Exception:
        FOUND.mkdir(exist_ok=True)
        (FOUND / name).write_bytes(content)
        raise
