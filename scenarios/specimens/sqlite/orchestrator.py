"""The orchestrator of ../python on an SQLite database: the correct one."""

from store import Store  # first: it says where the rest is

import importlib.util
import os

spec = importlib.util.spec_from_file_location(
    "python_orchestrator",
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python", "orchestrator.py"))
python_orchestrator = importlib.util.module_from_spec(spec)
spec.loader.exec_module(python_orchestrator)
main = python_orchestrator.main


class Orchestrator(python_orchestrator.Orchestrator):
    registry_kind = Store


if __name__ == "__main__":
    main(Orchestrator)
