"""Keeps the processes of one machine running: starts them, restarts them, stops them all.

A Celery worker ends itself when its broker vanishes, so every worker needs somebody who starts it
again, in development too. Everything happens in one thread that waits on the children's output and
on signals; one log file holds every line, the terminal only what a person should look at.
"""

import ctypes
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import psutil

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
STEADY_SECONDS = 10.0
"""A child that ran this long is healthy again: its next restart waits only the first pause."""

LONGEST_LOG = 20 * 1024 * 1024

MARK = "ALMONER_SUPERVISED_IN"
"""In the environment of every child: the folder of its supervisor, by which a leftover is recognised."""


class ChildFailed(Exception):
    """A child ended or stayed silent before it was ready. The message ends with its last lines."""


@dataclass(frozen=True)
class Child:
    """One process to keep running; `grace` is how long it may take to end after SIGTERM, in seconds."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    grace: float = 5.0


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    started: float
    pause: float = FIRST_PAUSE
    restart_at: float | None = None
    lines: list[str] = field(default_factory=list)
    unfinished: bytes = b""
    in_trouble: bool = False


class Supervisor:
    """Children by name, in the order in which they were started; use it as a context manager."""

    def __init__(self, folder: Path, *, terminal: TextIO | None = None, verbose: bool = False) -> None:
        self.folder = folder
        self.terminal = terminal
        self.verbose = verbose
        self.log = _open_log(folder / "log")
        self.stop_requested = False
        self.restarts: dict[str, int] = {}
        self._running: dict[str, _Running] = {}
        self._selector = selectors.DefaultSelector()
        self._pid_file = folder / "children.json"
        self._end_leftovers()

    def __enter__(self) -> "Supervisor":
        self._woken, waker = os.pipe()
        for end in (self._woken, waker):
            os.set_blocking(end, False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._old_wakeup = signal.set_wakeup_fd(waker)
        self._waker = waker
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        self._old_handlers = {number: signal.signal(number, self._request_stop) for number in wanted}
        # Any handler does: what wakes the loop is the byte in the pipe.
        self._old_handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            signal.set_wakeup_fd(self._old_wakeup)
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)
            self._selector.close()
            os.close(self._woken)
            os.close(self._waker)
            self.log.close()

    def start(self, child: Child) -> None:
        """Start a child; from now on it is started again whenever it ends."""
        self._running[child.name] = self._launch(child)
        self.restarts[child.name] = 0
        self._write_pids()

    def wait_ready(self, name: str, is_ready: Callable[[], bool], *, seconds: float = 60) -> None:
        """Wait until the child answers; a child that ends before that is a failure, not restarted."""
        running = self._running[name]
        deadline = time.monotonic() + seconds
        while not is_ready():
            self._look(0.05)
            if self.stop_requested:
                raise KeyboardInterrupt
            late = time.monotonic() > deadline
            if late or self.restarts[name] or running.process.poll() is not None:
                self._look(0)
                happened = f"was not ready after {seconds:.0f} s" if late else "ended at once"
                raise ChildFailed(f"{name} {happened}; its last lines:\n" + "\n".join(running.lines[-15:]))

    def said(self, name: str, pattern: str) -> re.Match[str] | None:
        """The first match among the last lines of a child's output."""
        return next(filter(None, (re.search(pattern, line) for line in self._running[name].lines)), None)

    def pid(self, name: str) -> int:
        """The process id under which a child runs now."""
        return self._running[name].process.pid

    def run(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Keep the children running until a signal asks to stop, or until the condition holds."""
        while not self.stop_requested and not until():
            self._look(0.2)

    def stop(self) -> None:
        """End every child, the last one started first; none survives its grace or a second signal."""
        asked_before = self.stop_requested
        self.stop_requested = False
        for running in reversed(list(self._running.values())):
            running.restart_at = None
            self._end(running)
        self._running.clear()
        self.stop_requested = asked_before
        self._pid_file.unlink(missing_ok=True)

    def note(self, message: str) -> None:
        """A line of the supervisor's own, in the log and on the terminal."""
        self._write("demo", message, to_terminal=True)

    def _launch(self, child: Child) -> _Running:
        process = subprocess.Popen(  # noqa: S603 - commands of our own
            list(child.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **child.environment, "PYTHONUNBUFFERED": "1", MARK: str(self.folder)},
            start_new_session=True,
            preexec_fn=_end_with_supervisor,  # noqa: PLW1509 - this process has one thread
        )
        assert process.stdout is not None  # noqa: S101 - asked for above
        os.set_blocking(process.stdout.fileno(), False)
        running = _Running(child, process, started=time.monotonic())
        self._selector.register(process.stdout, selectors.EVENT_READ, running)
        return running

    def _look(self, seconds: float) -> None:
        """One turn: read what came, notice who ended, start again whose pause is over."""
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                with suppress(BlockingIOError):
                    os.read(self._woken, 4096)
            else:
                self._read(key.data)
        now = time.monotonic()
        for name, running in list(self._running.items()):
            if running.restart_at is None and running.process.poll() is not None:
                self._note_the_end(running, now)
            elif running.restart_at is not None and now >= running.restart_at:
                self._start_again(name, running)

    def _note_the_end(self, running: _Running, now: float) -> None:
        self._read(running)
        _kill_group(running.process.pid)  # what it forked must not live on beside the next one
        steady = now - running.started > STEADY_SECONDS
        running.pause = FIRST_PAUSE if steady else running.pause
        running.restart_at = now + running.pause
        how = _how_it_ended(running.process.returncode)
        self.note(f"{running.child.name} {how}; starting it again in {running.pause:.1f} s")

    def _start_again(self, name: str, old: _Running) -> None:
        fresh = self._launch(old.child)
        fresh.pause = min(old.pause * 2, LONGEST_PAUSE)
        fresh.lines = old.lines
        self._running[name] = fresh
        self.restarts[name] += 1
        self._write_pids()

    def _read(self, running: _Running) -> None:
        stream = running.process.stdout
        if stream is None or stream.closed:
            return
        with suppress(BlockingIOError):
            for _ in range(64):  # a child that never stops talking must not keep us from the others
                piece = os.read(stream.fileno(), 65536)
                *whole, running.unfinished = (running.unfinished + piece).split(b"\n")
                for line in whole:
                    self._take(running, line.decode(errors="replace").rstrip())
                if not piece:
                    self._selector.unregister(stream)
                    stream.close()
                    return

    def _take(self, running: _Running, line: str) -> None:
        running.lines.append(line)
        del running.lines[:-200]
        running.in_trouble = asks_for_attention(line, in_trouble=running.in_trouble)
        self._write(running.child.name, line, to_terminal=self.verbose or running.in_trouble)

    def _write(self, name: str, line: str, *, to_terminal: bool) -> None:
        moment = time.strftime("%H:%M:%S")
        self.log.write(f"{moment} {name:<8} | {line}\n")
        if self.terminal is not None and to_terminal:
            with suppress(OSError):  # the terminal may be gone; the log is not
                self.terminal.write(f"{_coloured(name, self.terminal)} {line}\n")
                self.terminal.flush()

    def _end(self, running: _Running) -> None:
        process = running.process
        # The leader only: Celery's pool must be ended by its own main process, after its tasks.
        with suppress(ProcessLookupError):
            process.terminate()
        deadline = time.monotonic() + running.child.grace
        while process.poll() is None:
            if time.monotonic() > deadline or self.stop_requested:
                self._write("demo", f"{running.child.name} did not stop in time; killed", to_terminal=True)
                break
            for key, _ in self._selector.select(0.05):
                if key.data is None:
                    with suppress(BlockingIOError):
                        os.read(self._woken, 4096)
                else:
                    self._read(key.data)
        _kill_group(process.pid)
        process.wait()
        self._read(running)
        self._write("demo", f"{running.child.name} ended", to_terminal=False)
        if process.stdout is not None and not process.stdout.closed:
            self._selector.unregister(process.stdout)
            process.stdout.close()

    def _request_stop(self, *_: object) -> None:
        self.stop_requested = True

    def _write_pids(self) -> None:
        groups = {name: running.process.pid for name, running in self._running.items()}
        draft = self._pid_file.with_suffix(".draft")
        draft.write_text(json.dumps(groups))
        draft.replace(self._pid_file)

    def _end_leftovers(self) -> None:
        """Children of a supervisor that was killed: known by their group and by the mark they carry."""
        try:
            groups = set(json.loads(self._pid_file.read_text()).values())
        except (FileNotFoundError, ValueError):
            return
        leftovers = [process for process in psutil.process_iter() if self._is_leftover(process, groups)]
        for process in leftovers:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(leftovers, timeout=5)
        self._pid_file.unlink(missing_ok=True)

    def _is_leftover(self, process: psutil.Process, groups: set[int]) -> bool:
        with suppress(psutil.Error, OSError):
            return os.getpgid(process.pid) in groups and process.environ().get(MARK) == str(self.folder)
        return False


def _open_log(file: Path) -> TextIO:
    """The log goes on where it was; a long one is put aside, and one of those is kept."""
    with suppress(FileNotFoundError):
        if file.stat().st_size > LONGEST_LOG:
            file.replace(file.with_name("log.old"))
    return file.open("a", buffering=1, errors="replace")


def asks_for_attention(line: str, *, in_trouble: bool) -> bool:
    """Whether a person should see this line: a warning or worse, or the rest of a traceback."""
    if line.startswith("{"):
        with suppress(ValueError):
            record: dict[str, Any] = json.loads(line)
            return str(record.get("level", "")).lower() in {"warning", "error", "critical"}
    if re.search(r"\b(WARNING|ERROR|CRITICAL|FATAL)\b|^Traceback ", line):
        return True
    # The last line of a traceback is not indented, and the one after it belongs to something else.
    return in_trouble and (line.startswith((" ", "\t")) or bool(re.match(r"[\w.]+(Error|Exception)\b", line)))


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


_COLOURS = (36, 33, 35, 32, 34, 31)


def _coloured(name: str, terminal: TextIO) -> str:
    if not terminal.isatty() or os.environ.get("NO_COLOR"):
        return f"{name:<8} |"
    return f"\033[{_COLOURS[sum(name.encode()) % len(_COLOURS)]}m{name:<8} |\033[0m"


def _end_with_supervisor() -> None:
    """On Linux a child asks for SIGTERM when its supervisor is killed; elsewhere the next start reaps it."""
    if _prctl is not None:
        _prctl(1, int(signal.SIGTERM), 0, 0, 0)  # PR_SET_PDEATHSIG


def _find_prctl() -> Callable[..., int] | None:
    if sys.platform != "linux":
        return None
    function: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    return function


_prctl = _find_prctl()
