"""`python -m bench.model`: prints what a tree of relays and nodes does, up to a million viewers."""

import argparse
import sys

from bench.build import BENCH
from bench.model.measure import comparison
from bench.model.records import from_newest_record
from bench.model.tables import (
    audience_table,
    conclusions,
    inputs_table,
    latency_table,
    plan_table,
)

RESULTS = BENCH / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.model", description=__doc__)
    parser.add_argument(
        "--measure", action="store_true", help="compare with 1, 2 and 4 nodes here, 2 minutes"
    )
    options = parser.parse_args()
    inputs = from_newest_record(RESULTS)
    print(inputs_table(inputs))
    if options.measure:
        print(comparison(inputs))
        return 0
    for each in (plan_table, latency_table, audience_table, conclusions):
        print(each(inputs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
