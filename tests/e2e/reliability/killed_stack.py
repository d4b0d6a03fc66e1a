"""A separate stack, for what one would not do to a stack that others use."""

from collections import Counter
from collections.abc import Callable

from sandbox.tests.harness import Sandbox
from tests.e2e.program.stack import Stack
from tests.e2e.reliability.engine import Engine, lock_files, switches
from tests.e2e.reliability.recovery import Repair, counts, in_kubernetes, recorded, repair

CLUSTER = "killed"
Point = Callable[[Engine], object]
"""Whether the engine has come to a point; asked again and again."""

_ONE_AUTOSCALER = {
    "deployments": 1,
    "service accounts": 1,
    "cluster roles": 1,
    "deployed releases": 1,
    "pending releases": 0,
}


class KilledStack:
    """Network, cluster, two node groups and the autoscaler, next to the shared stack."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.before = Counter[str]()
        """What else existed when it was last down."""
        self.stack = Stack(sandbox, "sandbox", CLUSTER)
        create = {**self.stack.get("cluster")["create"]}
        create["network"] = {"cidr": "10.7.0.0/16", "zones": ["us-east-1a", "us-east-1b"]}
        self.stack.set("cluster", {"name": CLUSTER, "create": create})
        self.emulator = switches(sandbox)
        self.is_up = False

    def kill(self, command: str, point: Point, what: str) -> Repair:
        """Runs a command until a point, kills it and repairs the stack."""
        engine = Engine(self.stack, command)
        try:
            engine.run_until(point, what)
        finally:
            if engine.runs:
                engine.kill()
            self.emulator.clear_faults()
        (lock,) = lock_files(self.stack)
        assert f'"pid":{engine.pid}' in lock.read_text()
        return repair(self.stack, CLUSTER)

    def ensure(self, up: bool) -> None:
        """Brings it up or down, undisturbed; first repairs what a test that failed has left."""
        if lock_files(self.stack):
            repair(self.stack, CLUSTER)
        if not self.is_up:
            self.before = counts(self.stack)  # with whatever else is up by now
        if up and not self.is_up:
            self.stack.up()
        elif self.is_up and not up:
            self.stack.destroy()
        self.is_up = up

    def check_up(self) -> None:
        """Everything exists once, as in the state and in the program."""
        self.is_up = True
        assert counts(self.stack) - self.before == recorded(self.stack)
        assert in_kubernetes(self.stack, CLUSTER) == _ONE_AUTOSCALER
        assert self.stack.planned() == []

    def check_down(self) -> None:
        """Nothing left."""
        self.is_up = False
        assert recorded(self.stack) == Counter()
        assert counts(self.stack) == self.before
