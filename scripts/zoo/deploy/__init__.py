"""An artifact for use elsewhere: bundles, programs, a vendor's toolchain."""
