"""What the modules do: data really flows, and a pipeline learns what a classic service learns."""

from __future__ import annotations

import csv
import io
import json
import math
from zipfile import ZipFile

import pytest
import requests

from local.services.studio.client import StudioClient
from tests.lines import rows_csv

from .lab import LINE_EDGES, LINE_NODES, US, Json, Lab, adult

IMPORT = {"module": "Import Data", "fields": {"Datastore": "lab", "Path": "line.csv"}}
EXPORT = {"module": "Export Data", "fields": {"Datastore": "lab", "Path": "out.csv"}}


def flow(
    lab: Lab, text: str, module: str, fields: Json | None = None, output: str = "", status: str = "Finished"
) -> str:
    """What Export Data writes of the module's output when `text` goes in; or why the run failed."""
    source, target = lab.upload(text), lab.upload("", "")
    nodes = {
        "import": {"module": "Import Data", "fields": {"Datastore": "lab", "Path": source}},
        "module": {"module": module, "fields": fields or {}},
        "export": {"module": "Export Data", "fields": {"Datastore": "lab", "Path": target}},
    }
    edges = [{"from": "import", "to": "module"}, {"from": f"module:{output}" if output else "module", "to": "export"}]
    run = lab.client.submit(lab.publish(nodes, edges)["Id"])
    lab.ran(run, status)
    detail: str | None = lab.client.run(run["Id"])["Status"]["StatusDetail"]
    return detail or lab.read(target)


def income_graph(split: Json) -> tuple[Json, list[Json]]:
    nodes = {
        "import": {"module": "Import Data", "fields": {"Datastore": "lab"}},
        "split": {"module": "Split Data", "fields": split},
        "learner": {"module": "Two-Class Logistic Regression", "fields": {}},
        "train": {"module": "Train Model", "fields": {"Label column": "income"}},
        "score": {"module": "Score Model", "fields": {}},
        "score other": {"module": "Score Model", "fields": {}, "name": "Score the others"},
        "evaluate": {"module": "Evaluate Model", "fields": {}},
    }
    edges = [
        {"from": "import", "to": "split"},
        {"from": "learner", "to": "train:Untrained model"},
        {"from": "split:Results dataset1", "to": "train:Dataset"},
        {"from": "train", "to": "score:Trained model"},
        {"from": "train", "to": "score other:Trained model"},
        {"from": "split:Results dataset1", "to": "score:Dataset"},
        {"from": "split:Results dataset2", "to": "score other:Dataset"},
        {"from": "score", "to": "evaluate:Scored dataset"},
        {"from": "score other", "to": "evaluate:Scored dataset to compare"},
    ]
    return nodes, edges


def test_the_income_pipeline_learns_from_one_country_and_again_from_the_others(lab: Lab) -> None:
    path = lab.upload(adult(12_000), "adult.csv")
    nodes, edges = income_graph({"Splitting mode": "Relative Expression"})
    parameters = {"data_path": (path, "import", "Path"), "rows": (US, "split", "Relational expression")}
    pipeline = lab.publish(nodes, edges, parameters)
    elsewhere = US.replace("==", "!=")
    rows = list(csv.DictReader(io.StringIO(adult(12_000))))
    counts = {US: sum(row["native_country"] == "United-States" for row in rows)}
    counts[elsewhere] = len(rows) - counts[US]
    models = []
    for expression, count in counts.items():
        steps = lab.ran(lab.client.submit(pipeline["Id"], ParameterAssignments={"rows": expression}))
        metrics = lab.client.metrics(steps["Evaluate Model"]["runId"])
        assert steps["Score the others"]["properties"]["azureml.moduleName"] == "Score Model"
        assert set(metrics) == {
            f"{name} ({side} port)"
            for name in ("Accuracy", "Precision", "Recall", "F1 Score", "AUC")
            for side in ("left", "right")
        }
        assert min(metrics["AUC (left port)"], metrics["AUC (right port)"]) > 0.85
        models.append(lab.client.artifact(steps["Train Model"]["runId"], "trained_model_outputs/model.ilearner"))
        assert f'"rows":{count}' in header(models[-1])
    assert models[0] != models[1]


def header(model: bytes) -> str:
    with ZipFile(io.BytesIO(model)) as archive:
        return archive.read("model.json").decode()


