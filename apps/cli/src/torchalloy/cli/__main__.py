"""`python -m torchalloy.cli`, for where no script is on the path."""

import sys

from torchalloy.cli import main

sys.exit(main())
