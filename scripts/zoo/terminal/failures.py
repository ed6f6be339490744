"""Jobs that failed."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """A job that failed. what: in a person's words; log: its file, if it has one."""

    what: str
    log: str | None

    @property
    def errors(self) -> list[str]:
        """Those in its log, if it has left one."""
        try:
            lines = Path(self.log or "").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
        return [line.partition(" ERROR ")[2] for line in lines if " ERROR " in line]

    @property
    def reason(self) -> str:
        """The last error in its log, which names the job; else that there is none."""
        if errors := self.errors:
            return errors[-1]
        has_log = self.log is not None and Path(self.log).is_file()
        return f"{self.what}: see its log" if has_log else f"{self.what}: it left no log"