def classic_scores(lab: Lab, text: str) -> list[float]:
    """What a classic service predicts that batch retraining on the text has updated."""
    studio = StudioClient(lab.url)
    workspace = studio.create_workspace("Parity")
    given = {"csv": text, "learner": "boosted-trees", "parameters": {"Iterations": "30"}}
    training = studio.create_training_experiment(workspace, "Income", "classification", "income", **given)
    studio.run_experiment(workspace, training["id"])
    predictive = studio.derive_predictive(workspace, training["id"])
    service = studio.deploy(workspace, predictive["id"])["WebServiceGroupId"]
    endpoint = studio.get_endpoint(workspace, service)
    rows = list(csv.reader(io.StringIO(text)))
    inputs = {"input1": {"ColumnNames": rows[0][:-1], "Values": [row[:-1] for row in rows[1:200]]}}
    answer = requests.post(
        f"{endpoint['ApiLocation']}/execute?api-version=2.0&details=true",
        headers={"Authorization": f"Bearer {endpoint['PrimaryKey']}"},
        json={"Inputs": inputs, "GlobalParameters": {}},
        timeout=60,
    )
    studio.close()
    return [float(row[-1]) for row in answer.json()["Results"]["output1"]["value"]["Values"]]


def test_a_pipeline_predicts_what_a_classic_service_predicts_after_the_same_training(lab: Lab) -> None:
    text = adult(3000)
    nodes = {
        "import": {"module": "Import Data", "fields": {"Datastore": "lab", "Path": lab.upload(text)}},
        "learner": {
            "module": "Two-Class Boosted Decision Tree",
            "fields": {"Total number of trees constructed": "30"},
        },
        "train": {"module": "Train Model", "fields": {"Label column": "income"}},
        "score": {"module": "Score Model", "fields": {}},
        "export": EXPORT,
    }
    lab.ran(lab.client.submit(lab.publish(nodes, [*LINE_EDGES[:4], {"from": "score", "to": "export"}])["Id"]))
    scored = list(csv.DictReader(io.StringIO(lab.read("out.csv"))))
    assert len(scored) == 3000
    expected = classic_scores(lab, text)
    assert [float(row["Scored Probabilities"]) for row in scored[: len(expected)]] == pytest.approx(expected, abs=1e-9)


def inference(lab: Lab, model: str) -> Json:
    """A pipeline that scores what its parameter `data_path` names with the model that `model_path` names."""
    nodes = {
        "import": IMPORT,
        "model": {"module": "Trained Model", "fields": {"Datastore": "lab"}},
        "score": {"module": "Score Model"},
        "export": EXPORT,
    }
    edges = [
        {"from": "model", "to": "score:Trained model"},
        {"from": "import", "to": "score:Dataset"},
        {"from": "score", "to": "export"},
    ]
    parameters = {
        "data_path": ("line.csv", "import", "Path"),
        "model_path": (model, "model", "Path"),
        "scores_path": ("out.csv", "export", "Path"),
    }
    return lab.publish(nodes, edges, parameters)


def trained(lab: Lab, slope: float, name: str) -> str:
    run = lab.client.submit(lab.pipeline["Id"], ParameterAssignments={"data_path": lab.upload(rows_csv(slope))})
    model = lab.client.artifact(lab.ran(run)["Train Model"]["runId"], "trained_model_outputs/model.ilearner")
    return lab.upload(model, name)


def test_batch_inference_uses_the_model_that_a_file_or_a_pointer_names(lab: Lab) -> None:
    three, seven = (trained(lab, slope, f"models/{slope}.ilearner") for slope in (3, 7))
    pipeline = inference(lab, "live.json")
    data = lab.upload("x,kind\n1,a\n2,b\n")

    def first(**more: str) -> float:
        given = {"data_path": data, "scores_path": "scores/new.csv", **more}
        lab.ran(lab.client.submit(pipeline["Id"], ParameterAssignments=given))
        scored = lab.read("scores/new.csv").splitlines()
        assert scored[0] == "x,kind,Scored Labels"
        return float(scored[1].split(",")[-1])

    assert first(model_path=three) == pytest.approx(3, abs=0.1)
    for path, slope in ((three, 3), (seven, 7)):
        lab.upload(json.dumps({"version": 5, "model": f"designer-lab/{path}"}), "live.json")
        assert first() == pytest.approx(slope, abs=0.1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "neither a model nor JSON"),
        (b'{"model": 3}', "neither a model nor JSON"),
        (b'{"model": "designer-lab/absent.ilearner"}', "Unable to read 'designer-lab/absent.ilearner'"),
        (b"PK not a model", "not an .ilearner"),
    ],
)
def test_what_is_no_model_fails_the_run_with_the_reason(lab: Lab, content: bytes, said: str) -> None:
    run = lab.client.submit(inference(lab, lab.upload(content, "odd.json"))["Id"])
    lab.ran(run, "Failed")
    assert said in lab.client.run(run["Id"])["Status"]["StatusDetail"]


