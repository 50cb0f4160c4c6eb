"""The tests by name, in the order in which they run."""

import dataclasses
import importlib
from collections.abc import Callable

from world import Failure

__all__ = ["Failure", "MACHINES", "Test", "load", "test"]

MODULES = [
    "installing", "people", "walls", "interruptions", "troubles", "hangs", "removing", "first_delivery"]
# Tests of one machine run in one boot of it.
MACHINES = ["installed", "fresh"]
tests = []


@dataclasses.dataclass
class Test:
    name: str
    about: str
    machine: str
    body: Callable


def test(name, machine="installed"):
    """Makes a function with the world as its argument a test; the first line of its comment says what it is about."""
    def register(body):
        tests.append(Test(name, (body.__doc__ or "").strip().splitlines()[0], machine, body))
        return body
    return register


def load():
    for module in MODULES:
        importlib.import_module(module)
    return tests
