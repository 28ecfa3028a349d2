"""The results table: it names recorded numbers and judges each claim; the record of the last full build still holds."""

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from companion import keep, results, seal
from companion.profiles import load
from companion.project import Project
from companion.record import from_json
from test_paper_map import source

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))  # as Sphinx does for the book's own extensions
import results_tables as table  # noqa: E402
import verdicts  # noqa: E402

PROJECT = Project(ROOT)
GROUPS = yaml.safe_load((ROOT / "book" / "results.yml").read_text(encoding="utf-8"))
ROWS = [(group["notebook"], row) for group in GROUPS for row in group["rows"]]
AGAIN = "measure again: make book && make keep, and commit book/record.json"


def keys(row):
    """The keys that a row names: for its cells, for its bound and for the seeds."""
    named = [row[name] for name in ("adam", "lm", "ours") if name in row]
    named += [*row.get("bound", {}).values(), *row.get("seeds", {}).values()]
    listed = [one for entry in named for one in (entry if isinstance(entry, list) else [entry])]
    return [one for one in listed if isinstance(one, str)]


KEYS = {(notebook, key) for notebook, row in ROWS for key in keys(row)}
KEYS = sorted(KEYS | {(group["notebook"], key) for group in GROUPS for key in group["epochs"]})
RECORDED = {  # what the table must show of each experiment, for both trainings where there is no other word
    "advection": ("wave-error", "train-mse", "val-mse", "seconds", "regression-wave-error"),
    "one_orbit": (
        *("energy-error", "casimir-error", "solution-error", "power", "train-mse", "val-mse", "seconds"),
        *("k1-adam-train-mse", "lm-seeds", "lm-seeds-below-1-percent", "lm-energy-median"),
    ),
    "whole_flow": (
        *("energy-short", "energy-long", "casimir-short", "casimir-long", "solution-short"),
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
    assert row.keys() <= {"claim", "paper", "code", "adam", "lm", "ours", "unit", "see", "brief", "bound", "seeds"}
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


FAR_APART = {("whole_flow", "few-50-val"), ("whole_flow", "few-100-val")}  # another seed may err far more there


def test_what_is_rounding_in_the_record_is_bounded_as_rounding(record):
    """A bound of 1e-12 that somebody loosens to 1 would allow anything."""
    loose = [
        f"{name}: {key} = {value:.1e}, bounds {rule}"
        for name, rules in results.bounds(PROJECT, keep.FULL).items()
        for key, rule in rules.items()
        if (name, key) not in FAR_APART
        and isinstance(value := from_json(record["numbers"].get(name, {}).get(key, {}).get("value", "")), float)
        and abs(value) < 1e-10
        and not rule.get("max", math.inf) <= 1e7 * max(abs(value), 1e-15)
    ]
    assert not loose


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
        "experiment": "Orbit", "section": "Sec. 4", "notebook": "05", "epochs": ["b", "a"],
        "rows": [
            {"claim": "error", "paper": "< 1 %", "code": "2e-3", "adam": "a", "lm": "b", "see": ["Fig. 4", "fig-x"],
             "brief": "orbit"},
            {"claim": "time", "paper": "–", "code": "2 h", "adam": "a", "lm": "b", "see": ["Fig. 4", "fig-x"],
             "unit": "s"},
            {"claim": "seeds", "paper": "–", "code": "–", "lm": ["a", "b"], "see": ["eq. (1)", "eq-1"]},
            {"claim": "other", "paper": "–", "code": "–", "ours": "b", "see": ["eq. (1)", "eq-1"]},
        ],
    }
]  # fmt: skip
FULL = {"05": {"a": {"value": 9.1, "shown": "9"}, "b": {"value": 10, "shown": "10"}}}
QUICK = {"05": {"a": {"value": 8.1, "shown": "8"}, "b": {"value": 10, "shown": "10"}}}


def texts(rows):
    return [[cell.text for cell in row] for row in rows]


def found(own, kept=None, missing=pytest.fail):
    return table.Given(own, kept or {}, missing)


def test_full_build_shows_its_own_numbers_only():
    assert table.given(FULL, "paper", {"numbers": QUICK}, pytest.fail) == found(FULL)
    group, error, seeds, other = texts(table.body(SMALL, found(FULL), False))
    assert group == ["{doc}`Orbit </book/notebooks/05>`, Sec. 4"]
    assert error == ["[Fig. 4](#fig-x): error", "< 1\u00a0%", "–", "2e\u20113", "9", "10"]
    assert seeds[4:] == ["–", "9 of 10"]
    assert other[4:] == ["10"]


