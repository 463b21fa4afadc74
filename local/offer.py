"""What `make up` offers at its first start: the bikes deployed and adopted, and a file for each month that followed."""

from __future__ import annotations

from cli.api import Api
from local import adopting, bikes
from local.adopting import Divided
from local.demo import opening
from local.home import Home, write
from local.stack import Stack


def deploy(home: Home, stack: Stack) -> Divided:
    """Deploys the bikes and configures them; the parts that adoption needs."""
    divided = opening.first_months()
    scene = opening.deploy(stack, divided)
    home.add(HEADER + scene.toml, scene.keys)
    return divided


def adopt(api: Api) -> None:
    """Adopts the bikes if nobody did, as after a first start that was cut short. Raises cli.problems.Problem."""
    if api.get(f"/api/models/{bikes.NAME}")["champion"] is None:
        adopting.adopt(api, bikes.NAME, opening.first_months())


def samples(home: Home) -> None:
    """A file for each month that the first champion does not know, and two that are of no use."""
    home.samples.mkdir(exist_ok=True)
    files = {f"{month}.csv": bikes.months(month) for month in bikes.every_month() if month not in bikes.FIRST}
    files |= {"2011-09-shuffled.csv": bikes.shuffled("2011-09"), "2011-09-broken.csv": bikes.broken("2011-09")}
    for name, content in files.items():
        write(home.samples / name, content.encode())


HEADER = """# The models that this Retrain looks after. Changes are seen within a minute; what each line
# means is in docs/configuration.md. Keys are only named here, and kept in local.settings.json.
"""
