"""The keys of commands as text and Markdown; tests/commands/schema has their JSON Schema."""

import pytest

from hpcpot.commands import COMMANDS, schema_of
from hpcpot.config import reference

NAMES = [name for name, row in COMMANDS.items() if row.settings and row.settings.startswith("hpcpot.")]


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_explained(name):
    schema = schema_of(name)
    lines, markdown = reference(schema), reference(schema, markdown=True)
    for key, row in schema.keys.items():
        assert f"  {key} ({row.kind.words}; " in lines and f"\n      {row.help}" in lines
        assert f"| `{key.split('.')[-1]}` |" in markdown
        assert not row.help.startswith(("of ", "the same", "null", "and ")), f"{key}: {row.help}: must stand by itself"


def test_markdown_has_a_table_for_each_section():
    text = reference(schema_of("md"), markdown=True)
    assert "### `md`\n\nIntegration of the equations of motion" in text
    assert "| `timestep_fs` | a number > 0 | required | time step; typical 0.5 to 2 |" in text
    assert "| `device` | cpu \\| gpu \\| auto | `auto` |" in text
    assert "### `stages.NAME`" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 5 for line in tables)
