"""`python -m bench NAME [--quick]`: runs one benchmark by name."""

import importlib
import sys
from pathlib import Path

NAMES = ("intake", "drain", "receipts", "checkout", "verify", "reconcile")


def main() -> int:
    """Hand the rest of the command line to the benchmark that was named."""
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(f"usage: python -m bench {{{'|'.join(NAMES)}}} [--quick]", file=sys.stderr)
        return 2
    name = sys.argv[1]
    if not (Path(__file__).parent / f"{name}.py").exists():
        print(f"bench {name} is not here yet", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"bench.{name}").main(sys.argv[2:]) or 0)


if __name__ == "__main__":
    sys.exit(main())
