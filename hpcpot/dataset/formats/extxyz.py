"""Extended XYZ.

The energy is in eV, forces in eV/Å, `stress` in eV/Å³ and positive in tension, `virial` = -V * stress in eV, of nine
numbers or six in the order xx yy zz yz xz xy; a unit that the file states (energy=-3.5 Ha, stress_unit=GPa) counts. Of
`energy` and `free_energy` the latter is read, of which the forces are the derivative. Other keys, and another unit or sign
of the stress, are the user's to name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from hpcpot.dataset.dataset import DataSet, Labelled, full_tensor
from hpcpot.dataset.formats import label_units
from hpcpot.dataset.formats.label_names import DATA, LABELS, choose, split_unit
from hpcpot.dataset.formats.reading import TENSORS, ReadOptions, group_of_file, note_unused_units, opened, source_of
from hpcpot.dataset.formats.text import is_number, numbers
from hpcpot.errors import DataError
from hpcpot.notices import notice
from hpcpot.structure.xyz_frames import (
    CELLS,
    NUMBERS,
    POSITIONS,
    SPECIES,
    TRUTHS,
    XyzFrame,
    XyzOptions,
    blocks,
    parse,
    values_of,
)
from hpcpot.units import LENGTHS

CONVERGED = ("converged", "is_converged", "scf_converged", "electronic_converged", "converged_electronic")
UNIT = re.compile(r"(?<=[\d.\s\]])(?![eEdD][+-]?\d)[A-Za-zÅ]\S*$")
"""A unit behind a number, with a blank between or not; not its exponent."""
NO_LABEL = {"lattice", "properties", "pbc", "origin", "time", *CELLS}
"""Keys, in small letters, of which it is known that they hold no label."""
NOTICES = {
    "columns": "not used: a labelled structure has positions, forces, energy and virial",
    "keys": "not used: energy, forces and virial are read under other names, or not at all",
    "energies": "differ (smearing): free_energy is read, of which the forces are the derivative; --energy-key energy reads "
    "the other",
    "voigt": "six numbers, read in the order xx yy zz yz xz xy",
}

group_of = group_of_file


def read(path: Path, root: Path, options: ReadOptions) -> Iterator[Labelled]:
    """Read all frames; their group is the one they name, else the file name.

    Raises:
        DataError: absent, not whole, or with labels under names that only the user can tell.
    """
    source = source_of(path, root)
    remarks: dict[str, dict[str, None]] = {kind: {} for kind in NOTICES}
    unknown = XyzOptions(options.elements, "--elements Li,Si", label_units.is_energy)
    is_told, units = options.elements is None or options.elements_if_needed, set()
    with opened(path, "an extended XYZ file") as file:
        for k, block in enumerate(blocks(file, str(path))):
            frame = parse(block, unknown)
            is_told = is_told or frame.has_types
            yield _Labels(frame, options, remarks, units).collect(group_of(path, root), f"{source}:{k}")
    if not is_told:
        notice(f"{path}: --elements {','.join(options.elements)}", "not used: its species are symbols of elements")
    note_unused_units(path, options, units)
    for kind, names in remarks.items():
        if names:
            notice(f"{path}: {', '.join(names)}", NOTICES[kind])


class _Labels:
    """Labels of a frame.

    Attributes:
        names: label -> key or column that it is under, in small letters. used: those that were read.
        unit_of_energy: behind its value; "" for none.
        remarks: kind of notice -> names of which it is said, over all frames. units: "energy", "force" whose unit the user
            told, and not the file, over all frames.
    """

    def __init__(self, frame: XyzFrame, options: ReadOptions, remarks: dict[str, dict[str, None]], units: set[str]):
        self.frame, self.options, self.remarks, self.units = frame, options, remarks, units
        self.keys, self.columns = frame.comment, frame.columns
        self.used: set[str] = set()
        self.unit_of_energy = ""
        names = options.names
        named = {str(name).lower() for name in (names.energy, names.tensor)}.union(
            *(label.names for label in LABELS.values())
        )
        keys = {key: written for key, (written, text) in self.keys.items() if key in named or _begins_with_number(text)}
        vectors = {name: written for name, (written, values) in self.columns.items() if values.dtype.kind == "f"}
        self.names = choose(
            {"energy": names.energy, "forces": names.forces, "virial": names.tensor},
            {"energy": keys, "forces": vectors, "virial": keys},
            frame.where,
        )

    def collect(self, group: str, source: str) -> Labelled:
        """Return the frame with its labels.

        Args:
            group: where the frame names none. source: of the frame.
        """
        frame = self.frame
        energy, forces, virial = self.energy(), self.forces(), self.virial()
        self.name_unused()
        return Labelled(
            symbols=frame.symbols,
            positions=frame.positions,
            cell=frame.cell,
            periodic=frame.periodic,
            energy=energy,
            forces=forces,
            virial=virial,
            group=next((self.keys[key][1] for key in ("group", "config_type") if key in self.keys), group),
            source=source,
            converged=self.converged(),
        )

    def converged(self) -> bool:
        """False where the frame says that its calculation did not converge."""
        name = next((key for key in CONVERGED if key in self.keys), None)
        if name is None:
            return True
        key, value = self.keys[name]
        if value.lower() not in TRUTHS:
            raise DataError(f"{self.frame.where}: {key} = {value[:40]}: must be T or F; correct it.")
        return TRUTHS[value.lower()]

    def energy(self) -> float | None:
        """eV."""
        key = self.names["energy"]
        if key is None:
            return None
        energy = self.scalar(key)
        by_default = key == "free_energy" and self.options.names.energy is None
        if by_default and "energy" in self.keys and energy != self.scalar("energy"):
            self.remarks["energies"]["energy and free_energy"] = None
        return energy

    def scalar(self, key: str) -> float:
        values, unit = self.values(key)
        if values.size != 1:
            raise DataError(f"{self.frame.where}: {key} = {values.size} numbers: must be one; correct it.")
        return float(values[0]) * self.energy_unit(key, unit)

    def energy_unit(self, key: str, unit: str) -> float:
        if key == self.names["energy"]:
            self.unit_of_energy = unit or split_unit(key)[1]
        where = f"{self.frame.where}: unit of {key}"
        stated = unit or split_unit(key)[1] or self.stated("energy")
        unit = label_units.agreed(stated, self.options.energy_unit, label_units.energy, where, "--energy-unit")
        self.units |= set() if stated else {"energy"}
        return label_units.energy(unit or "eV", where)

    def forces(self) -> np.ndarray | None:
        """(n, 3) eV/Å."""
        name = self.names["forces"]
        if name is None:
            return None
        self.used.add(name)
        values = self.columns[name][1]
        if values.shape[1] != 3:
            raise DataError(f"{self.frame.where}: {name} = {values.shape[1]} columns: must be three; correct it.")
        where, stated = f"{self.frame.where}: unit of {name}", split_unit(name)[1] or self.stated("force", "forces")
        unit = label_units.agreed(stated, self.options.force_unit, label_units.force, where, "--force-unit")
        self.units |= set() if stated else {"force"}
        return values * label_units.force(unit or self.unit_like_the_energy("force") or "eV/A", where)

    def virial(self) -> np.ndarray | None:
        """(3, 3) eV."""
        key = self.names["virial"]
        if key is None:
            return None
        values, unit = self.tensor(key)
        if self.options.names.tensor is not None:
            return self.as_virial(values, self.told_unit(key))
        if key == "stress":
            return self.as_virial(values, self.stress_unit(key, unit))
        virial = values * self.energy_unit(key, unit or self.stated("virial"))
        if "stress" in self.keys:
            stress, unit = self.tensor("stress")
            _compare(virial, self.as_virial(stress, self.stress_unit("stress", unit)), self.frame.where)
        return virial

    def told_unit(self, key: str) -> float | None:
        """What --virial-is tells, unless the name of the key says another thing; see TENSORS."""
        kind, (bare, unit) = self.options.names.tensor_is, split_unit(key)
        is_stress, factor = "stress" in bare and "virial" not in bare, TENSORS[kind]
        if is_stress and factor is None:
            contradicted = "a stress"
        elif factor is not None and unit and not np.isclose(abs(factor), label_units.stress(unit, key)):
            contradicted = f"in {unit}"
        else:
            return factor
        raise DataError(
            f"{self.frame.where}: {self.keys[key][0]} = {contradicted} by its name: --virial-is {kind} contradicts it; say "
            f"which of {', '.join(TENSORS)} it is, or name the key otherwise."
        )

    def as_virial(self, values: np.ndarray, factor: float | None) -> np.ndarray:
        """A virial of a stress in units of `factor` eV/Å³, positive in tension; None: it is a virial in eV."""
        if factor is None:
            return values
        volume = abs(np.linalg.det(self.frame.cell))
        if not volume:
            raise DataError(
                f"{self.frame.where} = stress of a structure without a cell: a volume is required; give Lattice, a virial, "
                "or say --virial-key none."
            )
        return -factor * volume * values

    def stress_unit(self, key: str, unit: str) -> float:
        unit = unit or self.stated("stress") or self.unit_like_the_energy("stress") or "eV/A^3"
        return label_units.stress(unit, f"{self.frame.where}: unit of {key}")

    def tensor(self, key: str) -> tuple[np.ndarray, str]:
        values, unit = self.values(key)
        if values.size not in (6, 9):
            raise DataError(f"{self.frame.where}: {key} = {values.size} numbers: must be nine or six; correct it.")
        if values.size == 6:
            self.remarks["voigt"][self.keys[key][0]] = None
            return full_tensor(values), unit
        written_in_rows = "[" in self.keys[key][1]
        return values.reshape(3, 3) if written_in_rows else values.reshape(3, 3).T, unit  # as ASE and libAtoms have it

    def values(self, key: str) -> tuple[np.ndarray, str]:
        """Numbers of a key, and the unit behind them."""
        self.used.add(key)
        text = self.keys[key][1].strip()
        match = UNIT.search(text[-40:])
        unit = match[0] if match else ""
        return values_of(text.removesuffix(unit), f"{self.frame.where}: {self.keys[key][0]}"), unit

    def stated(self, *labels: str) -> str:
        """Unit that the comment line states, energy_unit=Ha; "" for none."""
        names = [f"{label}{joint}unit{plural}" for label in labels for joint in ("_", "-", "") for plural in ("", "s")]
        return next((self.keys[name][1] for name in names if name in self.keys), "")

    def unit_like_the_energy(self, label: str) -> str:
        """Refuse to guess a unit where lengths have another than Å, or the energy than eV; else ""."""
        remedy = "--force-unit Ha/bohr" if label == "force" else "--virial-key stress and --virial-is"
        if LENGTHS.get(self.frame.unit.lower(), 1.0) != 1.0:
            raise DataError(
                f"{self.frame.where} = lengths in {self.frame.unit}, {label} without a unit: must be told; say {remedy}."
            )
        energy = self.unit_of_energy or self.stated("energy") or self.options.energy_unit
        if energy and label_units.energy(energy, f"{self.frame.where}: energy_unit") != 1.0:
            raise DataError(
                f"{self.frame.where} = energy in {energy}, {label} without a unit: must be told; say {remedy}."
            )
        return ""

    def name_unused(self) -> None:
        """Note columns and keys that look like data and are not used."""
        known = SPECIES | POSITIONS | NUMBERS | self.used
        self.remarks["columns"] |= {written: None for name, (written, _) in self.columns.items() if name not in known}
        known = self.used.union(*(label.names for label in LABELS.values()))
        keys = {
            written: None
            for key, (written, _) in self.keys.items()
            if key not in known and ("unit" not in key or key in ("unit", "units"))
        }
        words = keys | dict.fromkeys(self.frame.flags)
        self.remarks["keys"] |= {word: None for word in words if DATA.search(word.lower()) or self.is_measured(word)}

    def is_measured(self, word: str) -> bool:
        """Test whether a key has numbers that may be labels: with decimals, or six or nine as stresses and virials have."""
        if word.lower() in NO_LABEL:
            return False
        words = _words(self.keys.get(word.lower(), ("", ""))[1])
        is_whole = all(word.lstrip("+-").isdecimal() for word in words)
        return bool(words) and all(map(is_number, words)) and (not is_whole or len(words) in (6, 9))


def _words(text: str) -> list[str]:
    return re.sub(r"[\[\],]", " ", text).split()


def _begins_with_number(text: str) -> bool:
    return is_number(UNIT.sub("", (_words(text) or [""])[0]))


def _compare(virial: np.ndarray, by_stress: np.ndarray, source: str) -> None:
    symmetric = 0.5 * (virial + virial.T)
    if not np.abs(symmetric - by_stress).max() <= 1e-3 * max(np.abs(virial).max(), 1.0):
        raise DataError(
            f"{source} = virial {virial[0, 0]:.6g} eV (xx), but by the stress {by_stress[0, 0]:.6g} eV: virial = -V * "
            "stress with the stress in eV/Å³, positive in tension, is required; say which to take: --virial-key virial "
            "or stress, and --virial-is."
        )


def write(dataset: DataSet, path: Path, facts: Mapping[str, str | int]) -> None:
    """Write all frames, with all digits; the virial both as such and as stress, if it is there."""
    with path.open("w") as file:
        for k in range(len(dataset)):
            file.write(_xyz(dataset, k))


def _xyz(dataset: DataSet, k: int) -> str:
    atoms = slice(dataset.first[k], dataset.first[k + 1])
    columns, values = "species:S:1:pos:R:3", [dataset.positions[atoms]]
    if np.isfinite(dataset.forces[atoms]).all():
        columns, values = f"{columns}:forces:R:3", [*values, dataset.forces[atoms]]
    comment = [f'Lattice="{numbers(dataset.cells[k].ravel())}"', f"Properties={columns}"]
    if np.isfinite(dataset.energies[k]):
        comment += [f"energy={numbers([dataset.energies[k]])}"]
    stress = dataset.stresses[k]
    if np.isfinite(stress).all():
        comment += [f'stress="{numbers((0.5 * (stress + stress.T)).ravel())}"']  # ASE's is symmetric
    if np.isfinite(dataset.virials[k]).all():
        comment += [f'virial="{numbers(dataset.virials[k].T.ravel())}"']  # column by column, as ASE reads it
    comment += [f'pbc="{" ".join("FT"[int(axis)] for axis in dataset.periodic[k])}"']
    group = str(dataset.groups[k]).replace('"', "'")
    comment += [f'group="{group}"']
    symbols = [dataset.elements[t] for t in dataset.species[atoms]]
    rows = [f"{symbol} {numbers(row)}" for symbol, row in zip(symbols, np.hstack(values), strict=True)]
    return "\n".join([str(len(rows)), " ".join(comment), *rows]) + "\n"
