"""Jobs that failed."""

import re
from dataclasses import dataclass
from pathlib import Path

_OWN = re.compile(r"^Error:\n {2}ConfigError:\n((?: {4}.*\n)+)", re.MULTILINE)


def own_sentence(told: str) -> list[str]:
    """What a function of a rule found wrong with the configuration, in its own words, of what Snakemake tells
    of it: the rule, the place in its file and the wildcards stand around them. Empty if it tells of another
    error."""
    found = _OWN.search(told)
    return [f"error: {found[1].strip()}"] if found else []


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
