"""The results table: every number it names is recorded, and the numbers kept of the last full build still hold."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from companion import keep, results, seal
from companion.profiles import load
from companion.project import Project
from test_paper_map import source

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))  # as Sphinx does for the book's own extensions
import results as table  # noqa: E402

PROJECT = Project(ROOT)
GROUPS = yaml.safe_load((ROOT / "book" / "results.yml").read_text(encoding="utf-8"))
ROWS = [(group["notebook"], row) for group in GROUPS for row in group["rows"]]
AGAIN = "measure again: make book && make keep, and commit book/record.json"


def keys(row):
    """The keys that a row names."""
    named = [row[name] for name in ("adam", "lm", "ours") if name in row]
    return [key for entry in named for key in ([entry] if isinstance(entry, str) else entry)]


KEYS = sorted({(notebook, key) for notebook, row in ROWS for key in keys(row)})
RECORDED = {  # what the table must show of each experiment, for both trainings where there is no other word
    "advection": ("wave-error", "train-mse", "val-mse", "seconds", "regression-wave-error"),
    "one_orbit": (
        *("energy-t1000", "casimir-t1000", "solution-t1000", "train-mse", "val-mse", "seconds", "k1-adam-train-mse"),
        *("lm-seeds", "lm-seeds-below-1-percent", "lm-energy-t1000-median"),
    ),
    "whole_flow": (
        *("energy-t100", "energy-t400", "casimir-t100", "casimir-t400", "solution-t100"),
        *("train-mse", "val-mse", "seconds"),
    ),
}
WHOLE = ("regression-", "k1-", "lm-")


@pytest.fixture(scope="module")
def record():
    """The record of the last full build."""
    if not PROJECT.record.exists():
        pytest.skip("book/record.json is missing")
    return seal.read(PROJECT.record)


def test_there_is_a_record():
    assert PROJECT.record.exists(), f"book/record.json is missing; {AGAIN}"


@pytest.mark.parametrize("notebook", RECORDED)
def test_table_shows_every_number_of_record(notebook):
    wanted = RECORDED[notebook]
    both = {f"{how}-{key}" for key in wanted for how in ("adam", "lm") if not key.startswith(WHOLE)}
    assert both | {key for key in wanted if key.startswith(WHOLE)} <= {key for name, key in KEYS if name == notebook}


@pytest.mark.parametrize(("notebook", "row"), ROWS, ids=lambda part: part if isinstance(part, str) else part["claim"])
def test_row_says_what_it_is_and_leads_to_its_place(notebook, row):
    assert row.keys() <= {"claim", "paper", "code", "adam", "lm", "ours", "unit", "see", "brief"}
    assert row["claim"]
    assert row["paper"]
    assert row["code"]
    assert keys(row)
    text, label = row["see"]
    assert text
    page = source(f"book/notebooks/{notebook}")
    assert f'"name": "{label}"' in page or f"# ({label})=" in page


@pytest.mark.parametrize(("notebook", "key"), KEYS)
def test_number_is_in_the_record(notebook, key, record):
    number = record["numbers"].get(notebook, {}).get(key)
    assert number, f"book/record.json has no {key!r} of {notebook}; {AGAIN}"
    assert number["shown"]


@pytest.mark.parametrize(("notebook", "key"), KEYS)
def test_number_is_in_the_built_book(notebook, key):
    if not PROJECT.results.exists():
        pytest.skip("the book has not been built")
    assert key in json.loads(PROJECT.results.read_text(encoding="utf-8"))[notebook]


def test_record_measures_the_experiments_of_today(record):
    was, now = record["experiments"], keep.experiments()
    changed = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
    assert not changed, f"{', '.join(changed)} changed since the last full build; {AGAIN}"


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group["notebook"])
def test_record_measures_with_the_parameters_of_today(group, record):
    name = group["notebook"]
    assert record["parameters"].get(name) == load(PROJECT, keep.FULL)[name], f"the parameters changed; {AGAIN}"


def test_record_keeps_the_bounds_of_the_full_build(record):
    shown = {group["notebook"] for group in GROUPS}
    found = {name: numbers for name, numbers in record["numbers"].items() if name in shown}
    assert results.broken(found, results.bounds(PROJECT, keep.FULL)) == []


def test_record_is_small_and_says_how_it_was_made(record):
    assert PROJECT.record.stat().st_size < 50_000
    assert record["hardware"].keys() == {"cpu", "cores", "memory"}
    assert record["seconds"].keys() == {*record["numbers"], "total"}
    assert record["versions"].keys() >= {"python", "torch", "locsym"}
    assert record["date"] > "2026"
    assert record["commit"]


@pytest.mark.parametrize("text", [b"", b"{}", b'{"numbers": {}}', PROJECT.record.read_bytes().replace(b"1", b"2", 1)])
def test_damaged_record_is_a_warning_and_shows_nothing(text, tmp_path, monkeypatch):
    (tmp_path / "record.json").write_bytes(text)
    told = []
    monkeypatch.setattr(table, "say", SimpleNamespace(warning=lambda words, **_: told.append(words)))
    page = SimpleNamespace(file=lambda name: tmp_path / name, get_location=lambda: "here")
    assert table.Kept.record(page) is None
    assert told == ["record.json is damaged: it is not as it was written; make keep writes it"]


SMALL = [
    {
        "experiment": "Orbit", "section": "Sec. 4", "notebook": "05",
        "rows": [
            {"claim": "error", "paper": "< 1 %", "code": "2e-3", "adam": "a", "lm": "b", "see": ["Fig. 4", "fig-x"],
             "unit": "s", "brief": "orbit"},
            {"claim": "seeds", "paper": "–", "code": "–", "lm": ["a", "b"], "see": ["eq. (1)", "eq-1"]},
            {"claim": "other", "paper": "–", "code": "–", "ours": "b", "see": ["eq. (1)", "eq-1"]},
        ],
    }
]  # fmt: skip
FULL = {"05": {"a": {"value": 9.1, "shown": "9"}, "b": {"value": 10, "shown": "10"}}}
QUICK = {"05": {"a": {"value": 8.1, "shown": "8"}, "b": {"value": 10, "shown": "10"}}}


def texts(rows):
    return [[cell.text for cell in row] for row in rows]


def test_full_build_shows_its_own_numbers_only():
    given = table.sources(FULL, "paper", {"numbers": QUICK})
    assert [source.numbers for source in given] == [FULL]
    assert len(table.head(given, False)) == 1
    group, error, seeds, other = texts(table.body(SMALL, given, False, pytest.fail))
    assert group == ["{doc}`Orbit </book/notebooks/05>`, Sec. 4"]
    assert error == ["[Fig. 4](#fig-x): error", "< 1\u00a0%", "2e\u20113", "9 s", "10 s"]
    assert seeds[3:] == ["–", "9 of 10"]
    assert other[3:] == ["10"]


def test_quick_build_shows_the_last_full_build_beside_its_own():
    given = table.sources(QUICK, "quick", {"numbers": FULL})
    assert texts(table.head(given, False))[1] == ["last full build", "this build (quick)"] * 2
    _, error, seeds, other = texts(table.body(SMALL, given, False, pytest.fail))
    assert error[3:] == ["9 s", "8 s", "10 s", "10 s"]
    assert seeds[3:] == ["–", "–", "9 of 10", "8 of 10"]
    assert other[3:] == ["10"], "the same number is said once"


def test_number_of_neither_training_is_labelled_where_builds_differ():
    given = table.sources({"05": {"b": {"shown": "7"}}}, "quick", {"numbers": FULL})
    other = table.line(SMALL[0]["rows"][2], "05", given, False, pytest.fail)
    assert other[-1] == table.Cell("last full build: 10; this build (quick): 7", columns=4)


def test_before_the_first_full_build_there_are_own_numbers_only():
    assert [source.label for source in table.sources(QUICK, "quick", None)] == ["this build (quick)"]


def test_brief_shows_the_marked_rows_without_groups():
    rows = table.body(SMALL, table.sources(FULL, "paper", None), True, pytest.fail)
    assert texts(rows) == [["[Fig. 4](#fig-x): orbit", "< 1\u00a0%", "9 s", "10 s"]]
    assert 3 <= sum("brief" in row for _, row in ROWS) <= 6


@pytest.mark.parametrize("brief", [True, False])
@pytest.mark.parametrize("record", [None, {"numbers": FULL}])
def test_rows_are_as_wide_as_the_head(brief, record):
    given = table.sources(QUICK, "quick", record)
    first, *second = table.head(given, brief)
    width = sum(cell.columns for cell in first)
    assert {sum(cell.columns for cell in row) for row in table.body(SMALL, given, brief, pytest.fail)} == {width}
    for row in second:
        assert sum(cell.columns for cell in row) + sum(cell.rows == 2 for cell in first) == width


def test_missing_number_is_told():
    told = []
    given = table.sources({"05": {"b": {"shown": "10"}}}, "paper", None)
    row = table.line(SMALL[0]["rows"][0], "05", given, False, told.append)
    assert told == ["this build (paper): 05 has recorded no 'a'"]
    assert row[3].text == "? s"
