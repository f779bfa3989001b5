"""How is `relu-jax` run where only `python -m relu_jax` is at hand?"""

import sys

from relu_jax.cli import main

if __name__ == "__main__":
    sys.exit(main())
