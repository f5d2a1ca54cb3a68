"""One rank of a launched run; see `torchalloy.runtime._launch`."""

import sys

from torchalloy.runtime._launch import main

sys.exit(main(sys.argv[1:]))
