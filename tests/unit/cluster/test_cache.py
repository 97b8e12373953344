import dataclasses
import os

import pytest

from cluster import golang
from cluster.cache import half_made, make_key, make_tree_key, write_atomically


def test_key_depends_on_content_not_on_dates(tmp_path):
    file = tmp_path / "go.sum"
    file.write_text("one")
    before = make_key("x", file)
    os.utime(file, (0, 0))
    assert make_key("x", file) == before
    file.write_text("two")
    assert make_key("x", file) != before


def test_key_keeps_its_parts_apart():
    assert make_key("ab", "c") != make_key("a", "bc")


def test_tree_key_sees_names_modes_and_content_but_no_byte_code(tmp_path):
    (tmp_path / "a.py").write_text("1")
    before = make_tree_key([tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert make_tree_key([tmp_path]) == before
    (tmp_path / "a.py").chmod(0o755)
    executable = make_tree_key([tmp_path])
    assert executable != before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert make_tree_key([tmp_path]) != executable


@pytest.mark.parametrize("change", [{"link_flags": "-s"}, {"package": "other"}, {"module": "pause"}])
def test_program_key_depends_on_all_that_it_is_built_from(change):
    assert dataclasses.replace(golang.ETCD, **change).key != golang.ETCD.key


def test_an_interrupted_build_leaves_nothing(tmp_path):
    target = tmp_path / "etcd-123"

    def build():
        with half_made(target) as work:
            (work / "etcd").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build()
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_was_killed_is_removed_by_the_next(tmp_path):
    (tmp_path / ".new-etcd-123-abc").mkdir()
    with half_made(tmp_path / "etcd-123") as work:
        (work / "etcd").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["etcd-123"]
    assert (tmp_path / "etcd-123" / "etcd").read_text() == "whole"


def test_a_secret_is_never_readable_by_others(tmp_path):
    write_atomically(tmp_path / "secret", "s", mode=0o600)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
