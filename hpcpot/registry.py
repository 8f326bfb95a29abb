"""Tables of what hpcpot has several of, to which other packages add rows."""

from __future__ import annotations

from typing import Protocol, TypeVar

from hpcpot.errors import ExtensionError


class Named(Protocol):
    """A row of a table."""

    @property
    def name(self) -> str: ...


Row = TypeVar("Row", bound=Named)


class Registry(dict[str, Row]):
    """Rows by their names, in the order in which they were added."""

    def __init__(self, kind: str):
        """Make an empty table of, for example, integrators; `kind` is the singular, for messages."""
        super().__init__()
        self.kind = kind

    def register(self, row: Row) -> None:
        """Add a row; the same one again changes nothing.

        Raises:
            ExtensionError: another row has its name.
        """
        if self.get(row.name, row) != row:
            raise ExtensionError(f"{self.kind} = {row.name}: is in the table already; choose another name.")
        self[row.name] = row
