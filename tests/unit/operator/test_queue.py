"""The work queue: one key at a time, many adds one reconcile."""

from torpor.api.observed import Key
from torpor.watch.queue import WorkQueue

A, B = Key("ns", "a"), Key("ns", "b")


async def test_adds_fold_into_one():
    queue = WorkQueue()
    for key in (A, A, B, A):
        queue.add(key)
    assert [await queue.get(), await queue.get(), len(queue)] == [A, B, 0]


async def test_a_key_added_while_worked_on_comes_again_after_done():
    queue = WorkQueue()
    queue.add(A)
    assert await queue.get() == A
    queue.add(A)
    assert len(queue) == 0
    queue.done(A)
    assert await queue.get() == A


async def test_the_earlier_wake_up_wins():
    queue = WorkQueue()
    queue.add_after(A, 100)
    queue.add_after(A, 0.01)
    assert await queue.get() == A


async def test_closed_queue_gives_nothing():
    queue = WorkQueue()
    queue.close()
    assert await queue.get() is None
