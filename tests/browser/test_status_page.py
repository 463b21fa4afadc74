"""The status page in a real browser: what a person sees of a promoted, a refused and a quarantined run."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from tests.app import bikes
from tests.app.conftest import new_world, stack  # noqa: F401 (fixtures)
from tests.app.world import CALM, World


def test_the_page_shows_what_is_live_and_why_the_rest_is_not(
    new_world: Callable[..., World],  # noqa: F811
    page: Page,
) -> None:
    world = new_world(quiet=True)
    world.configure((CALM, f"{CALM}\nmax_value = 150"))
    world.adopt()
    host = world.start()
    for number, content in enumerate(
        (bikes.months("2011-04", "2011-05"), bikes.shuffled("2011-06"), "a,b\n<b>,2\n"), 1
    ):
        world.drop(f"{number}.csv", content)
        world.wait(number)
    page.goto(host.url)
    assert page.title() == "Retrain"
    assert page.get_by_role("heading", name=world.name).is_visible()
    assert page.get_by_text("Version 1 is live").is_visible()
    states = page.locator(".state").all_inner_texts()
    assert states == ["quarantined", "refused", "promoted"]
    assert page.get_by_text("the label column 'cnt' is missing").is_visible()
    page.locator("a[href^='/api/runs/']").first.click()
    assert "quarantined" in page.content()
