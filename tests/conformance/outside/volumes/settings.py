"""The config of `hpcpot volumes`."""

from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Schema, key
from hpcpot.config.kinds import file_name, integer, list_of, number, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.potential.settings import PotentialSection


@dataclass(frozen=True, kw_only=True)
class VolumesSection:
    files: list[str] = key(list_of(file_name(), "a list of files or patterns"), "structures")
    strain: float = key(number(above=0), "largest change of the lengths, as a part of them", 0.03)
    steps: int = key(integer(2), "volumes of each structure", 7)


@dataclass(frozen=True, kw_only=True)
class VolumesOutputSection:
    results: Path = key(output_path(), "HDF5 file of results; the same command completes it")


@dataclass(frozen=True, kw_only=True)
class VolumesSettings:
    volumes: VolumesSection
    potential: PotentialSection
    output: VolumesOutputSection
    farm: FarmSection = FarmSection()


SCHEMA = Schema(VolumesSettings, lambda settings: farm_settings.check(settings.farm))
