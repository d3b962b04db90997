"""`clvtool selftest`: published figures, reproduced here."""

from clvtool.cli.output import Deliver


def selftest(*, deliver: Deliver) -> None:
    """Reproduce the published figures of the models on this machine; it ends with 1 if one is off.

    clvtool selftest --limit 20
    clvtool selftest --format json
    """
    from clvtool.ingest.packed import packed
    from clvtool.metrics.selftest import require_all
    from clvtool.metrics.selftest import selftest as answer

    result = answer(packed("models/cdnow.csv"))
    deliver(result)
    require_all(result)
