"""Messages of errors are for people, whatever the files hold that they quote."""

import pickle

from hpcpot.errors import DataError


def test_a_message_is_short_and_printable():
    error = DataError("a.xyz = \x1b[31m\0é: required.\n" + "A" * 70000 + "; copy it again.")
    first, second = str(error).split("\n")
    assert first == r"a.xyz = \x1b[31m\x00é: required."
    assert len(second) < 700 and second.startswith("AAA") and second.endswith("A; copy it again.")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
