"""``compare``: two builds have the same numbers, times apart; and what was changed by hand is not compared."""

import json

import pytest
from companion.__main__ import main
from companion.seal import Damaged, read, seal

RESULTS = {
    "profile": "quick",
    "versions": {"torch": "2"},
    "01": {"a": {"value": 1.0, "shown": "1"}, "nan": {"value": "NaN", "shown": "nan"}, "n": {"value": 3, "shown": "3"}},
    "02": {"s": {"value": 2.0, "shown": "2", "timed": True}},
}


def written(path, held):
    path.write_text(json.dumps(seal(held)))
    return str(path)


def changed(name, key, **number):
    return RESULTS | {name: RESULTS[name] | {key: RESULTS[name].get(key, {}) | number}}


@pytest.mark.parametrize(
    ("other", "options", "status", "said"),
    [
        (RESULTS, [], 0, "0 differences in 3 numbers of 2 notebooks; 1 times not compared"),
        ({"commit": "c", "seconds": {}, "numbers": {k: RESULTS[k] for k in ("01", "02")}}, [], 0, "0 differences"),
        (changed("02", "s", value=9.0), [], 0, "0 differences"),
        (changed("02", "s", value=9.0, timed=False), [], 1, "02: s = 2.0, 9.0"),
        (changed("01", "a", value=1.0 + 1e-9), [], 1, "01: a = 1.0, 1.000000001"),
        (changed("01", "a", value=1.0 + 1e-9), ["--within", "1e-8"], 0, "0 differences"),
        (changed("01", "n", value=4), ["--within", "1"], 1, "01: n = 3, 4"),
        (changed("01", "b", value=4), [], 1, "01: b is only in the second"),
    ],
)
def test_differences_are_told(other, options, status, said, tmp_path, capsys):
    files = written(tmp_path / "a", RESULTS), written(tmp_path / "b", other)
    assert main(["compare", *files, *options]) == status
    assert said in capsys.readouterr().out


def test_what_is_not_whole_is_refused(tmp_path, capsys):
    good, bad = written(tmp_path / "a", RESULTS), tmp_path / "b"
    assert main(["compare", good, str(bad)]) == 2
    bad.write_text(json.dumps(seal(RESULTS)).replace("1.0", "1.5"))
    with pytest.raises(Damaged):
        read(bad)
    assert main(["compare", good, str(bad)]) == 2
    assert "b is damaged" in capsys.readouterr().err
