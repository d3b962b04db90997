"""Results read back: every format that -o writes, and files that are none."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from clvtool.errors import DataError, InputError
from clvtool.ingest.earlier import read_result
from clvtool.report.files import write_result
from clvtool.result import Result

TABLE = pl.DataFrame(
    {"channel": ["(total)", 'a "b", c'], "period": ["2025-01", "2025-01"], "start": [0, 7], "rate": [None, 0.25]}
)


@pytest.mark.parametrize("suffix", ["csv", "json", "ndjson", "parquet"])
def test_what_was_written_is_read_back(suffix, tmp_path):
    path = tmp_path / f"result.{suffix}"
    write_result(Result("retention", "Balance", TABLE), path)
    assert_frame_equal(read_result(str(path)), TABLE)


def test_files_that_are_no_result(tmp_path):
    path = tmp_path / "result.json"
    for content in ("{}{", '{"rows": [1, 2'):
        path.write_text(content)
        with pytest.raises(DataError, match="no result"):
            read_result(str(path))
    path.write_text("  \n")
    with pytest.raises(InputError, match="is empty"):
        read_result(str(path))
    with pytest.raises(InputError, match="does not exist") as caught:
        read_result(str(tmp_path / "result.jsn"))
    assert "result.json" in caught.value.hint
