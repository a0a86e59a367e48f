"""The keeper of the World: every change is checked, written down, made, and told to those who listen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgesim.errors import ConfigError, ControlError
from edgesim.world.changes import apply
from edgesim.world.commands import Command, Configure
from edgesim.world.loading import ConfigErrors
from edgesim.world.log import CommandLog
from edgesim.world.state import World

Listener = Callable[[World, Command], None]


class WorldKeeper:
    """Holds the World and is the one place where it changes. Get it from ``WorldKeeper.open``."""

    def __init__(self, log: CommandLog | None, world: World, sequence: int = 0) -> None:
        self.log = log
        self.world = world
        self.sequence = sequence
        self._listeners: list[Listener] = []
        self._unlogged: list[Command] = []

    @classmethod
    def open(cls, log: CommandLog | None, configure: Configure | None = None) -> WorldKeeper:
        """The World a log leads to, and then the world file's, if it is new or has changed since.

        Without a log nothing is kept. Raises ``ConfigError`` for a log that cannot be replayed.
        """
        world, sequence, last = World(), 0, None
        for sequence, command in log.read() if log else ():
            try:
                world = apply(world, command)
            except (ControlError, ConfigErrors) as error:
                hint = "It was written by another edgesim; move it away to begin with a new one"
                raise ConfigError(
                    str(log and log.path), "", f"command {sequence}: {error}", "one that applies", hint
                ) from None
            last = command if isinstance(command, Configure) else last
        keeper = cls(log, world, sequence)
        if configure and (last is None or (last.source, last.document) != (configure.source, configure.document)):
            keeper.apply(configure)
        return keeper

    def apply(self, command: Command) -> World:
        """The World after a command, which is on disk by then.

        Raises ``ControlError`` or ``ConfigErrors`` when it is refused; then nothing has changed.
        """
        after = apply(self.world, command)
        if after is self.world:
            return after
        if self.log:
            self.sequence = self.log.append(command)
        else:
            self._unlogged.append(command)
            self.sequence += 1
        self.world = after
        for listener in tuple(self._listeners):
            listener(after, command)
        return after

    def commands(self, since: int = 0) -> Iterator[tuple[int, Command]]:
        """The commands after a sequence number, in order, for other processes to follow; kept on disk or not."""
        if self.log:
            return self.log.read(since)
        return enumerate(self._unlogged[since:], since + 1)

    def install(self, world: World, sequence: int, command: Command) -> None:
        """Take over a World that was made elsewhere; listeners hear of ``command`` as what made it."""
        self.world, self.sequence = world, sequence
        for listener in tuple(self._listeners):
            listener(world, command)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener(world, command)`` after each change, in order; the result ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
