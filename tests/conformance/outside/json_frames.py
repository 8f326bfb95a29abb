"""A data format of another package: a line of JSON for each frame, without virials."""

import json

import numpy as np

from hpcpot.dataset.dataset import Labelled
from hpcpot.dataset.formats import Format, register
from hpcpot.dataset.formats.reading import as_data_error, source_of

KIND = "file of frames as lines of JSON"


def read(path, root, options):
    source = source_of(path, root)
    with as_data_error(path, KIND):
        frames = [json.loads(line) for line in path.read_text().splitlines()]
        if not frames:
            raise ValueError("no frames")
        for k, frame in enumerate(frames):
            arrays = {name: np.array(frame[name], float) for name in ("positions", "cell")}
            forces = None if frame["forces"] is None else np.array(frame["forces"], float)
            periodic, labels = np.array(frame["periodic"], bool), (frame["energy"], forces, None)
            yield Labelled(frame["symbols"], *arrays.values(), periodic, *labels, frame["group"], f"{source}:{k}")


def write(dataset, path, facts):
    with path.open("w") as file:
        for k in range(len(dataset)):
            atoms = dataset.frame(k)
            labels = atoms.calc.results
            frame = {
                "symbols": atoms.get_chemical_symbols(),
                "positions": atoms.positions.tolist(),
                "cell": atoms.cell.tolist(),
                "periodic": atoms.pbc.tolist(),
                "energy": labels.get("energy"),
                "forces": labels["forces"].tolist() if "forces" in labels else None,
                "group": atoms.info["group"],
            }
            file.write(json.dumps(frame) + "\n")


register(
    Format(
        "json",
        __name__,
        "frames as lines of JSON (.jsonl)",
        patterns=("*.jsonl",),
        suffixes=(".jsonl",),
        loses=("sources", "raw labels", "virials"),
    )
)
