"""Runs as tables: whatever reads Arrow reads a run."""

import json
import sys

import numpy as np
import pytest

import ionlink as il

NAMES = ["attempt", "time_s", "bell_state", "pattern", "cause", "click_time_0_s", "click_time_1_s"]


@pytest.fixture(scope="module")
def run(bright):
    return bright.sample(heralds=500, seed=np.random.SeedSequence([1, 2], spawn_key=(3,)), start_attempt=5)


def expected(run):
    """Columns as lists, by the names of the table."""
    return {
        "attempt": run.attempt.tolist(),
        "time_s": run.time_s.tolist(),
        "bell_state": [il.BELL_STATES[index] for index in run.bell_state],
        "pattern": [run.pattern_names[index] for index in run.pattern],
        "cause": [il.CAUSES[index] for index in run.cause],
        "click_time_0_s": run.click_time_s[:, 0].tolist(),
        "click_time_1_s": run.click_time_s[:, 1].tolist(),
    }


def test_pyarrow_reads_a_run(run):
    pyarrow = pytest.importorskip("pyarrow")
    table = run.to_arrow()
    assert isinstance(table, pyarrow.Table)
    assert pyarrow.table(run) == table
    assert table.column_names == NAMES
    assert table.to_pydict() == expected(run)
    assert table.schema.field("attempt").type == pyarrow.uint64()
    assert table.schema.field("time_s").type == pyarrow.float64()
    for name in ("bell_state", "pattern", "cause"):
        assert table.schema.field(name).type == pyarrow.dictionary(pyarrow.int8(), pyarrow.string())
    table.validate(full=True)


def test_the_schema_tells_where_a_run_comes_from(run, tmp_path):
    metadata = pytest.importorskip("pyarrow").table(run).schema.metadata
    path = tmp_path / "link.toml"
    path.write_bytes(metadata[b"ionlink.link"])
    assert il.Link.from_toml(path) == run.link
    provenance = json.loads(metadata[b"ionlink.provenance"])
    assert (provenance["version"], provenance["engine"]) == (il.__version__, run.engine)
    assert provenance["attempts"] == run.attempts
    assert provenance["seed"]["spawn_key"] == [3]


def test_polars_reads_a_run(run):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(run)
    assert frame.to_dict(as_series=False) == expected(run)
    counts = frame.group_by("bell_state").len().sort(polars.col("bell_state").cast(polars.String))
    assert sum(counts["len"]) == run.heralds


def test_duckdb_reads_a_run(run):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.register("heralds", run)
        rows = connection.sql("select bell_state, count(*), max(attempt) from heralds group by 1 order by 1")
        found = rows.fetchall()
        columns = [row[0] for row in connection.sql("describe heralds").fetchall()]
    assert columns == NAMES
    assert found == [
        (name, int((run.bell_state == index).sum()), int(run.attempt[run.bell_state == index].max()))
        for index, name in ((2, "psi+"), (3, "psi-"))
    ]


def test_pandas_has_a_run_with_and_without_arrow(run):
    pandas = pytest.importorskip("pandas")
    frame = run.to_pandas()
    assert frame.to_dict(orient="list") == expected(run)
    assert frame.dtypes["attempt"] == np.uint64
    assert frame.dtypes["time_s"] == np.float64
    assert set(frame["cause"].cat.categories) == set(il.CAUSES)
    pytest.importorskip("pyarrow")
    frames = [run.to_arrow().to_pandas()]
    if hasattr(pandas.DataFrame, "from_arrow"):
        frames.append(pandas.DataFrame.from_arrow(run))
    for other in frames:
        assert other.to_dict(orient="list") == expected(run)


def test_times_at_which_detectors_were_ready_are_columns(tmp_path):
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    link = il.basic_link(efficiency=(0.5, 0.4), dead_time_s=5e-6, dark_count_rate_hz=1e4)
    run = link.sample(heralds=300, seed=1)
    names = ["blind_00_s", "blind_01_s", "blind_10_s", "blind_11_s"]
    for table in (run.to_pandas(), run.to_arrow().to_pandas()):
        assert list(table.columns) == NAMES + names
        np.testing.assert_array_equal(table[names].to_numpy(), run.blind_s)
    run.save(tmp_path / "run.parquet")
    assert il.load_run(tmp_path / "run.parquet") == run


def test_empty_runs_are_empty_tables(bright, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    run = bright.sample(heralds=0, seed=1)
    assert pyarrow.table(run).num_rows == len(run.to_pandas()) == 0
    assert pyarrow.table(run).column_names == list(run.to_pandas().columns) == NAMES
    run.save(tmp_path / "run.parquet")
    assert il.load_run(tmp_path / "run.parquet") == run


def test_streams_may_be_dropped_unread_or_read_late(run):
    pyarrow = pytest.importorskip("pyarrow")
    capsules = [run.__arrow_c_stream__(None) for _ in range(3)]
    del capsules[0]

    class Late:
        def __arrow_c_stream__(self, requested_schema=None):
            return capsules.pop()

    assert pyarrow.table(Late()) == pyarrow.table(run)


def test_a_run_that_is_not_its_links_is_no_table(run):
    strange = il.Run(
        link=run.link,
        attempts=10,
        attempt=np.arange(2, dtype=np.uint64),
        pattern=np.array([0, 200], dtype=np.uint8),
        cause=np.zeros(2, dtype=np.uint8),
        click_time_s=np.zeros((2, 2)),
        seed=1,
        engine="herald",
    )
    with pytest.raises(il.ParameterError, match="of this link"):
        strange.__arrow_c_stream__()


@pytest.mark.parametrize(
    ("package", "function", "install"),
    [
        ("pyarrow", il.Run.to_arrow, r"pip install ionlink\[parquet\]"),
        ("pandas", il.Run.to_pandas, "pip install pandas"),
        ("pyarrow.parquet", lambda run: run.save("no/such/run.parquet"), r"pip install ionlink\[parquet\]"),
    ],
)
def test_missing_packages_are_named_with_the_command_that_installs_them(
    run, monkeypatch, package, function, install
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(il.MissingPackageError, match=install) as caught:
        function(run)
    assert isinstance(caught.value, ImportError)
    assert caught.value.name == package.split(".")[0]
