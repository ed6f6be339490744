"""A logger plugin of Snakemake, `--logger zoo`: a line a stage and model, one line that changes while jobs
run, and what to ship at the end. In a pipe, plain lines.

It knows Snakemake's events and the screen; what is said of a build is the library's, in `zoo.terminal`.
"""

import logging
import shutil
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from snakemake.logging import DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase

from zoo.terminal.failures import Failure, own_sentence
from zoo.terminal.stages import Job
from zoo.terminal.watched import Watched

NAME = "zoo"
REFRESH_S = 1.0
_NOISE = (
    *(
        "Building DAG",
        "Select jobs",
        "Using shell",
        "Provided ",
        "Rules claiming",
        "Complete log",
        "Execute ",
    ),
    *("Updating checkpoint", "DAG of jobs will be updated", "Removing temporary output", "Storing output"),
    *(
        "Removing output files",
        "At least one job did not",
        "WorkflowError:\nAt least one job",
        "Shutting down",
        "Exiting because",
        "Waiting for",
    ),
    *("Assuming unrestricted", "Terminating processes", "Cancelling snakemake", "Elapsed time"),
)
"""What Snakemake says of its own doings, which the lines of a build say better."""

_PAINT = {"✓": "\x1b[32m✓\x1b[0m", "✗": "\x1b[31m✗\x1b[0m"}
_ours: "LogHandler | None" = None


class LogHandler(LogHandlerBase):
    """Writes to the error stream, as Snakemake does. A dry run, and whoever asks for more (--verbose,
    --printshellcmds), gets Snakemake's own lines."""

    def __post_init__(self) -> None:
        global _ours
        settings = self.common_settings
        self._stream = sys.stdout if settings.stdout else sys.stderr
        self._plain = bool(
            settings.dryrun or settings.verbose or settings.printshellcmds or settings.debug_dag
        )
        self._live = self._stream.isatty() and not self._plain
        self._filter = DefaultFilter(
            settings.quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds
        )
        self._format = DefaultFormatter(settings.quiet, settings.show_failed_logs)
        self._watched = Watched()
        self._blameless: set[int] = set()
        self._drawn = False
        self._screen = threading.RLock()
        self._ended = threading.Event()
        if not self._plain:
            self._notice_interrupts()
        if self._live:
            threading.Thread(target=self._refresh, daemon=True).start()
        _ours = self

    def _notice_interrupts(self) -> None:
        """Ctrl-C ends the jobs too, and what Snakemake says of each is no failure."""
        before = signal.getsignal(signal.SIGINT)

        def noticed(number: int, frame: Any) -> None:
            self._watched.interrupted = True
            if callable(before):
                before(number, frame)

        with suppress(ValueError):  # where this is not the main thread
            signal.signal(signal.SIGINT, noticed)

    def plan(self, jobs: Iterable[Job], cores: int) -> None:
        """The jobs that are to run, from whoever knows them."""
        if not self._plain:
            self._write(self._watched.plan(jobs, cores))

    def emit(self, record: logging.LogRecord) -> None:
        """Say what an event means, if anything."""
        try:
            if self._watched.interrupted:
                return
            event = getattr(record, "event", None)
            if self._plain or (event is None and not self._is_noise(record)):
                self._default(record)
            elif event is not None:
                getattr(self, f"_on_{event}", self._default)(record)
        except Exception:
            self.handleError(record)

    def _is_noise(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        failed = message.startswith("RuleException") and "returned non-zero exit status" in message
        return failed or message.startswith(_NOISE) or message == "None"

    def _default(self, record: logging.LogRecord) -> None:
        """As Snakemake would say it, but for what the zoo says better."""
        if sentence := own_sentence(record.getMessage()):
            self._write(sentence)
        elif self._filter.filter(record) and (text := self._format.format(record)) not in (None, "", "None"):
            self._write(text.splitlines())

    def _on_job_info(self, record: Any) -> None:
        job = Job(record.rule_name, dict(record.wildcards or {}), record.threads, record.benchmark)
        self._watched.begin(record.jobid, job)
        if not self._live:
            self._write([f"Job {self._watched.counted()}: {record.rule_msg or record.rule_name}"])

    def _on_job_finished(self, record: Any) -> None:
        self._write(self._watched.end(record.job_id), only_live=True)

    def _on_group_error(self, record: Any) -> None:
        """All jobs of a group fail with one of them; told are those that left an error, else the first."""
        numbers = {each["jobid"]: Failure("", _log(each["log"])) for each in record.job_error_info}
        guilty = [number for number, failure in numbers.items() if failure.errors] or list(numbers)[:1]
        self._blameless = set(numbers).difference(guilty)

    def _on_job_error(self, record: Any) -> None:
        job = self._watched.stages.running.get(record.jobid)
        if record.jobid in self._blameless:
            self._blameless.discard(record.jobid)
            self._watched.leave(record.jobid)
            return
        what = f"{record.rule_name} {job.place}/{job.item}" if job else record.rule_name
        self._write(self._watched.fail(record.jobid, what, _log(record.log)))

    def _on_progress(self, record: Any) -> None:
        self._watched.count(record.done, record.total)

    def _silent(self, record: Any) -> None:
        pass

    _on_job_started = _on_shellcmd = _on_run_info = _on_resources_info = _on_workflow_started = _silent
    _on_group_info = _on_rulegraph = _silent

    def _on_error(self, record: Any) -> None:
        if not self._is_noise(record):
            self._default(record)

    def _write(self, lines: Iterable[str], only_live: bool = False) -> None:
        if only_live and not self._live:
            return
        with self._screen:
            self._wipe()
            for line in lines:
                mark = _PAINT.get(line[:1]) if self._live and not self.common_settings.nocolor else None
                self._stream.write(f"{mark + line[1:] if mark else line}\n")
            self._draw()
            self._stream.flush()

    def _wipe(self) -> None:
        if self._drawn:
            self._stream.write("\x1b[K")
            self._drawn = False

    def _draw(self) -> None:
        if self._live and not self._ended.is_set():
            text = self._watched.live(shutil.get_terminal_size().columns - 1)
            self._stream.write(f"{text}\r")  # what a job writes itself begins where the line does
            self._drawn = bool(text)

    def _refresh(self) -> None:
        while not self._ended.wait(REFRESH_S):
            self._write([])

    def close(self) -> None:
        """The closing block, once all has been said."""
        if not self._ended.is_set():
            self._ended.set()
            self._write([] if self._plain else self._watched.close())
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        return True

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return True

    @property
    def has_formatter(self) -> bool:
        return True

    @property
    def needs_rulegraph(self) -> bool:
        return False


def _log(files: Iterable[Any]) -> str | None:
    """A job's log: the first that is there, for a job elsewhere may have left it in its executor's only."""
    paths = [str(each) for each in files or ()]
    return next((path for path in paths if Path(path).is_file()), paths[0] if paths else None)


def plan(jobs: Iterable[Any], cores: int) -> None:
    """Tell the handler, where it is the one in use, which of Snakemake's jobs are to run."""
    if _ours is not None:
        _ours.plan(
            [
                Job(job.rule.name, dict(job.wildcards_dict), job.threads, str(job.benchmark or ""))
                for job in jobs
            ],
            cores,
        )


def register() -> str:
    """Make the plugin known to Snakemake, which looks for plugins among installed packages only; its name."""
    from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

    registry = LoggerPluginRegistry()
    if not registry.is_installed(NAME):
        registry.register_plugin(__name__, sys.modules[__name__])
    return NAME
