"""The program ``pulumi-language-nodejs``: a stand-in, for the official one is not to be had as a Go module.

It is the sandbox's stand-in for Python but for the command that runs the program, which is the official one of
``@pulumi/pulumi``. So both languages are started alike and their programs can be compared.
"""

import json
import os
import subprocess
from pathlib import Path

import grpc
from pulumi.runtime.proto import language_pb2

from sandbox.language_host import server
from sandbox.language_host.host import LanguageHost

SDK = Path("node_modules", "@pulumi", "pulumi")


class NodeHost(LanguageHost):
    """Runs TypeScript programs."""

    def About(  # noqa: N802 - names of the protocol, here and below
        self, request: language_pb2.AboutRequest, context: grpc.ServicerContext
    ) -> language_pb2.AboutResponse:
        """The Node that would run the program."""
        version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        return language_pb2.AboutResponse(executable="node", version=version)

    def GetProgramDependencies(  # noqa: N802
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """What ``package.json`` asks for."""
        wanted = json.loads(Path(request.info.root_directory, "package.json").read_text())["dependencies"]
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in wanted.items()]
        )

    def _program(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> list[str]:
        flags = {
            "monitor": request.monitor_address,
            "engine": self.engine,
            "organization": request.organization,
            "project": request.project,
            "stack": request.stack,
            "pwd": request.pwd,
            "parallel": str(request.parallel),
        }
        words = [word for flag, value in flags.items() for word in (f"--{flag}", value)]
        runner = Path(request.info.root_directory, SDK, "cmd", "run")
        return ["node", str(runner), *words, *(["--dry-run"] if request.dryRun else []), request.info.entry_point]


if __name__ == "__main__":
    # The official host sets it for each program: compile what is TypeScript.
    os.environ["PULUMI_NODEJS_TYPESCRIPT"] = "true"
    server.main(NodeHost)
