"""What a training runs on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Machine:
    """A device, and threads; their number decides the order of sums, and so the last bits."""

    threads: int = 1
    device: str = "cpu"

    @classmethod
    def here(cls, threads: int) -> "Machine":
        """The GPU if there is one that CUDA drives, and else so many threads of the CPU."""
        return cls(threads, "cuda" if torch.cuda.is_available() else "cpu")

    @property
    def half(self) -> torch.dtype | None:
        """What products are computed in: on a GPU bfloat16, or float16 on older ones; None for float32."""
        if self.device != "cuda":
            return None
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16

    @property
    def workers(self) -> int:
        """Processes that decode images; on a CPU half as many as threads, for the training needs these."""
        return self.threads if self.device == "cuda" else self.threads // 2

    @property
    def pins_memory(self) -> bool:
        """Whether batches are put where a GPU can fetch them by itself."""
        return self.device == "cuda"

    def autocast(self) -> torch.autocast:
        """Products in `half` inside of the block, if there is one."""
        return torch.autocast(self.device, self.half, enabled=self.half is not None)

    @contextmanager
    def deterministic(self) -> Iterator[None]:
        """The machine's threads, and deterministic kernels on a CPU; all as it was behind the block."""
        threads, before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
        torch.set_num_threads(self.threads)
        # CUDA has no deterministic form of some gradients, and needs an environment variable for others
        torch.use_deterministic_algorithms(self.device == "cpu")
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
            torch.set_num_threads(threads)
