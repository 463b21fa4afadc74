"""HTTP triggers, over a real host; one host serves the whole module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from conftest import APPS

from local.azurite import Azurite
from local.host.launch import HostProcess


@pytest.fixture(scope="module")
def host(shared_account, azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    settings = {
        "AzureWebJobsStorage": shared_account.connection_string,
        "WORK_QUEUE": "work",
        "TICK": "0 0 3 * * *",
        "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000",
    }
    log = tmp_path_factory.mktemp("host") / "host.log"
    with HostProcess(APPS / "basics", settings, event_grid_log=azurite.log, log=log) as running:
        yield running


def get(host: HostProcess, path: str, **more) -> requests.Response:
    return requests.get(f"{host.url}{path}", timeout=10, **more)


def test_a_request_reaches_the_function_as_the_worker_gets_it_in_azure(host):
    url = f"{host.url}/api/echo/n%20%C3%BC/12?x=1&empty=&x2=a%20b"
    answer = requests.post(url, data=b"body", headers={"X-Mixed-Case": "1"}, timeout=10)
    assert answer.status_code == 201
    assert answer.headers["x-made-by"] == "echo"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Set-Cookie"] == "taste=good; HttpOnly; Path=/"
    seen = answer.json()
    assert (seen["method"], seen["body"], seen["url"]) == ("POST", "body", url)
    assert seen["route"] == {"name": "n ü", "number": "12"}
    assert seen["query"] == {"x": "1", "x2": "a b"}
    assert seen["headers"]["x-mixed-case"] == "1"


def test_an_optional_parameter_may_be_missing(host):
    assert get(host, "/api/echo/bob").json()["route"] == {"name": "bob"}


def test_the_more_specific_route_wins(host):
    assert get(host, "/api/echo/special").text == "special"


def test_a_method_that_the_specific_route_does_not_take_goes_to_the_next_route(host):
    assert requests.post(f"{host.url}/api/echo/special", timeout=10).json()["route"] == {"name": "special"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
def test_a_wrong_method_is_not_found(host, method):
    assert requests.request(method, f"{host.url}/api/echo/bob", timeout=10).status_code == 404


@pytest.mark.parametrize("path", ["/api/nowhere", "/echo/bob", "/api/echo/bob/notanumber", "/api/echo/bob/1/2"])
def test_an_unknown_path_is_not_found(host, path):
    assert get(host, path).status_code == 404


def test_an_exception_is_500_without_a_body_and_its_traceback_is_logged(host):
    answer = get(host, "/api/breaks")
    assert (answer.status_code, answer.content) == (500, b"")
    assert 'raise ValueError("broken on purpose")' in host.log_text()


def test_a_returned_text_is_the_body(host):
    assert get(host, "/api/answers/text").text == "just text"


def test_a_returned_text_that_describes_an_answer_becomes_that_answer(host):
    answer = get(host, "/api/answers/object")
    assert (answer.status_code, answer.json(), answer.headers["x-kind"]) == (418, {"a": 1}, "object")


def test_returning_none_fails_as_in_azure(host):
    assert get(host, "/api/answers/none").status_code == 500


def test_a_body_above_the_limit_is_refused(host):
    assert requests.post(f"{host.url}/api/echo/bob", data=b"x" * 1001, timeout=10).status_code == 413


def test_an_identity_from_outside_is_stripped(host):
    headers = get(host, "/api/echo/bob", headers={"X-MS-CLIENT-PRINCIPAL-NAME": "admin"}).json()["headers"]
    assert not [name for name in headers if name.startswith("x-ms-client-principal")]


def test_the_platforms_home_page_hides_the_apps_own(host):
    assert "up and running" in get(host, "/").text


def test_a_list_output_becomes_one_message_for_each_element(host, shared_account):
    assert get(host, "/api/fan").status_code == 202
    assert sorted(shared_account.take("made-by-output")) == ["one", '{"n": 2}']


def test_a_blob_output_makes_container_and_blob(host, shared_account):
    assert requests.post(f"{host.url}/api/blob", data=b"\x00\xff", timeout=10).status_code == 202
    assert shared_account.read("written") == {"by-output.bin": b"\x00\xff"}


def test_outputs_are_written_only_after_success(host, shared_account):
    assert get(host, "/api/output/fail").status_code == 500
    assert get(host, "/api/output/works").status_code == 200
    assert shared_account.take("late") == ["works"]


def test_an_output_that_cannot_be_written_fails_the_invocation(host):
    assert get(host, "/api/output/too-big").status_code == 500
    assert "output not written" in host.log_text()


def test_the_status_page_names_id_state_and_version(host):
    status = get(host, "/admin/host/status").json()
    assert status["state"] == "Running"
    assert status["version"].startswith("4.")
    assert status["id"]


def test_the_list_of_functions_holds_their_bindings(host):
    functions = {function["name"]: function for function in get(host, "/admin/functions").json()}
    assert functions["on_event"]["config"]["bindings"][-1]["type"] == "blobTrigger"
    assert functions["on_event"]["isDisabled"] is False


@pytest.mark.parametrize(
    ("function", "body", "status"), [("nobody", {}, 404), ("on_message", "no object", 400), ("on_message", {}, 202)]
)
def test_starting_by_hand_answers_at_once(host, function, body, status):
    assert requests.post(f"{host.url}/admin/functions/{function}", json=body, timeout=10).status_code == status
