"""Results in storage that speaks S3 (profiles/s3, see docs/s3.md): one build at a time, which knows what those before
it did, wherever they ran. Where results are a folder of this machine nothing of it is done.
"""

from zoo.storage import build as stored_build
from zoo.storage.bucket import Bucket

PROVIDER = workflow.storage_registry.default_storage_provider


def own_files(*paths):
    """Files that are the user's, or kept with the code: they are here, not in storage."""
    return [local(str(path)) for path in paths if path]


def here(file):
    """A file that a function of inputs reads: Snakemake fetches it if need be."""
    with file.open():
        return file


def is_there(path):
    """Whether a file below results/ was made, here or where results are."""
    return path in stored_names or Path(path).is_file()


def only_looks():
    """Whether nothing is built: then nobody is kept from building."""
    return TYPED.dryrun or stored_build.LOOKS.intersection(sys.argv)


def end_storing():
    """Send what the next build must know, or fail in a sentence: then this one did not end well."""
    with in_a_sentence(about=""):
        storing and storing.end()


def plan_with(known):
    """One look at all that is stored, in the place of one for each file."""

    async def inventory(self, cache):
        parent = self.get_inventory_parent()
        cache.exists_in_storage.has_inventory.add(parent)
        for path, (changed, size) in known.items():
            cache.mtime[path] = Mtime(storage=changed)
            cache.size[path] = size
            cache.exists_in_storage[path] = True

    PROVIDER.get_storage_object_cls().inventory = inventory


storing, stored_names, stored_sizes = None, frozenset(), {}
if PROVIDER is not None:
    from snakemake_interface_storage_plugins.io import Mtime

    with in_a_sentence(about=""):
        url = workflow.storage_settings.default_storage_prefix
        place = Path(PROVIDER.object(url).local_path())
        bucket = Bucket(PROVIDER.s3c.meta.client, url)
        if "--unlock" in sys.argv:
            stored_build.unlock(bucket)
        elif workflow.is_main_process and not changes.builds_nothing(sys.argv):
            storing = stored_build.Build(bucket, paths.RESULTS, place)
            stored = storing.look() if only_looks() else storing.begin()
            stored_names = frozenset(each.name for each in stored)
            known = stored_build.times(stored, place)
            stored_sizes = {path: size for path, (_, size) in known.items()}
            plan_with(known)
        elif workflow.remote_exec and not workflow.storage_settings.shared_fs_usage:
            stored_build.take_part(bucket, paths.RESULTS, place)
    if SENDS:  # for pods, which have nothing of the environment of the build
        workflow.register_envvars("NCNN_ZOO_TOOLS", TARGETS)
