"""Fits of simulated data sets, one line of JSON each in a file that a stopped run goes on with."""

import json
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bayesgmm import BayesGaussianMixture, Prior
from bayesgmm.bayes.prior_text import prior_parts
from calibration.cells import CELLS
from calibration.scores import scored

SHORT = {"method": "nuts", "draws": 400, "tune": 400, "chains": 2}


class Job(NamedTuple):
    """One fit: a data set of a half and cell by its number, whether chains are short, and the prior as text,
    empty for the default."""

    half: str
    cell: str
    index: int
    short: bool
    prior: str


def read(path):
    """The records of a file, by their jobs; none where there is no file yet."""
    lines = Path(path).read_text().splitlines() if Path(path).exists() else []
    records = {}
    for line in lines:
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            # The last line of a run that was killed.
            continue
        records[Job(*(record[name] for name in Job._fields))] = record
    return records


def run(jobs, path, workers):
    """Fit what the file does not have, and add a line for each fit as it ends."""
    known = read(path)
    left = [job for job in jobs if job not in known]
    print(f"{len(jobs)} fits, {len(jobs) - len(left)} of them known", flush=True)
    if not left:
        return
    began = time.perf_counter()
    with ProcessPoolExecutor(workers) as pool, Path(path).open("a+") as file:
        _end_line(file)
        try:
            for n, done in enumerate(as_completed([pool.submit(fitted, job) for job in left]), 1):
                record = done.result()
                file.write(json.dumps(record) + "\n")
                file.flush()
                minutes = (time.perf_counter() - began) / 60
                print(f"{n}/{len(left)} {minutes:.1f} min {told(record)}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise


def _end_line(file):
    """End the last line of a file of a run that was killed within it."""
    if file.tell():
        file.seek(file.tell() - 1)
        if file.read(1) != "\n":
            file.write("\n")


def told(record):
    """One line of a record, for the screen."""
    head = f"{record['cell']} {record['index']} {record['seconds']:.1f} s"
    if "failed" in record:
        return f"{head} failed: {record['failed']}"
    gaps = [record[side]["confidence"] - record[side]["accuracy"] for side in ("em", "bayes")]
    return f"{head} {record['method']} EM {gaps[0]:+.3f} posterior {gaps[1]:+.3f}"


def fitted(job):
    """The record of one fit; where it ended with an error, its text."""
    warnings.simplefilter("ignore")
    cell, began = CELLS[job.cell], time.perf_counter()
    data = cell.simulated(job.half, job.index)
    settings = SHORT if job.short else {}
    try:
        prior = prior_of(job.prior, data.X)
        fit = BayesGaussianMixture(
            cell.n_components, prior=prior, random_state=job.index, cores=1, progressbar=False, **settings
        ).fit(data.X)
        found = scored(fit, data)
    except Exception as error:
        found = {"failed": f"{type(error).__name__}: {error}"}
    return {**job._asdict(), "seconds": round(time.perf_counter() - began, 2), **found}


def prior_of(text, X):
    """The prior that a text gives in units of the columns, each of mean 0 and standard deviation 1, for these
    rows; parts that it leaves out are the default's. None for an empty text.

    The text is what `prior_parts` reads, or a JSON object of the same names.
    """
    if not text:
        return None
    parts = parts_of(text)
    loc, sd = X.mean(axis=0), X.std(axis=0)
    default = Prior.from_data(X).standardised(loc, sd)
    return replace(default, **parts).standardised(-loc / sd, 1 / sd)


def parts_of(text):
    """Names and values of the parts of a prior."""
    if not text.lstrip().startswith("{"):
        return prior_parts(text)
    return {name: tuple(v) if isinstance(v, list) else v for name, v in json.loads(text).items()}
