"""All providers of this process by name, each guarded."""

from collections.abc import Iterable, Iterator

from kassa.providers.base import Provider, ProviderError
from kassa.providers.guarded import Guarded


class Providers:
    """The providers, by name."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._by_name = {one.name: Guarded(one) for one in providers}

    def __getitem__(self, name: str) -> Guarded:
        """The provider; raises PROVIDER_NOT_CONFIGURED when there is none of that name."""
        found = self._by_name.get(name)
        if found is None:
            raise ProviderError("PROVIDER_NOT_CONFIGURED", name, description=f"There is no provider {name[:40]!r}")
        return found

    def __iter__(self) -> Iterator[Guarded]:
        return iter(self._by_name.values())
