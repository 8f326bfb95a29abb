"""`python -m hpcpot`, which is the command hpcpot."""

import sys

from hpcpot.cli import main

sys.exit(main())
