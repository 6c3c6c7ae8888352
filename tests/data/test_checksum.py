"""Checksums do not depend on how the bytes came, find every flipped bit, and those of older stores still count."""

import hashlib
import json
from itertools import pairwise

import numpy as np
from data_worlds import write_store
from hypothesis import given, settings
from hypothesis import strategies as st

from telos.data import Episodes
from telos.data.checksum import BLOCK, Checksum, checksum_of
from telos.data.manifest import MANIFEST, digest

SIZES = st.sampled_from([0, 1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])


def of(content: bytes) -> str:
    checksum = Checksum()
    checksum.update(memoryview(content))
    return checksum.hexdigest()


@settings(max_examples=40, deadline=None)
@given(size=SIZES, cuts=st.lists(st.integers(0, 3 * BLOCK + 5), max_size=6), seed=st.integers(0, 99))
def test_pieces_do_not_matter(size, cuts, seed):
    content = np.random.default_rng(seed).bytes(size)
    checksum, places = Checksum(), sorted({0, size, *(cut for cut in cuts if cut < size)})
    for first, last in pairwise(places):
        checksum.update(memoryview(content)[first:last])
        checksum.copy().update(memoryview(b"something else"))
    assert checksum.hexdigest() == of(content)


@settings(max_examples=60, deadline=None)
@given(size=st.sampled_from([1, 1000, BLOCK, 2 * BLOCK + 3]), place=st.floats(0, 0.999999), bit=st.integers(0, 7))
def test_every_flipped_bit_lost_byte_and_swapped_block_is_found(size, place, bit):
    content = np.random.default_rng(0).bytes(size)
    index = int(place * size)
    flipped = content[:index] + bytes([content[index] ^ (1 << bit)]) + content[index + 1 :]
    lost, more = content[:index] + content[index + 1 :], content + b"\0"
    assert len({of(content), of(flipped), of(lost), of(more)}) == 4
    if size > 2 * BLOCK:
        assert of(content[BLOCK : 2 * BLOCK] + content[:BLOCK] + content[2 * BLOCK :]) != of(content)


def test_stores_with_checksums_of_the_older_kind_are_still_verified(tmp_path):
    store = write_store(tmp_path / "store")
    manifest = json.loads((tmp_path / "store" / MANIFEST).read_text())
    for column in manifest["columns"]:
        file = tmp_path / "store" / column["file"]
        assert column["checksum"] == checksum_of(file, like=column["checksum"]) == of(file.read_bytes())
        column["checksum"] = hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()
    del manifest["checksum"]
    (tmp_path / "store" / MANIFEST).write_text(json.dumps({**manifest, "checksum": digest(manifest)}))
    assert Episodes.open(tmp_path / "store", verify=True).num_steps == store.num_steps
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    assert len(Episodes.open(tmp_path / "store").damage()) == 1
