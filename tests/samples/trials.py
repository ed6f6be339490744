"""What a search measured of a candidate."""

from zoo.config.records.benchmark import ReferenceLatency, TimedLatency
from zoo.search.trials import Tried

LATENCY = TimedLatency(
    median_ms=9.0,
    p10_ms=4.0,
    p90_ms=10.0,
    threads=1,
    runs=50,
    reference=ReferenceLatency(median_ms=90.0, p10_ms=10.0, p90_ms=100.0, artifact="fp32", device="a CPU"),
    ratio=0.5,
    ratio_error=0.01,
)
TRIED = Tried(name="x", images=7, sqnr_db=30.0, agreement=0.9, top1_drop=None, bytes=100)
