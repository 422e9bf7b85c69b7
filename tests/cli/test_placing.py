"""A folder of results: replaced whole or not at all, found to be unwritable before the fit."""

import errno
import os
import signal
import stat
import time

import pytest

from jaxem.cli import placing
from jaxem.cli.interrupts import Interrupts
from jaxem.cli.placing import RESULTS, put
from jaxem.cli.problems import ConfigError


def filling(texts):
    def fill(stage):
        for name, text in texts.items():
            (stage / name).write_text(text)

    return fill


def texts(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


OLD = {"fit.npz": "old", "states.csv": "old", "summary.json": "old"}
NEW = {"fit.npz": "new", "trace.csv": "new", "summary.json": "new"}


def put_twice(folder):
    assert put(folder, RESULTS, filling(OLD)).trouble == ""
    placed = put(folder, RESULTS, filling(NEW))
    assert placed == (folder, "")


def test_nothing_of_the_run_before_is_left(tmp_path):
    put_twice(tmp_path / "a" / "b")
    assert texts(tmp_path / "a" / "b") == NEW
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("can", [True, False], ids=["exchange", "two renames"])
def test_a_folder_is_replaced_in_one_piece(tmp_path, monkeypatch, can):
    """At no time between the calls of the system are files of two runs in it."""
    if not can:
        monkeypatch.setattr(placing, "_exchanged", lambda *_: False)
    folder, seen = tmp_path / "b", []
    for name in ("rename", "replace"):
        real = getattr(os, name)

        def watched(*given, _real=real):
            seen.append(texts(folder) if folder.exists() else {})
            _real(*given)
            seen.append(texts(folder) if folder.exists() else {})

        monkeypatch.setattr(os, name, watched)
    put_twice(folder)
    assert all(found in ({}, OLD, NEW) for found in seen)
    assert texts(folder) == NEW


def test_other_things_in_a_folder_are_left_alone(tmp_path):
    folder = tmp_path / "b"
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "mine.txt").write_text("mine")
    (folder / "mine.txt").write_text("mine")
    put_twice(folder)
    assert texts(folder) == {**NEW, "mine.txt": "mine"}
    assert texts(folder / "notes") == {"mine.txt": "mine"}
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["notes"]


def test_the_current_folder_stays_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_twice(tmp_path)
    assert os.path.samefile(os.getcwd(), tmp_path) and texts(tmp_path) == NEW


def test_a_link_to_a_folder_stays_one(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "b").symlink_to("far")
    put_twice(tmp_path / "b")
    assert (tmp_path / "b").is_symlink() and texts(tmp_path / "far") == NEW


def test_a_failure_leaves_the_old_files_and_keeps_the_new_ones(tmp_path, monkeypatch):
    folder, calls = tmp_path / "b", []
    put(folder, RESULTS, filling(OLD))

    def full(stage):
        calls.append(stage)
        filling(NEW)(stage)
        if len(calls) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    placed = put(folder, RESULTS, full)
    assert placed.folder is not None and placed.folder != folder
    assert "No space left on device" in placed.trouble and str(placed.folder) in placed.trouble
    assert texts(placed.folder) == NEW and texts(folder) == OLD
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["b"]

    def nowhere(stage):
        raise OSError(errno.EFBIG, "File too large")

    placed = put(folder, RESULTS, nowhere)
    assert placed.folder is None and "No other folder" in placed.trouble
    assert texts(folder) == OLD


def test_files_are_as_readable_as_the_umask_says(tmp_path):
    before = os.umask(0o002)
    try:
        put(tmp_path / "b", RESULTS, filling(OLD))
        (tmp_path / "b").chmod(0o2770)
        put(tmp_path / "b", RESULTS, filling(NEW))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o2770
    assert stat.S_IMODE((tmp_path / "b" / "fit.npz").stat().st_mode) == 0o664


def test_a_request_to_stop_waits_for_the_files(tmp_path, monkeypatch):
    watching = Interrupts()
    monkeypatch.setattr(placing, "interrupts", watching)

    def fill(stage):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        filling(NEW)(stage)

    with watching:
        put(tmp_path / "b", RESULTS, fill)
        assert texts(tmp_path / "b") == NEW and watching.asked
        with pytest.raises(KeyboardInterrupt):
            watching.check()


def test_what_a_killed_process_left_is_taken_away(tmp_path):
    for name, age in ((".jaxem-0.partial", 10**6), (".jaxem-1.partial", 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    put(tmp_path / "b", RESULTS, filling(OLD))
    assert {path.name for path in tmp_path.iterdir()} == {"b", ".jaxem-1.partial"}


def a_file(folder):
    folder.write_text("")


def a_folder_in_the_way(folder):
    (folder / "parameters.json").mkdir(parents=True)


def a_dangling_link(folder):
    folder.symlink_to("nowhere")


def a_dangling_link_above(folder):
    folder.parent.mkdir()
    (folder.parent / "up").symlink_to("nowhere")


WRONG = {
    "a file": (a_file, "results", "is a file"),
    "under a file": (lambda folder: a_file(folder.parent), "results/x", "is a file"),
    "a folder named as a file": (a_folder_in_the_way, "results", "folder named parameters.json"),
    "a dangling link": (a_dangling_link, "results", "a link to nowhere, which does not exist"),
    "under a dangling link": (a_dangling_link_above, "a/up", "a link to nowhere"),
    "a name too long": (lambda _: None, "x" * 300, "too long"),
    "a name too long, far down": (lambda _: None, "y/" + "x" * 300, "too long"),
    "no name": (lambda _: None, "a\0b", "no name of a folder"),
    "no real folder": (lambda _: None, "/proc/results", "cannot be written to"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_folder_that_cannot_be_written_is_found_before_the_fit(tmp_path, case):
    make, name, words = WRONG[case]
    make(tmp_path / name)
    with pytest.raises(ConfigError) as caught:
        placing.check(tmp_path / name, RESULTS)
    assert words in caught.value.report() and "--output" in caught.value.report()


def test_a_full_disk_is_found_before_the_fit(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match="output"):
        placing.check(tmp_path / "b", RESULTS)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_be_written_is_not_made_yet(tmp_path):
    placing.check(tmp_path / "a" / "b", RESULTS)
    assert not list(tmp_path.iterdir())
