"""The table of integrators: equations of motion, and minimisers whose steps are iterations.

A row says what an integrator can do and which module does it; the module is imported when it is first used, so that
configs are read without it. `register` adds a row from outside the package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import ModuleType

from hpcpot.registry import Registry


@dataclass(frozen=True)
class Integrator:
    """A row of INTEGRATORS.

    The module has three functions, of a State, the Engine that evaluates its forces, and the controls:
        init(state, engine, controls): puts its numbers into state.scalars and state.per_atom.
        step(state, engine, dt, controls): moves the state by dt (fs), calls engine.evaluate and counts state.step up.
        conserved(state, engine, controls): what it adds to the total energy to make the conserved quantity, eV.

    Attributes:
        name: as md.integrator has it. module: where its functions are.
        has_thermostat, has_barostat, is_minimiser: what it is; controls are then a Thermostat, a Barostat (with its
            thermostat) or Tolerances of dynamics/controls.py, and None else.
        keeps_momentum: whether the centre of mass counts as no degree of freedom.
        cools_to_zero: whether its thermostat takes 0 K.
        in_graph: whether gpu/motion.cu does its steps.
        cites: keys of hpcpot.citations, the works to cite where it is used.
    """

    name: str
    module: str
    has_thermostat: bool = False
    has_barostat: bool = False
    is_minimiser: bool = False
    keeps_momentum: bool = True
    cools_to_zero: bool = False
    in_graph: bool = False
    cites: tuple[str, ...] = ()

    @cached_property
    def _code(self) -> ModuleType:
        return import_module(self.module)

    @property
    def init(self) -> Callable:
        return self._code.init

    @property
    def step(self) -> Callable:
        return self._code.step

    @property
    def conserved(self) -> Callable:
        return self._code.conserved


INTEGRATORS: Registry[Integrator] = Registry("integrator")
"""By the values of md.integrator."""
register = INTEGRATORS.register

for _row in (
    Integrator("nve", f"{__name__}.nve", in_graph=True),
    Integrator(
        "nvt_nose_hoover", f"{__name__}.nvt_nose_hoover", has_thermostat=True, in_graph=True, cites=("martyna1996",)
    ),
    Integrator(
        "nvt_langevin",
        f"{__name__}.nvt_langevin",
        has_thermostat=True,
        keeps_momentum=False,
        cools_to_zero=True,
        in_graph=True,
        cites=("leimkuhler2013",),
    ),
    Integrator(
        "npt_nose_hoover",
        f"{__name__}.npt_nose_hoover",
        has_thermostat=True,
        has_barostat=True,
        cites=("martyna1994", "tuckerman2006", "martyna1996"),
    ),
    Integrator("cg", f"{__name__}.cg", is_minimiser=True),
    Integrator("fire", f"{__name__}.fire", is_minimiser=True, cites=("bitzek2006",)),
):
    register(_row)
