"""Reader of frozen TensorFlow graphs (protobuf GraphDef): the constants and the names of the operations.

Protobuf: a message is a row of fields, each a key (field number << 3 | wire type) and a value; wire type 0 is a
varint, 1 eight bytes, 2 a length and that many bytes (texts, packed arrays, messages in messages), 5 four bytes.
Source: protobuf.dev/programming-guides/encoding; tensorflow/core/framework/{graph,node_def,attr_value,tensor}.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

GRAPH_NODE, GRAPH_VERSIONS = 1, 4
NODE_NAME, NODE_OPERATION, NODE_ATTRIBUTE = 1, 2, 5
ENTRY_KEY, ENTRY_VALUE = 1, 2
ATTRIBUTE_TENSOR = 8
TENSOR_TYPE, TENSOR_SHAPE, TENSOR_CONTENT, TENSOR_TEXT = 1, 2, 4, 8
SHAPE_DIMENSION, DIMENSION_SIZE = 2, 1
TEXT = 7
NUMBERS = {1: ("<f4", 5), 2: ("<f8", 6), 3: ("<i4", 7), 9: ("<i8", 10)}
"""TensorFlow's number of a data type -> its NumPy type and the TensorProto field that holds a short list of values."""
VARINT, BYTES = 0, 2
FIXED_SIZES = {1: 8, 5: 4}


@dataclass(frozen=True)
class GraphDef:
    """A frozen graph.

    Attributes:
        tensors: encoded TensorProto of every constant, by the name of its node.
        operations: the operations that occur in the graph, e.g. "MatMul".
    """

    tensors: dict[str, bytes]
    operations: frozenset[str]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def array(self, name: str) -> np.ndarray:
        """Values of a numeric constant, in its own type and shape.

        Raises:
            KeyError: no constant of that name. ValueError: not of a type of NUMBERS, or damaged.
        """
        fields = _collect(self.tensors[name])
        code = _last(fields, TENSOR_TYPE)
        if code not in NUMBERS:
            raise ValueError(f"constant {name} has TensorFlow type {code}; float32, float64, int32, int64 are read")
        dtype, field = NUMBERS[code]
        shape = [_size(dimension) for dimension in _collect(_last(fields, TENSOR_SHAPE, b"")).get(SHAPE_DIMENSION, [])]
        count = int(np.prod(shape, dtype=object))
        values = _values(fields, dtype, field)
        if len(values) != count:
            values = _filled(values, count, name)
        return values.reshape(shape)

    def text(self, name: str) -> str:
        """Value of a text constant. Raises as `array` does."""
        fields = _collect(self.tensors[name])
        if _last(fields, TENSOR_TYPE) != TEXT:
            raise ValueError(f"constant {name} is not a text")
        return _last(fields, TENSOR_TEXT, b"").decode()


def parse(content: bytes) -> GraphDef:
    """The graph in the bytes of a .pb file.

    Raises:
        ValueError, KeyError: not a whole GraphDef.
    """
    tensors, operations, versions = {}, set(), False
    for field, value in _fields(content):
        versions |= field == GRAPH_VERSIONS
        if field != GRAPH_NODE:
            continue
        node = _collect(value)
        operation = _last(node, NODE_OPERATION).decode()
        operations.add(operation)
        if operation == "Const":
            attributes = (_collect(entry) for entry in node.get(NODE_ATTRIBUTE, []))
            values = {_last(entry, ENTRY_KEY): _last(entry, ENTRY_VALUE) for entry in attributes}
            tensors[_last(node, NODE_NAME).decode()] = _last(_collect(values[b"value"]), ATTRIBUTE_TENSOR)
    if not versions:  # TensorFlow writes it last
        raise ValueError("the graph ends before its version record")
    return GraphDef(tensors, frozenset(operations))


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(content):
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError(f"broken number before byte {position}")


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        wire = key & 7
        if wire == VARINT:
            value, position = _varint(content, position)
        else:
            if wire == BYTES:
                size, position = _varint(content, position)
            elif wire in FIXED_SIZES:
                size = FIXED_SIZES[wire]
            else:
                raise ValueError(f"wire type {wire} before byte {position}")
            value = content[position : position + size]
            position += size
            if position > len(content):
                raise ValueError(f"a field ends at byte {position} of {len(content)}")
        yield key >> 3, value


def _collect(message: bytes) -> dict[int, list[int | bytes]]:
    fields: dict[int, list[int | bytes]] = {}
    for field, value in _fields(message):
        fields.setdefault(field, []).append(value)
    return fields


def _last(fields: dict[int, list], number: int, default: int | bytes | None = None) -> int | bytes:
    if number not in fields and default is not None:
        return default
    return fields[number][-1]


def _size(dimension: bytes) -> int:
    return _last(_collect(dimension), DIMENSION_SIZE, 0)


def _values(fields: dict[int, list], dtype: str, field: int) -> np.ndarray:
    """Values of a TensorProto: its content, or its typed list (packed, or one field per value)."""
    if TENSOR_CONTENT in fields:
        return np.frombuffer(fields[TENSOR_CONTENT][-1], dtype)
    if dtype.startswith("<f"):
        return np.frombuffer(b"".join(fields.get(field, [])), dtype)
    numbers = []
    for item in fields.get(field, []):
        position = 0
        if isinstance(item, int):
            numbers.append(item)
            continue
        while position < len(item):
            number, position = _varint(item, position)
            numbers.append(number)
    return np.array(numbers, np.uint64).astype(np.int64).astype(dtype)


def _filled(values: np.ndarray, count: int, name: str) -> np.ndarray:
    """TensorFlow shortens constants: the last value given repeats, and none given means zeros."""
    if len(values) > count or count > 2**24:
        raise ValueError(f"constant {name} has {len(values)} values for {count} places")
    last = values[-1] if len(values) else 0
    return np.concatenate([values, np.full(count - len(values), last, values.dtype)])
