"""A provider that does nothing: what is left is the engine, its state, and the start of two Python processes."""

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

PARTS = ("organizationId", "quarter", "settings")


class NothingProvider(ResourceProvider):
    """Answer at once."""

    serialize_as_secret_always = False

    def diff(self, _id, _olds, _news):
        changed = [name for name in PARTS if _olds.get(name) != _news.get(name)]
        replaces = [name for name in changed if name != "settings"]
        return DiffResult(changes=bool(changed), replaces=replaces, delete_before_replace=False)

    def create(self, props):
        return CreateResult(f"{props['organizationId']}/{props['label']}", props)

    def read(self, id_, props):
        return ReadResult(id_, props)

    def update(self, _id, _olds, _news):
        return UpdateResult(_news)

    def delete(self, _id, _props):
        pass
