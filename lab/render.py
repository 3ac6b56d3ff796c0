"""The files of `manifests/`, filled in."""

from __future__ import annotations

import jinja2

from lab.paths import LAB


def render(name: str, **values: object) -> str:
    """The manifest `NAME.yaml.j2` with these values; one that is missing is an error, not an empty string."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(LAB / "manifests"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{name}.yaml.j2").render(**values)
