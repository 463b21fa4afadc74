"""`retrain backtest`: what it prints and writes, and what it says to what cannot be played."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.problems import Exit
from local import bikes
from tests.cli.conftest import CONFIGURED, Command

MODELS = CONFIGURED.replace("[models.heat]", "[models.bikes]").replace("models.heat.", "models.bikes.")
MODELS = MODELS.replace('label = "heat"', 'label = "cnt"\ntime = "day"')


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Five real months; the labels of the fourth were mixed up, the third file is cut off."""
    folder, clean = tmp_path / "history", tmp_path / "clean"
    for place in (folder, clean):
        place.mkdir()
        for month in bikes.every_month()[:5]:
            (place / f"{month}.csv").write_text(bikes.months(month))
    (folder / "2011-03.csv").write_text(bikes.broken("2011-03"))
    (folder / "2011-04.csv").write_text(bikes.shuffled("2011-04"))
    (tmp_path / "models.toml").write_text(MODELS)
    (tmp_path / "other.toml").write_text("[gate]\nconfidence = 0.99\n")
    return folder


def test_policies_stand_side_by_side_and_every_batch_has_its_reason(bare: Command, history: Path) -> None:
    done = bare(
        "backtest", "bikes", "history", "--gate", "other.toml", "--truth", "clean", "--out", "tried",
        RETRAIN_MODELS_FILE="models.toml",
    )  # fmt: skip
    assert done.code == Exit.OK, done.err
    rows = [line.split("  ")[0] for line in done.out.splitlines()]
    for policy in ("never retrain", "always newest", "higher is better", "interval only", "this gate", "oracle"):
        assert policy in rows
    ours = done.out.partition("\nThis gate\n")[2].partition("\nThe other gate\n")[0]
    assert "2011-03.csv  quarantined  refused" in ours and "line 101" in ours
    shuffled = next(line for line in ours.splitlines() if line.startswith("  2011-04.csv"))
    outcome, data = shuffled.split()[1:3]
    assert outcome in ("kept", "quarantined") and data == "refused"
    assert "99 % confidence" in done.out.partition("\nThe other gate\n")[2]
    assert (history.parent / "tried" / "bikes.png").read_bytes().startswith(b"\x89PNG")
    assert "tried/bikes.png" in done.out and "tried/bikes.json" in done.out


def test_json_is_the_report_that_is_also_written(bare: Command, history: Path) -> None:
    done = bare("backtest", "bikes", "history", "--models", "models.toml", "--learner", "boosted-trees", "--json")
    assert done.code == Exit.OK, done.err
    report = json.loads(done.out)
    assert report == json.loads((history.parent / "backtest" / "bikes.json").read_text())
    assert (report["learner"], report["metric"]) == ("boosted-trees", "rmse")
    assert report["batches"] == [f"{month}.csv" for month in bikes.every_month()[:5]]
    assert "5 files, boosted-trees; the order is by first day" in done.err


def test_several_first_files_and_parameters_are_taken(bare: Command, history: Path) -> None:
    (history / "2011-03.csv").write_text(bikes.months("2011-03"))
    done = bare(
        "backtest", "bikes", *(str(file) for file in sorted(history.iterdir())), "--models", "models.toml",
        "--first", "2", "--param", "L2 Weight=10", "--param", "Excluded Columns=day,windspeed", "--json",
    )  # fmt: skip
    assert done.code == Exit.OK, done.err
    assert json.loads(done.out)["batches"][0] == "2011-01.csv and 1 more"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["bikes", "--models", "models.toml"], Exit.USAGE, "no files to play; name files, or a folder"),
        (["bikes", "history"], Exit.USAGE, "--models models.toml, or RETRAIN_MODELS_FILE"),
        (["bikes", "history", "--models", "no.toml"], Exit.USAGE, "--models no.toml cannot be read"),
        (["cars", "history", "--models", "models.toml"], Exit.FAILED, "models.toml has no model 'cars'; it has bikes"),
        (["bikes:7", "history", "--models", "models.toml"], Exit.FAILED, "it has no keys"),
        (["bikes", "nowhere", "--models", "models.toml"], Exit.USAGE, "nowhere: there is no such file or folder"),
        (
            ["bikes", "history/2011-01.csv", "--models", "models.toml"],
            Exit.USAGE,
            "1 batch is not enough to play",
        ),
        (["bikes", "history", "--models", "models.toml", "--learner", "magic"], Exit.USAGE, "not one of ridge"),
        (["bikes", "history", "--models", "models.toml", "--param", "Depth=3"], Exit.USAGE, "no such parameter"),
        (["bikes", "history", "--models", "models.toml", "--param", "Depth"], Exit.USAGE, "is not name=value"),
        (["bikes", "history", "--models", "models.toml", "--gate", "no.toml"], Exit.USAGE, "--gate no.toml cannot"),
        (["bikes", "history", "--models", "models.toml", "--truth", "no"], Exit.USAGE, "there is no such folder"),
    ],
)
def test_what_cannot_be_played_is_told_with_what_to_do(
    bare: Command, history: Path, arguments: list[str], code: Exit, said: str
) -> None:
    done = bare("backtest", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err and "Traceback" not in done.err


def test_mistakes_in_other_rules_are_all_named_with_their_lines(bare: Command, history: Path) -> None:
    (history.parent / "other.toml").write_text("[gate]\nconfidense = 0.9\n\n[holdout]\nshare = 7\n")
    done = bare("backtest", "bikes", "history", "--models", "models.toml", "--gate", "other.toml")
    assert done.code == Exit.FAILED
    assert "other.toml: the rules have mistakes; correct them all" in done.err
    assert "- line 2: unknown key 'confidense'; did you mean 'confidence'?" in done.err
    assert "- line 5: share = 7.0 must be between 0.05 and 0.9" in done.err


def test_a_first_file_that_is_no_table_is_named(bare: Command, history: Path) -> None:
    (history / "2010-12.csv").write_bytes(b"PK\x03\x04 an archive")
    done = bare("backtest", "bikes", "history", "--models", "models.toml")
    assert done.code == Exit.USAGE
    assert "2010-12.csv: no first champion can be made from it: the file is a ZIP archive" in done.err
