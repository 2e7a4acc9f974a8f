"""A house for the length of one command: PostgreSQL, broker, sandbox Stripe and API in a folder of their
own, all of it gone when the command has ended.

`python -m payments.local.passing_house COMMAND …` runs the command with the house's settings in its
environment. `almoner simulate` lives a year in one.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from payments.local import demo, services
from payments.local.supervisor import ChildFailed, Supervisor


def main(arguments: list[str] | None = None) -> int:
    """The command's own exit code, or 1 when the house could not be built."""
    parser = argparse.ArgumentParser(prog="python -m payments.local.passing_house", description=__doc__)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    command = parser.parse_args(arguments).command
    try:
        return run(command)
    except KeyboardInterrupt:
        return 130
    except (demo.DemoRefused, ChildFailed, services.LocalServerFailed) as failure:
        print(failure, file=sys.stderr)  # noqa: T201
        return 1


def run(command: Sequence[str]) -> int:
    """Build the house, run the command in it, take the house down."""
    folder = services.private_folder(services.data_folder("simulation") / str(os.getpid()))
    with ExitStack() as house:
        house.callback(shutil.rmtree, folder, ignore_errors=True)
        house.callback(services.wait_until_stopped, folder)
        server = house.enter_context(services.postgres(folder))
        broker = house.enter_context(services.valkey(folder))
        for name in [name for name in os.environ if name.startswith("STRIPE_")]:
            del os.environ[name]  # a real key in the caller's shell has no business here
        ports = demo.Ports(*demo.some_free_ports(4))
        environment = demo.environment_in(folder, server=server, broker=broker, ports=ports)
        environment |= {"LOG_LEVEL": "warning"}
        supervisor = house.enter_context(Supervisor(folder))
        demo.prepare_database(supervisor, server, environment)
        os.chdir(services.CHECKOUT)  # where the packages are; every child inherits it
        supervisor.start(demo.stripe_child(folder, environment, ports, *_IN_A_HURRY))
        supervisor.start(demo.api_child(environment, ports))
        demo.wait_for_stripe_and_api(supervisor, environment)
        return _run_in(supervisor, command, environment)


_IN_A_HURRY = ("--data", ":memory:", "--in-flight", "32")


def _run_in(supervisor: Supervisor, command: Sequence[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(list(command), env={**os.environ, **environment}) as running:  # noqa: S603 - ours
        try:
            supervisor.run(until=lambda: running.poll() is not None)
        finally:
            if running.poll() is None:
                running.terminate()
        return running.wait()


if __name__ == "__main__":
    sys.exit(main())
