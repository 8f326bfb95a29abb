"""hpcpot serve: the numbers that ASE's side of the socket gets, and what is refused."""

import socket
import threading

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.socketio import IPIProtocol, SocketIOCalculator

from hpcpot import Calculator, cli
from hpcpot.commands.serve import command
from hpcpot.errors import ConfigError, SimulationError


@pytest.fixture
def silicon(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.05, seed=1)
    atoms.write("si.extxyz")
    return atoms


def served(atoms, address, **options):
    """Start hpcpot serve in a thread; returns it and the list that gets its exit code."""
    codes = []
    thread = threading.Thread(
        target=lambda: codes.append(cli.main(["serve", "si.extxyz", "--potential", "lisi_mtp", "--socket", address]))
    )
    return thread, codes


@pytest.mark.parametrize("is_unix", [False, True])
def test_another_program_gets_the_calculators_numbers(silicon, is_unix, capsys, tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    name = f"hpcpot-{tmp_path.name}-{port}"
    options = {"unixsocket": name} if is_unix else {"port": port}
    thread, codes = served(silicon, name if is_unix else f"localhost:{port}")
    moved = silicon.copy()
    with SocketIOCalculator(**options) as other:
        thread.start()
        moved.calc = other
        moved.get_potential_energy()
        moved.set_cell(moved.cell * 1.01, scale_atoms=True)
        got = moved.get_potential_energy(), moved.get_forces(), moved.get_stress()
    thread.join(60)
    assert codes == [0] and "2 evaluations; the other program ended" in capsys.readouterr().out
    moved.calc = Calculator("lisi_mtp")
    assert got[0] == pytest.approx(moved.get_potential_energy(), abs=1e-9)
    np.testing.assert_allclose(got[1], moved.get_forces(), atol=1e-9)
    np.testing.assert_allclose(got[2], moved.get_stress(), atol=1e-10)


def pair():
    ours, theirs = socket.socketpair()
    return IPIProtocol(ours), IPIProtocol(theirs)


def test_other_atoms_are_refused(silicon):
    ours, theirs = pair()
    theirs.sendposdata(silicon.cell.array, np.linalg.inv(silicon.cell.array), silicon.positions[:5])
    with pytest.raises(SimulationError, match=r"socket = 5 atoms: must be the 8 of the structure, in its order"):
        command.answer(ours, silicon)


@pytest.mark.parametrize("message", ["GETFORCE", "HELLO"])
def test_what_is_not_in_the_protocol_is_refused(silicon, message):
    ours, theirs = pair()
    theirs.sendmsg(message)
    with pytest.raises(SimulationError, match=rf"socket = {message}: must be STATUS, INIT"):
        command.answer(ours, silicon)


def test_a_closed_connection_ends_it(silicon):
    ours, theirs = pair()
    theirs.sendmsg("STATUS")
    theirs.sendinit()
    theirs.socket.shutdown(socket.SHUT_WR)
    assert command.answer(ours, silicon) == 0 and theirs.recvmsg() == "READY"


def test_nobody_listens(monkeypatch):
    monkeypatch.setattr(command, "WAIT_SECONDS", 0.0)
    with pytest.raises(ConfigError, match=r"--socket = hpcpot-absent: nobody listens there"):
        command.connect("hpcpot-absent")


@pytest.mark.parametrize(
    ("address", "told"),
    [("localhost:x", "must be HOST:PORT with a number"), ("no.such.host.invalid:1", "cannot be connected to")],
)
def test_wrong_addresses(address, told):
    with pytest.raises(ConfigError, match=told):
        command.connect(address)
