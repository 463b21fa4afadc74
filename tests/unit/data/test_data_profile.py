"""A batch is examined as a whole: every problem is named at once, with line numbers."""

import io

import msgspec
import pytest

from retrain.data.labels import number, positive_class
from retrain.data.profile import SplitSpec, day_of, examine
from retrain.data.tables import BadData

BIKES = SplitSpec(label="cnt", kind="regression", time="day")
INCOME = SplitSpec(label="income", kind="classification")


def survey(text, spec=BIKES, **changes):
    return examine(io.BytesIO(text.encode()), msgspec.structs.replace(spec, **changes))


def problems(text, spec=BIKES, **changes):
    with pytest.raises(BadData) as caught:
        survey(text, spec, **changes)
    return caught.value.problems


def test_a_good_batch_is_summed_up():
    found = survey("day,temp,cnt\n2011-01-02,3.5,10\n2011-01-01T07:00:00Z,,30\n2011-01-02,4,20\n")
    assert found.days == {"2011-01-01": 1, "2011-01-02": 2}
    assert (found.label.mean, found.label.low, found.label.high) == (20, 10, 30)
    assert found.rows == 3


def test_classes_are_counted():
    assert survey("a,income\n1,<=50K\n2,>50K\n3,<=50K\n", INCOME).label.classes == {"<=50K": 2, ">50K": 1}


def test_all_problems_of_the_rows_are_named_at_once():
    text = "day,temp,cnt\n2011-01-01,1,many\n2011-01-01,1\nyesterday,1,5\n2011-01-01,1,\n2011-01-01,1,inf\n"
    assert problems(text) == [
        "the number of fields is not 3 in 1 row (line 3), for example '2 fields'",
        "the label 'cnt' is empty in 1 row (line 5)",
        "the label 'cnt' is not a number in 2 rows (line 2, 6), for example 'many'",
        "the time 'day' is no ISO date or datetime in 1 row (line 4), for example 'yesterday'",
    ]


def test_only_the_first_lines_of_a_fault_are_listed():
    (said,) = problems("day,cnt\n" + "2011-01-01,x\n" * 50)
    assert said == "the label 'cnt' is not a number in 50 rows (line 2, 3, 4, 5, 6, …), for example 'x'"


@pytest.mark.parametrize(
    ("text", "spec", "words"),
    [
        ("day,count,Cnt\n", BIKES, "the label column 'cnt' is missing; did you mean 'count'?"),
        ("when,cnt\n", BIKES, "the time column 'day' is missing; there are when, cnt"),
        ("day,cnt\n", BIKES, "has a header but no rows"),
        ("a,income\n1,0\n2,0\n", INCOME, "the label has 1 classes"),
        ("a,income\n1,0\n2,1\n3,2\n", INCOME, "the label has 3 classes"),
        ("a,income\n" + "".join(f"1,c{n}\n" for n in range(30)), INCOME, "more than 20 different values"),
        ("a,income\n1,9\n2,10\n", INCOME, "Set `positive`"),
        ("a,income\n1,NaN\n2,1\n3,0\n", INCOME, "is empty in 1 row (line 2)"),
    ],
)
def test_a_batch_that_cannot_be_used_is_told_why(text, spec, words):
    assert words in "; ".join(problems(text, spec))


def test_a_class_the_accepted_data_does_not_have_is_a_problem():
    said = problems("a,income\n1,0\n2,1.0\n", INCOME, classes=("0", "1"))
    assert said == ["the label 'income' is none of the known classes '0', '1' in 1 row (line 3), for example '1.0'"]


def test_missing_and_new_columns_are_named():
    said = problems("day,wind,cnt\n2011-01-01,1,2\n", columns=("day", "temp", "hum", "cnt"))
    assert said == [
        "columns of the accepted data are missing: temp, hum",
        "columns are new, the accepted data has none of them: wind",
    ]


def test_columns_in_another_order_are_put_back():
    found = survey("cnt,day\n2,2011-01-01\n", columns=("day", "cnt"))
    assert (found.columns, found.order) == (("day", "cnt"), (1, 0))


@pytest.mark.parametrize(
    ("classes", "positive"),
    [
        (("0", "1"), "1"),
        (("-1", "1"), "1"),
        (("<=50K", ">50K"), ">50K"),
        (("no", "yes"), "yes"),
        (("False", "True"), "True"),
    ],
)
def test_the_positive_class_is_the_last_in_order(classes, positive):
    assert positive_class(classes) == positive


@pytest.mark.parametrize("classes", [("9", "10"), ("TRUE", "false"), ("a",), ("a", "b", "c")])
def test_an_unclear_positive_class_is_not_guessed(classes):
    with pytest.raises(BadData):
        positive_class(classes)


def test_a_configured_positive_class_must_exist():
    assert positive_class(("9", "10"), "9") == "9"
    with pytest.raises(BadData, match="'x' is not one of"):
        positive_class(("9", "10"), "x")


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1_000", "1,5", "0x10"])
def test_what_is_no_finite_number_is_none(text):
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2011-07-03", "2011-07-03"),
        ("2011-07-03 23:59", "2011-07-03"),
        ("2011-07-03T23:59:59.5+02:00", "2011-07-03"),
        ("3.7.2011", None),
        ("2011", None),
        ("2011-02-30", None),
    ],
)
def test_the_day_is_the_date_part(text, day):
    assert day_of(text) == day
