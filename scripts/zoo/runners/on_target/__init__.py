"""An artifact on a device that is not this machine: reached, opened, run, and timed beside another."""