def test_quick_build_adds_the_last_full_builds_number_where_it_differs():
    given = table.given(QUICK, "quick", {"numbers": FULL}, pytest.fail)
    assert given == found(QUICK, FULL)
    _, error, seeds, other = texts(table.body(SMALL, given, False))
    assert error[4:] == ["8 (last full build: 9)", "10"]
    assert seeds[4:] == ["–", "8 of 10 (last full build: 9 of 10)"]
    assert other[4:] == ["10"], "the same number is said once"


def test_a_time_is_the_last_full_builds_where_there_is_one():
    timed = {"05": {"a": {"shown": "8", "timed": True}}}
    assert found(timed, FULL).shown("05", "a", "s") == "9 s"
    assert found(timed).shown("05", "a", "s") == "8 s"


def test_times_have_a_table_of_their_own():
    first, rows = table.times(SMALL, found(FULL))
    assert texts(rows) == [["{doc}`Orbit </book/notebooks/05>`", "2 h", "9 s", "10 s"]]
    assert {len(row) for row in rows} == {len(first)}


def test_epochs_are_those_of_this_edition():
    first, rows = table.epochs(SMALL, found(QUICK, FULL))
    assert texts(rows) == [["{doc}`Orbit </book/notebooks/05>`", "10", "8"]]
    assert {len(row) for row in rows} == {len(first)}


def test_each_experiment_has_one_time():
    assert [sum("unit" in row for row in group["rows"]) for group in GROUPS] == [1] * len(GROUPS)


def test_a_key_newer_than_the_record_is_shown_without_it():
    assert found(FULL, {"05": {"a": {"shown": "7"}}}).shown("05", ["a", "b"]) == "9 of 10"


def test_before_the_first_full_build_there_are_own_numbers_only():
    assert table.given(QUICK, "quick", None, pytest.fail) == found(QUICK)


def test_brief_shows_the_marked_rows_without_groups():
    rows = table.body(SMALL, found(FULL), True)
    assert texts(rows) == [["[Fig. 4](#fig-x): orbit", "< 1\u00a0%", "–", "9", "10"]]
    assert 3 <= sum("brief" in row for _, row in ROWS) <= 6


@pytest.mark.parametrize("brief", [True, False])
@pytest.mark.parametrize("record", [None, {"numbers": FULL}])
def test_rows_are_as_wide_as_the_head(brief, record):
    rows = table.body(SMALL, table.given(QUICK, "quick", record, pytest.fail), brief)
    assert {sum(cell.columns for cell in row) for row in rows} == {len(table.head(brief))}


def test_missing_number_is_told():
    told = []
    row = table.line(SMALL[0]["rows"][0], "05", found({"05": {"b": {"shown": "10"}}}, {}, told.append), False)
    assert told == ["05 has recorded no 'a'"]
    assert row[4].text == "?"


SHARES = [  # bound, least and largest value, how many of the values keep it
    ({"below": 2}, 0, 1, "all"),
    ({"below": 2}, 1, 3, "some"),
    ({"below": 2}, 2, 3, "none"),
    ({"above": 2}, 3, 4, "all"),
    ({"above": 2}, 1, 3, "some"),
    ({"above": 2}, 1, 2, "none"),
    ({"between": [1, 2]}, 1.5, 1.6, "all"),
    ({"between": [1, 2]}, 0.5, 1.6, "some"),
    ({"between": [1, 2]}, 2.5, 2.6, "none"),
    ({"about": 2}, 1, 3, "all"),
    ({"about": 2}, 2, 2, "all"),
    ({"about": 2}, 0, 1, "better"),
    ({"about": 2}, 3, 4, "none"),
    ({"below": 2}, 1, float("nan"), "some"),
    ({"about": 2}, 1, float("inf"), "all"),
    ({"below": 2}, float("nan"), float("nan"), "none"),
]


@pytest.mark.parametrize(("bound", "least", "most", "share"), SHARES)
def test_bound_is_compared_with_all_values(bound, least, most, share):
    ((kind, given),) = bound.items()
    assert verdicts.judge(kind, given if isinstance(given, list) else [given], least, most) == share


