"""An artifact for use elsewhere: its files, and programs that run it as the verification did."""

from zoo.deploy.bundle import write_bundle
from zoo.deploy.programs import programs, unsuited

__all__ = ["programs", "unsuited", "write_bundle"]
