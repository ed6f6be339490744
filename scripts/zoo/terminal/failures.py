"""Jobs that failed."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """A job that failed. what: in a person's words; log: its file, if it has one."""

    what: str
    log: str | None

    @property
    def reason(self) -> str:
        """The last error in its log, which names the job; else that there is none."""
        try:
            lines = Path(self.log or "").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return f"{self.what}: it left no log"
        errors = [line.partition(" ERROR ")[2] for line in lines if " ERROR " in line]
        return errors[-1] if errors else f"{self.what}: see its log"
