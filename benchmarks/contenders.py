"""Who runs: this package through both faces, two providers written by hand, and one that does nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

__all__ = ["AFTERNOON", "CAREFUL", "CONTENDERS", "DYNAMIC", "FLOOR", "OURS", "PLUGIN", "PROJECT", "Contender"]

PROJECT = "bench"
PROGRAMS = Path(__file__).parent / "programs"
PLUGINS = {"providers": [{"name": "allomia", "path": str(Path(sys.executable).parent)}]}


@dataclass(frozen=True)
class Contender:
    """One provider and the program that declares keys with it.

    Attributes:
        program: The folder below `programs/`.
        imports: What a program imports for it; of ours every name, since the package loads what is asked for.
        talks: Whether it calls AlloMia at all.
        has_overlap: Whether it can rotate in place and retire the old key later.
        is_plugin: Whether the program takes the classes of the plugin's face.
    """

    name: str
    program: str
    imports: str
    talks: bool = True
    has_overlap: bool = True
    is_plugin: bool = False

    def files(self) -> dict[str, str]:
        """Return the files of the project."""
        about = {"name": PROJECT, "runtime": "python", **({"plugins": PLUGINS} if self.is_plugin else {})}
        files = {path.name: path.read_text() for path in (PROGRAMS / self.program).glob("*.py")}
        if self.is_plugin:
            files["__main__.py"] = files["__main__.py"].replace(
                "from allomia_pulumi import", "from allomia_pulumi.native import"
            )
        return {"Pulumi.yaml": yaml.safe_dump(about), **files}


DYNAMIC = Contender("dynamic", "ours", "from allomia_pulumi import *")
PLUGIN = Contender("plugin", "ours", "from allomia_pulumi.native import *", is_plugin=True)
CAREFUL = Contender("careful", "careful", "import pulumi")
AFTERNOON = Contender("afternoon", "afternoon", "import pulumi, httpx, hvac", has_overlap=False)
FLOOR = Contender("floor", "floor", "import pulumi", talks=False)
OURS = (DYNAMIC, PLUGIN)
CONTENDERS = (DYNAMIC, PLUGIN, CAREFUL, AFTERNOON, FLOOR)
