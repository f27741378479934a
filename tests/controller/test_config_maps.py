"""What is known of ConfigMaps is what was told last, whichever way it came, and of those that are named alone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from collectionsync.controller import config_maps as module
from collectionsync.controller.cache import Cache
from collectionsync.controller.cluster import Cluster, ClusterError, ExpiredError, ForbiddenError, Told
from collectionsync.controller.config_maps import ConfigMaps, watch
from collectionsync.controller.watched import Identity
from controller import samples
from syncing import until

NAMING = samples.resource(collections=None, requirementsFrom={"configMapKeyRef": {"name": "wanted"}})


def config_map(version: int, *, name: str = "wanted", uid: str = "1") -> Identity:
    return Identity(name=name, namespace="mirrors", uid=uid, resource_version=str(version))


class Server:
    """Has one ConfigMap, or none; `meanwhile` happens while it is asked. Watches end as the test says, in order."""

    def __init__(self, found: Identity | None = None) -> None:
        self.found = found
        self.asked = 0
        self.begun: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.listens: Callable[[Told], Awaitable[str]] | None = None

    async def config_map(self, namespace: str, name: str) -> Identity | None:
        self.asked += 1
        found = self.found
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return found

    async def config_maps_version(self, namespace: str | None) -> str:
        return "100"

    async def watch_config_maps(self, namespace: str | None, since: str, told: Told) -> str:
        self.begun.append(since)
        assert self.listens is not None
        return await self.listens(told)


def knowing(server: Server) -> ConfigMaps:
    return ConfigMaps(cast("Cluster", server))


async def test_a_spec_that_says_itself_what_it_asks_for_is_not_asked_about() -> None:
    server = Server(config_map(5))
    maps = knowing(server)
    assert await maps.digest(samples.resource()) == ""
    assert server.asked == 0
    assert not maps.named.is_set()


async def test_the_digest_is_another_for_each_version_and_for_another_config_map_of_the_name() -> None:
    found = [config_map(5), config_map(6), config_map(6, uid="2")]
    assert len({await knowing(Server(each)).digest(NAMING) for each in found}) == 3


async def test_there_is_no_digest_of_what_is_missing_until_it_is_there() -> None:
    maps = knowing(Server(None))
    assert await maps.digest(NAMING) == ""
    assert maps.saw(config_map(5), deleted=False)
    assert await maps.digest(NAMING) != ""


async def test_what_nobody_names_is_not_kept() -> None:
    maps = knowing(Server(config_map(5)))
    await maps.digest(NAMING)
    assert not maps.saw(config_map(6, name="other"), deleted=False)
    assert list(maps._known) == ["mirrors/wanted"]


async def test_an_older_word_changes_nothing() -> None:
    maps = knowing(Server(config_map(5)))
    before = await maps.digest(NAMING)
    maps.saw(config_map(4), deleted=True)
    assert await maps.digest(NAMING) == before
    maps.saw(config_map(6), deleted=True)
    assert await maps.digest(NAMING) == ""


@pytest.mark.parametrize("before", [None, config_map(5)], ids=["missing", "there"])
async def test_what_a_watch_tells_while_the_api_server_is_asked_is_newer_than_its_answer(
    before: Identity | None,
) -> None:
    server = Server(before)
    maps = knowing(server)

    def tell() -> None:
        maps.saw(config_map(9), deleted=False)

    server.meanwhile = tell
    assert await maps.digest(NAMING) == await knowing(Server(config_map(9))).digest(NAMING)


async def test_an_answer_that_was_asked_for_before_all_was_forgotten_is_asked_for_again() -> None:
    server = Server(config_map(5))
    maps = knowing(server)

    def change() -> None:
        server.found = config_map(7)
        maps.forget()

    server.meanwhile = change
    assert await maps.digest(NAMING) == await knowing(Server(config_map(7))).digest(NAMING)
    assert server.asked == 2


async def test_an_error_leaves_nothing_behind() -> None:
    server = Server(config_map(5))
    maps = knowing(server)

    def fail() -> None:
        raise ClusterError("503")

    server.meanwhile = fail
    with pytest.raises(ClusterError):
        await maps.digest(NAMING)
    assert await maps.digest(NAMING) != ""


async def test_what_may_not_be_looked_at_has_no_digest() -> None:
    server = Server(config_map(5))

    def refuse() -> None:
        raise ForbiddenError("403")

    server.meanwhile = refuse
    assert await knowing(server).digest(NAMING) == ""


# The watch


class Watched:
    """A watch in the background; `looked_at` are the keys that it had looked at."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.maps = knowing(server)
        self.cache = Cache()
        self.cache.saw_resource(samples.body(collections=None, requirementsFrom=NAMING_BODY))
        self.cache.saw_resource(samples.body(metadata={"name": "other", "uid": "other"}))
        self.looked_at: list[str] = []

    async def __aenter__(self) -> "Watched":
        watching = watch(cast("Cluster", self.server), self.maps, self.cache, None, self._enqueue)
        self.task = asyncio.create_task(watching)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def _enqueue(self, *keys: str) -> None:
        self.looked_at += keys


NAMING_BODY = {"configMapKeyRef": {"name": "wanted"}}


def in_turn(*turns: Identity | Exception) -> Callable[[Told], Awaitable[str]]:
    """Watches that tell of a change and end, or fail, one after the other; the last goes on for ever."""
    left = list(turns)

    async def listen(told: Told) -> str:
        if not left:
            await asyncio.Event().wait()
        turn = left.pop(0)
        if isinstance(turn, Exception):
            raise turn
        told(turn, False)
        return turn.resource_version

    return listen


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.001)


async def test_nothing_is_watched_until_a_resource_names_a_config_map() -> None:
    server = Server(config_map(5))
    server.listens = in_turn()
    async with Watched(server) as watched:
        for _ in range(10):
            await asyncio.sleep(0)
        assert server.begun == []
        await watched.maps.digest(NAMING)
        await until(lambda: server.begun == ["100"], "the watch")


async def test_a_change_has_those_looked_at_that_name_the_config_map() -> None:
    server = Server(config_map(5))
    changed = asyncio.Event()

    async def listen(told: Told) -> str:
        await changed.wait()
        changed.clear()
        told(config_map(101), False)
        told(config_map(102, name="other"), False)
        return "102"

    server.listens = listen
    async with Watched(server) as watched:
        await watched.maps.digest(NAMING)
        await until(lambda: server.begun == ["100"], "the watch")
        before = await watched.maps.digest(NAMING)
        watched.looked_at.clear()
        changed.set()
        await until(lambda: server.begun == ["100", "102"], "a watch from where the first one ended")
        assert watched.looked_at == ["mirrors/community"]
        assert await watched.maps.digest(NAMING) != before


@pytest.mark.parametrize("error", [ExpiredError("410"), ClusterError("503"), ForbiddenError("403")], ids=repr)
async def test_after_a_watch_that_broke_everything_is_looked_at_again(error: Exception) -> None:
    server = Server(config_map(5))
    server.listens = in_turn(config_map(101), error)
    async with Watched(server) as watched:
        await watched.maps.digest(NAMING)
        await until(lambda: server.begun == ["100", "101", "100"], "a watch from the beginning")
        assert watched.looked_at[-1] == "mirrors/community"
        assert watched.maps._known == {}
