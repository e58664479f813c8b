"""Packages of the wheel: the core as it stands, and the faces' folders under xlmargin."""

from setuptools import find_packages, setup

FACES = {"xlmargin.widgets": "widgets", "xlmargin.workbooks": "workbooks"}


def packages() -> list[str]:
    """Every package of the core and of the faces.

    Returns dotted names; what has an ``__init__.py`` is in the wheel.
    """
    inside = [f"{name}.{part}" for name, folder in FACES.items() for part in find_packages(folder)]
    return [*find_packages(include=["xlmargin", "xlmargin.*"]), *FACES, *inside]


setup(packages=packages(), package_dir={"xlmargin": "xlmargin", **FACES})
