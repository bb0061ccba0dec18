"""Work shared among threads gives what one thread gives, and few rows are left to one."""

import threading

import pytest

from bayesgmm.support.threads import shared, threads_for_runs


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_results_are_in_the_order_of_the_items(n_threads):
    assert shared(lambda i: i * i, range(50), n_threads) == [i * i for i in range(50)]


def test_two_threads_take_part_and_an_error_reaches_the_caller():
    both = threading.Barrier(2, timeout=20)
    names = set()

    def work(i):
        both.wait()
        names.add(threading.current_thread().name)

    shared(work, range(2), 2)
    assert len(names) == 2
    with pytest.raises(ZeroDivisionError):
        shared(lambda i: 1 / i, [1, 0, 1, 1], 2)


def test_runs_over_few_rows_stay_in_one_thread():
    assert threads_for_runs(100, 2) == 1
    assert threads_for_runs(100_000, 2) == 2
