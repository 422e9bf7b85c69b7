"""Requests to stop: Ctrl-C and SIGTERM alike, never lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxem.cli.interrupts import Interrupts

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_raises_at_once(number):
    before = signal.getsignal(number)
    if before == signal.SIG_IGN:
        pytest.skip("started so that this signal is ignored, which is kept")
    watching = Interrupts()
    with watching, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert watching.asked and signal.getsignal(number) is before


def test_a_request_that_was_caught_is_raised_again():
    with Interrupts() as watching:
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException:
            pass
        with pytest.raises(KeyboardInterrupt):
            watching.check()
        watching.check()  # once


def test_a_request_is_raised_where_python_does_not_drop_it():
    """In a finaliser an exception is printed and gone; here it comes a little later."""

    class Closing:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    with Interrupts(), pytest.raises(KeyboardInterrupt):
        Closing()
        time.sleep(5)


def test_the_outermost_of_nested_contexts_restores():
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts() as watching:
        with watching, watching.held():
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            watching.check()
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_ignores_the_end_of_a_terminal_goes_on():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as watching:
            signal.raise_signal(signal.SIGHUP)
        assert not watching.asked
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_request_during_imports_is_a_sentence():
    """A module that swallows everything while it is imported swallows no request."""
    code = (
        "import builtins, os, signal, sys\n"
        "real = builtins.__import__\n"
        "def slow(name, *given, **more):\n"
        "    if name.startswith('jaxem.cli.loading'):\n"
        "        builtins.__import__ = real\n"
        "        try:\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "        except BaseException:\n"
        "            pass\n"
        "    return real(name, *given, **more)\n"
        "from jaxem.cli.start import main\n"
        "builtins.__import__ = slow\n"
        "sys.argv = ['jaxem', 'explain', 'no.toml']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        env=os.environ,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
