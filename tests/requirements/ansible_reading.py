"""Read requirements files as ansible-galaxy does, and write what it makes of each as a line of JSON.

A program of its own, since Ansible keeps its configuration in its modules. What the resolver would stumble over at
once, such as a version that is no text, counts as not read, and a source that it would not look at as none.
"""

import json
import sys

from ansible.cli.galaxy import GalaxyCLI  # type: ignore[import-untyped]
from ansible.galaxy import Galaxy  # type: ignore[import-untyped]
from ansible.galaxy.api import GalaxyAPI  # type: ignore[import-untyped]
from ansible.galaxy.dependency_resolution.versioning import meets_requirements  # type: ignore[import-untyped]


class Disk:
    """What looks into artifacts and checks signatures, which no file here makes it do."""

    keyring = "/nowhere"


def main(server: str, *files: str) -> None:
    cli = GalaxyCLI(["ansible-galaxy", "collection", "install", "-r", "requirements.yml"])
    cli.parse()
    cli.galaxy = Galaxy()
    name, url = server.split("=")
    cli.api_servers = [GalaxyAPI(cli.galaxy, name, url)]
    for file in files:
        sys.stdout.write(f"{json.dumps(read(cli, file))}\n")


def read(cli: GalaxyCLI, file: str) -> object:
    try:
        found = cli._parse_requirements_file(file, allow_old_format=False, artifacts_manager=Disk())["collections"]
        for each in found:
            meets_requirements("1.0.0", each.ver)
            _ = each.is_pinned
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return [
        [each.fqcn, each.ver, getattr(each.src, "api_server", None), sorted(each.signature_sources or ())]
        for each in found
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
