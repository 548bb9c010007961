"""The command line as ``python -m ionlink``."""

import sys

from ionlink.cli import main

sys.exit(main())