def test_columns_are_selected_or_left_out(lab: Lab) -> None:
    text = 'a,b,c\n1.50,"x, y",\n007,z,NA\n'
    assert flow(lab, text, "Select Columns in Dataset", {"Select columns": "c, a"}) == "c,a\n,1.50\nNA,007\n"
    left = {"Rule": "Exclude", "Select columns": "a,c"}
    assert flow(lab, text, "Select Columns in Dataset", left) == 'b\n"x, y"\nz\n'
    failed = flow(lab, text, "Select Columns in Dataset", {"Select columns": "d"}, status="Failed")
    assert "no column 'd'; there are a, b, c" in failed


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("Custom substitution value", "n,t\n1,x\n9,9\n3,x\n"),
        ("Replace with mode", "n,t\n1,x\n3,x\n3,x\n"),
        ("Remove entire row", "n,t\n1,x\n3,x\n"),
        ("Remove entire column", ""),
    ],
)
def test_missing_values_are_cleaned(lab: Lab, mode: str, expected: str) -> None:
    text = "n,t\n1,x\nNA,\n3,x\n"
    fields = {"Cleaning mode": mode, "Replacement value": "9"}
    if mode == "Remove entire column":
        fields |= {"Columns to be cleaned": "t"}
        expected = "n\n1\nNA\n3\n"
    assert flow(lab, text, "Clean Missing Data", fields) == expected


def test_missing_numbers_can_become_the_mean_or_the_median(lab: Lab) -> None:
    for kind, value in (("mean", "3.0"), ("median", "2.0")):
        fields = {"Cleaning mode": f"Replace with {kind}", "Columns to be cleaned": "n"}
        assert flow(lab, "n,t\n1,\n2,x\n6,x\n,x\n", "Clean Missing Data", fields) == f"n,t\n1,\n2,x\n6,x\n{value},x\n"
    many = {"Maximum missing value ratio": "0.2", "Cleaning mode": "Remove entire row"}
    assert flow(lab, "n\n1\nNA\nNA\n", "Clean Missing Data", many) == "n\n1\nNA\nNA\n"
    fields = {"Cleaning mode": "Replace with mean"}
    assert "'x' in row 1 of column 't'" in flow(lab, "t\nx\nNA\n", "Clean Missing Data", fields, status="Failed")


def test_rows_are_split_at_random_the_same_way_each_time_and_keep_their_order(lab: Lab) -> None:
    text = "n\n" + "".join(f"{n}\n" for n in range(100))
    fields = {"Fraction of rows in the first output dataset": "0.7", "Random seed": "3"}
    parts = [flow(lab, text, "Split Data", fields, f"Results dataset{n}") for n in (1, 2, 1)]
    assert parts[0] == parts[2]
    first, second = ([int(value) for value in part.splitlines()[1:]] for part in parts[:2])
    assert len(first) == 70
    assert sorted(first + second) == list(range(100))
    assert first == sorted(first) != list(range(70))
    whole = {"Fraction of rows in the first output dataset": "0.25", "Randomized split": "False"}
    assert flow(lab, text, "Split Data", whole, "Results dataset1").split()[1:] == [str(n) for n in range(25)]


def test_a_stratified_split_takes_the_same_part_of_every_value(lab: Lab) -> None:
    text = "k,n\n" + "".join(f"{'ab'[n % 10 == 0]},{n}\n" for n in range(100))
    fields = {"Stratified split": "True", "Stratification key column": "k"}
    part = flow(lab, text, "Split Data", fields, "Results dataset1").splitlines()[1:]
    assert sorted(line[0] for line in part) == ["a"] * 45 + ["b"] * 5


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"Fraction of rows in the first output dataset": "1.5"}, "not a number from 0 to 1"),
        ({"Splitting mode": "Recommender Split"}, "is none of Split Rows"),
        ({"Splitting mode": "Regular Expression"}, "does not begin with a column"),
        ({"Random seed": "many"}, "Random seed"),
    ],
)
def test_a_field_that_cannot_be_fails_its_step(lab: Lab, fields: dict[str, str], said: str) -> None:
    assert said in flow(lab, "n\n1\n", "Split Data", fields, "Results dataset1", status="Failed")


