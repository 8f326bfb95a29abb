from hpcpot.farm.chunks import CHUNK_MOST, ChunkSize


def test_chunks_follow_the_time_that_items_take():
    size = ChunkSize("auto", None, 2)
    assert size.next(None, 2) == 1
    for _ in range(20):
        size.learn(size.next(None, 2), 0.01 * size.next(None, 2))
    assert 150 <= size.next(None, 2) <= 200, "2 s of items of 0.01 s"
    assert size.next(40, 2) == 10, "the last ones are shared out"
    size.learn(200, 200.0)
    assert size.next(None, 2) <= 4
    for _ in range(30):
        size.learn(size.next(None, 2), 1e-6)
    assert size.next(None, 2) == CHUNK_MOST
    fixed = ChunkSize(7, 100, 2)
    fixed.learn(7, 100.0)
    assert fixed.next(3, 2) == 7
    assert ChunkSize(200, 30, 4).next(30, 4) == 8, "each worker gets some"


def test_many_workers_get_longer_chunks():
    size = ChunkSize("auto", None, 1000)
    for _ in range(20):
        size.learn(size.next(None, 1000), 0.1 * size.next(None, 1000))
    assert 150 <= size.next(None, 1000) <= 200, "20 s of items of 0.1 s: chunks of 2 s would come 500 a second"
    for _ in range(20):
        size.learn(size.next(None, 2), 0.1 * size.next(None, 2))
    assert 15 <= size.next(None, 2) <= 20, "most workers have left"
