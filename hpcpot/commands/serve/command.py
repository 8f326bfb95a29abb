"""`hpcpot serve STRUCTURE`: connects to i-PI, and answers it until it ends."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path
from time import monotonic, sleep

import ase
import numpy as np
from ase.calculators.socketio import IPIProtocol, SocketClosed, actualunixsocketname

from hpcpot import account
from hpcpot.errors import ConfigError, SimulationError
from hpcpot.potential import cited
from hpcpot.potential.calculator import Calculator
from hpcpot.structure import checks, files
from hpcpot.wording import plural

WAIT_SECONDS, PAUSE_SECONDS = 60.0, 0.2
"""The other program may be started at the same time, and open its socket later."""
READY, HAVE_DATA = "READY", "HAVEDATA"


def run_command(arguments: argparse.Namespace) -> int:
    """Returns the exit code.

    Raises:
        ConfigError: nobody listens at the address. SimulationError: the other program has other atoms, or moved them where
            the potential cannot follow.
    """
    calculator = Calculator(arguments.potential)
    atoms = checks.check(files.read(Path(arguments.structure)), calculator.potential.elements)
    atoms.calc = calculator
    cited.works(arguments.potential, calculator.family)
    with connect(arguments.socket) as connection:
        print(
            f"serving {plural(len(atoms), 'atom')} ({atoms.get_chemical_formula()}) at {arguments.socket}", flush=True
        )
        count = answer(IPIProtocol(connection), atoms)
    account.tell(evaluations=count)
    print(f"{plural(count, 'evaluation')}; the other program ended")
    return 0


def connect(address: str) -> socket.socket:
    """Connect to HOST:PORT, or to a Unix socket by its name; wait for it for a while.

    Raises:
        ConfigError: no such address, or nobody listens there.
    """
    host, colon, port = address.rpartition(":")
    if colon and not port.isdigit():
        raise ConfigError(f"--socket = {address}: must be HOST:PORT with a number, or a name; e.g. localhost:31415.")
    end = monotonic() + WAIT_SECONDS
    while True:
        try:
            if colon:
                return socket.create_connection((host, int(port)))
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(actualunixsocketname(address))
            return connection
        except (ConnectionRefusedError, FileNotFoundError) as error:
            if monotonic() > end:
                raise ConfigError(
                    f"--socket = {address}: nobody listens there after {WAIT_SECONDS:g} s ({error.strerror}); start the other "
                    "program first, and compare its address."
                ) from error
            sleep(PAUSE_SECONDS)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"--socket = {address}: cannot be connected to ({reason}); check the address.") from error


def answer(protocol: IPIProtocol, atoms: ase.Atoms) -> int:
    """Answer until the other side ends or closes the connection; returns the number of evaluations.

    Raises:
        SimulationError: the other side has another number of atoms, or says what is not in the protocol.
    """
    state, count, result = READY, 0, None
    while True:
        try:
            message = protocol.recvmsg()
            if message == "EXIT":
                return count
            if message == "STATUS":
                protocol.sendmsg(state)
            elif message == "INIT":
                protocol.recvinit()
            elif message == "POSDATA":
                result, state, count = evaluate(atoms, *protocol.recvposdata()), HAVE_DATA, count + 1
            elif message == "GETFORCE" and result is not None:
                protocol.sendforce(*result)
                state = READY
            else:
                raise SimulationError(
                    f"socket = {message}: must be STATUS, INIT, POSDATA, GETFORCE after it, or EXIT; the other program does "
                    "not speak i-PI's protocol."
                )
        except (SocketClosed, ConnectionError):
            return count


def evaluate(
    atoms: ase.Atoms, cell: np.ndarray, _inverse: np.ndarray, positions: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy, eV, forces (n, 3), eV/Å, and virial (3, 3), eV, at other positions in another cell.

    Raises:
        SimulationError: not as many atoms, or the potential cannot evaluate them.
    """
    if len(positions) != len(atoms):
        raise SimulationError(
            f"socket = {plural(len(positions), 'atom')}: must be the {len(atoms)} of the structure, in its order; give the "
            "structure that the other program moves."
        )
    atoms.set_cell(cell)
    atoms.set_positions(positions, apply_constraint=False)
    energy, forces = atoms.get_potential_energy(), atoms.get_forces(apply_constraint=False)
    if not atoms.pbc.any():
        return energy, forces, np.zeros((3, 3))
    return energy, forces, -atoms.get_volume() * atoms.get_stress(voigt=False, apply_constraint=False)
