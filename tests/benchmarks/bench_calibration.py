"""How sure are memberships and intervals, and how right? EM against the posterior, over a grid of simulated
clusters of which all is known.

A run adds to a file with one line for each fit, and goes on where it was stopped:

    python tests/benchmarks/bench_calibration.py --half choose --short --out choose.jsonl
        --cells 'separated*' --data-sets 5 --prior "" --prior "concentration=2, std_prior=gamma(2, 1)"
    python tests/benchmarks/bench_calibration.py --half report --out report.jsonl
    python tests/benchmarks/bench_calibration.py --out report.jsonl --out choose.jsonl --write

The first tries priors, which are in units of the columns (each of mean 0 and standard deviation 1); what a
prior leaves out is the default's. A file knows a prior by its text only: where the code of the default has
changed, take another file. The second takes two hours on two cores; data sets come in turns, the first of
each cell before the second of any, so that it may be cut off. Nobody should look at that half before the
prior is chosen. The last writes reports/calibration.md and reports/calibration.png. --show prints the tables
and fits nothing.
"""

import argparse
from pathlib import Path

from calibration import page
from calibration.cells import CELLS, HALVES, matching
from calibration.records import Job, parts_of, read, run

from bayesgmm.support.arguments import available_cores

REPORTS = Path(__file__).parents[2] / "reports"


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=list(HALVES), default="choose")
    parser.add_argument("--cells", default="*", help="patterns of names, or groups, separated by commas")
    parser.add_argument("--data-sets", type=int, help="of each cell; by default as many as the page has")
    parser.add_argument("--quick", action="store_true", help="a tenth of the data sets")
    parser.add_argument("--short", action="store_true", help="NUTS, two chains of 400 draws")
    parser.add_argument(
        "--prior", action="append", help="text or JSON; may be given again; '' is the default"
    )
    parser.add_argument("--out", action="append", help="file of records; the first is added to")
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--show", action="store_true", help="print the tables of the records, fit nothing")
    parser.add_argument("--write", action="store_true", help="write the page from the records, fit nothing")
    parser.add_argument("--list", action="store_true", help="print the names of the cells")
    return parser.parse_args()


def jobs_of(options, priors):
    """The fits that are asked for, in turns over cells."""
    cells = matching(options.cells)
    wanted = {c.name: options.data_sets or max(1, c.data_sets // (10 if options.quick else 1)) for c in cells}
    return [
        Job(options.half, name, index, options.short, prior)
        for index in range(max(wanted.values()))
        for name, n in wanted.items()
        if index < n
        for prior in priors
    ]


def main():
    options = arguments()
    if options.list:
        print("\n".join(CELLS))
        return
    files = options.out or ["calibration.jsonl"]
    priors = options.prior or [""]
    for prior in filter(None, priors):
        parts_of(prior)
    jobs = jobs_of(options, priors)
    if not (options.show or options.write):
        run(jobs, files[0], options.workers)
    records = {job: record for file in files for job, record in read(file).items()}
    if options.write:
        write(records, options.prior or ())
        return
    asked = {job: records[job] for job in jobs if job in records}
    for prior in priors:
        lines = page.tables(asked, options.half, options.short, prior)
        print("\n".join([f"## {prior or 'default prior'}", "", *lines]))
    if options.half == "choose" and options.short and len(priors) > 1:
        print("\n".join(page.other_priors(asked)))


def write(records, priors):
    """The page and its figure."""
    (REPORTS / "calibration.md").write_text(page.whole(records, priors))
    page.drawn(records).savefig(REPORTS / "calibration.png", dpi=110)


if __name__ == "__main__":
    main()
