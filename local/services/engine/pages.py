"""Pages for people, all of one look; the first, `/`, says what each service holds and where that can be looked at."""

from collections.abc import Iterable, Mapping
from html import escape

from aiohttp import web

from local.services.engine.engine import engine_of

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">{refresh}
<title>{title}</title><style>
:root {{ color-scheme: light dark; --line: #8884; --accent: #0067b8 }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
nav a {{ margin-right: 1rem }} a {{ color: var(--accent) }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top }}
label {{ display: block; margin: .8rem 0 }} input {{ font: inherit; display: block; width: 100%; max-width: 32rem }}
button {{ font: inherit; padding: .4rem 1.4rem }} pre {{ white-space: pre-wrap }} code {{ overflow-wrap: anywhere }}
.state {{ border: 1px solid var(--line); border-radius: .3rem; padding: 0 .5rem }} [role=alert] {{ font-weight: bold }}
.Completed {{ background: #2a82 }} .Failed {{ background: #c222 }} .Running {{ background: #08c2 }}
@media (prefers-color-scheme: dark) {{ :root {{ --accent: #6cb8ff }} }}
</style></head><body><nav aria-label="{service}">{menu}</nav><main><h1>{title}</h1>{body}</main></body></html>
"""


def page(title: str, body: str, service: str, menu: Mapping[str, str], *, again: bool = False) -> web.Response:
    """A page; `body` is HTML, `menu` are texts of links by their address. `again` has it loaded anew all the time."""
    links = "".join(link(to, text) for to, text in menu.items())
    refresh = '<meta http-equiv="refresh" content="2">' if again else ""
    text = _PAGE.format(title=escape(title), body=body, service=escape(service), menu=links, refresh=refresh)
    return web.Response(text=text, content_type="text/html")


def link(to: str, text: str) -> str:
    """HTML of a link."""
    return f'<a href="{escape(to)}">{escape(text)}</a>'


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """HTML of a table. Heads are plain text, cells are HTML."""
    lines = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    if not lines:
        return "<p>There are none.</p>"
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


async def first(request: web.Request) -> web.Response:
    """GET /."""
    shown = engine_of(request).shown
    parts = (f"<h2>{escape(what)}</h2>{table(('Name', 'What it is'), rows())}" for what, rows in shown.items())
    return page("Local services", "".join(parts), "Local services", {"/_local/health": "Health"})


ROUTES = [web.get("/", first)]
