"""``python -m tests.crash --rounds 200 --seed 1``: see ``harness``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from harness import main

if __name__ == "__main__":
    sys.exit(main())
