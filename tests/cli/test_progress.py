"""The bar: drawn on a terminal, silent elsewhere."""

from types import SimpleNamespace

from jaxem.cli.progress import Bar

REPORT = SimpleNamespace(steps=20, max_steps=100, active=3, restarts=64, best=-1130.26396)


def test_a_terminal_sees_the_reports(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with Bar(shown=True) as bar:
        bar(REPORT)
        bar._progress.refresh()
    drawn = capsys.readouterr().err
    assert "3 of 64 starts moving" in drawn
    assert "-1130.26" in drawn


def test_a_pipe_sees_nothing(capsys):
    with Bar(shown=True) as bar:
        bar(REPORT)
    assert capsys.readouterr().err == ""


def test_quiet_is_quiet(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Bar(shown=False) as bar:
        bar(REPORT)
    assert capsys.readouterr().err == ""