RECORDS = {
    **{"good": (0.5, "50 %"), "bad": (3.0, "300 %"), "worse": ("Infinity", "inf")},
    **{"no": (0, "0"), "two": (2, "2"), "three": (3, "3")},
}
BAD = {"paper": "< 1", "bound": {"below": 1}, "adam": "bad"}
VERDICTS = [
    ({"paper": "–", "adam": "bad"}, "–"),
    ({"paper": "“good”", "adam": "bad"}, "in words only"),
    (BAD, "**not reproduced** (one seed)"),
    (BAD | {"lm": "bad"}, "**not reproduced** (one seed)"),
    (BAD | {"lm": "good"}, "**not reproduced** (one seed); Levenberg–Marquardt: yes"),
    (BAD | {"adam": "good", "lm": "bad"}, "reproduced (one seed); Levenberg–Marquardt: no"),
    (BAD | {"seeds": {"range": ["good", "bad"]}}, "reproduced in part (50 % to 300 %)"),
    (BAD | {"seeds": {"kept": ["no", "three"]}}, "**not reproduced** (0 of 3 seeds)"),
    (BAD | {"seeds": {"kept": ["two", "three"]}}, "reproduced in part (2 of 3 seeds)"),
    (BAD | {"seeds": {"kept": ["three", "three"]}}, "reproduced (3 of 3 seeds)"),
    (
        BAD | {"lm": "good", "seeds": {"kept": ["no", "three"], "range": ["bad", "worse"]}},
        "**not reproduced** (0 of 3 seeds, 300 % to inf); Levenberg–Marquardt: yes",
    ),
    ({"paper": "better than the network", "bound": {"below": "bad"}, "ours": "good"}, "reproduced"),
    ({"paper": "better than the network", "bound": {"below": "good"}, "ours": "bad"}, "**not reproduced**"),
    ({"paper": "1", "bound": {"about": 1}, "adam": "good", "lm": "good"}, "better (one seed)"),
    ({"paper": "1", "bound": {"about": 1}, "seeds": {"range": ["good", "bad"]}}, "reproduced (50 % to 300 %)"),
]


@pytest.mark.parametrize(("row", "text"), VERDICTS)
def test_verdict_follows_from_bound_and_numbers(row, text):
    numbers = {key: {"value": value, "shown": shown} for key, (value, shown) in RECORDS.items()}
    assert verdicts.verdict(row, numbers.get) == text


CLAIMED = [pytest.param(name, row, id=f"{name}-{row['claim']}") for name, row in ROWS if "bound" in row]
COUNTED = [claim for claim in CLAIMED if {"kept", "range"} <= claim.values[1].get("seeds", {}).keys()]


def test_claims_with_a_number_have_a_bound():
    silent = ("–", "“")
    assert not [row["claim"] for _, row in ROWS if "bound" not in row and not row["paper"].startswith(silent)]


@pytest.mark.parametrize(("notebook", "row"), CLAIMED)
def test_bound_is_what_the_paper_is_said_to_state(notebook, row):
    """The text "< 5 %" and the bound 0.05 beside it are one."""
    ((_, given),) = row["bound"].items()
    if row["paper"].startswith("<"):
        assert row["bound"] == {"below": float(row["paper"].strip("< %")) / 100}
    elif row["paper"][0].isdigit():
        assert row["bound"] == {"about": float(row["paper"])}
    else:
        assert isinstance(given, (str, list)), "a claim in words is a comparison"


@pytest.mark.parametrize(("notebook", "row"), COUNTED)
def test_count_of_seeds_agrees_with_their_range(notebook, row, record):
    ((kind, given),) = row["bound"].items()
    numbers = record["numbers"][notebook]
    (kept, tried), ends = ([numbers[key]["value"] for key in row["seeds"][name]] for name in ("kept", "range"))
    share = "all" if kept == tried else "some" if kept else "none"
    assert verdicts.judge(kind, [given], *ends) == share


@pytest.mark.parametrize(("notebook", "row"), [claim for claim in COUNTED if claim.values[0] == "whole_flow"])
def test_whole_flow_was_not_reproduced_and_the_table_says_so(notebook, row, record):
    text = verdicts.verdict(row, record["numbers"][notebook].get)
    assert text.startswith("**not reproduced** (0 of 3 seeds, ")
    assert text.endswith("; Levenberg–Marquardt: yes")