def test_data_comes_from_an_address_too(lab: Lab) -> None:
    step = lab.ran(lab.client.submit(lab.pipeline["Id"]))["Import Data"]["runId"]
    path = f"/artifact/v2.0{{WS}}/artifacts/contentinfo/ExperimentRun/dcid.{step}/logs/azureml/stdoutlogs.txt"
    address = lab.call("GET", path).json()["contentUri"]
    nodes = {"import": {"module": "Import Data", "fields": {"Data source": "URL via HTTP"}}, "export": EXPORT}
    url = {"url": (address, "import", "Data source URL")}
    pipeline = lab.publish(nodes, [{"from": "import", "to": "export"}], url)
    lab.ran(lab.client.submit(pipeline["Id"]))
    assert lab.read("out.csv").startswith("Import Data (import)")
    run = lab.client.submit(pipeline["Id"], ParameterAssignments={"url": address.replace("stdoutlogs", "nothing")})
    lab.ran(run, "Failed")
    detail = lab.client.run(run["Id"])["Status"]["StatusDetail"]
    assert "HTTP 40" in detail
    assert "sig=" not in detail


def test_tables_are_exported_in_the_form_that_the_path_asks_for(lab: Lab) -> None:
    source = lab.upload("a,b\n1,x y\n", "convert.csv")
    for target, expected in (("convert.tsv", "a\tb\n1\tx y\n"), ("copy.csv", "a,b\n1,x y\n")):
        nodes = {
            "import": {"module": "Import Data", "fields": {"Datastore": "lab", "Path": source}},
            "export": {"module": "Export Data", "fields": {"Datastore": "lab", "Path": target}},
        }
        lab.ran(lab.client.submit(lab.publish(nodes, [{"from": "import", "to": "export"}])["Id"]))
        assert lab.read(target) == expected


def test_evaluate_model_needs_scores(lab: Lab) -> None:
    nodes = {"import": IMPORT, "evaluate": {"module": "Evaluate Model"}}
    run = lab.client.submit(lab.publish(nodes, [{"from": "import", "to": "evaluate:Scored dataset"}])["Id"])
    lab.ran(run, "Failed")
    assert "connect it to a Score Model" in lab.client.run(run["Id"])["Status"]["StatusDetail"]


def test_least_squares_is_a_weight_of_zero(lab: Lab) -> None:
    run = lab.client.submit(lab.pipeline["Id"], ParameterAssignments={"l2": "0"})
    steps = lab.ran(run)
    assert lab.client.metrics(steps["Evaluate Model"]["runId"])["Mean_Absolute_Error"] < 1e-9
    spec = json.loads(lab.client.artifact(steps["Train Model"]["runId"], "trained_model_outputs/model_spec.yaml"))
    assert spec["parameters"]["Learner"] == "linear-regression"
    failed = lab.client.submit(lab.pipeline["Id"], ParameterAssignments={"l2": "much"})
    lab.ran(failed, "Failed")
    assert "L2 Weight: 'much' is not a number" in lab.client.run(failed["Id"])["Status"]["StatusDetail"]


def test_metrics_that_cannot_be_computed_are_not_logged(lab: Lab) -> None:
    nodes = {**LINE_NODES, "import": {"module": "Import Data", "fields": {"Datastore": "lab"}}}
    pipeline = lab.publish(nodes, LINE_EDGES, {"p": ("x", "import", "Path")})
    flat = "x,kind,y\n" + "".join(f"{n},a,5\n" for n in range(20))
    steps = lab.ran(lab.client.submit(pipeline["Id"], ParameterAssignments={"p": lab.upload(flat)}))
    metrics = lab.client.metrics(steps["Evaluate Model"]["runId"])
    assert set(metrics) == {"Mean_Absolute_Error", "Root_Mean_Squared_Error"}
    assert all(math.isfinite(value) for value in metrics.values())
    full = f"/metric/v2.0{{WS}}/runs/{steps['Evaluate Model']['runId']}/full"
    named = lab.call("POST", full.replace("/full", "/list"), json={"metricNamespace": "mine"})
    assert named.json()["value"] == []
    missing = lab.call("POST", full, json={"metricName": "Relative_Absolute_Error"})
    assert (missing.status_code, missing.json()["error"]["innerError"]["code"]) == (404, "MetricNotFound")
