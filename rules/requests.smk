"""What jobs ask for, and what local ones may take together: memory by the size of what they read."""

from zoo.jobs.usage import MACHINE_MB, request


def by_size(base, factor, thread=(0, 0)):
    """A request in MB by the largest file read, see `zoo.jobs.usage.request`; thread: what each takes more."""
    return lambda wc, input, threads, attempt: request(
        base + threads * thread[0],
        factor + threads * thread[1],
        input,
        attempt,
        stored_sizes,
    )


grown = lambda base: lambda wc, attempt: request(base, 0, [], attempt)


def weights_memory(wc, attempt):
    """The same for jobs that read no input: by the file that an entry names, or by what they made before."""
    source = paths.source_file(ZOO.models[wc.model])
    return request(1900, 1.7, [source], attempt)


# Local jobs side by side ask for no more memory than the machine has, whatever --cores is, and for one GPU and one
# board; a single job that asks for more memory is granted all of it. --resources says otherwise.
for name, limit in {"mem_mb": MACHINE_MB, "gpu": 1, "board": 1}.items():
    if not workflow.resource_settings.nodes and name not in workflow.global_resources:
        workflow.register_resource(name, limit)
