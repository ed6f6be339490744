"""An artifact for use elsewhere: its files, and programs that run it as the verification did."""

from zoo.deploy.bundle import write_bundle
from zoo.deploy.programs import obstacle, programs

__all__ = ["obstacle", "programs", "write_bundle"]
