"""The calls of the engine that this stand-in answers; gRPC answers the others with UNIMPLEMENTED and their name."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from .children import Children
from .installation import InstallationFailed, installed
from .interpreter import UnsupportedOption, python_for, version_of
from .policy_proxy import PolicyProxy

FOLDER = Path(sys.argv[0]).resolve().parent
"""The folder of this program and of those that come with it."""

ALREADY_REPORTED = 32
"""Exit code of a program that has shown its error to the engine itself."""

_LIST_PACKAGES = """
import importlib.metadata, json
print(json.dumps(sorted({d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}.items())))
"""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs, plugins and policy packs for one engine.

    Args:
        engine: Address of the engine; programs report to it. A long-lived host learns it by ``Handshake``.
    """

    def __init__(self, engine: str = "") -> None:
        self.engine = engine
        self.children = Children()

    def Handshake(  # noqa: N802 - names of the protocol, here and below
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Learns the engine's address."""
        self.engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """The version of the Pulumi SDK that this host runs on."""
        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def GetRequiredPackages(  # noqa: N802
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """None: what is named here the CLI would download, even a provider that is attached already."""
        return language_pb2.GetRequiredPackagesResponse()

    def About(  # noqa: N802
        self, request: language_pb2.AboutRequest, context: grpc.ServicerContext
    ) -> language_pb2.AboutResponse:
        """The interpreter that would run the program."""
        python = _python(request.info, context)
        return language_pb2.AboutResponse(executable=python, version=version_of(python))

    def GetProgramDependencies(  # noqa: N802
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Everything that is installed for the program's interpreter."""
        command = [_python(request.info, context), "-c", _LIST_PACKAGES]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=v) for name, v in json.loads(answer.stdout)]
        )

    def InstallDependencies(  # noqa: N802
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Make the virtual environment of a plugin and install its requirements, once; nothing for programs.

        As ``InstallDependencies`` in ``sdk/python/toolchain/pip.go`` does for both, at each call and after an upgrade
        of pip. In the sandbox, programs use the Python that exists.
        """
        try:
            for line in installed(request) if request.is_plugin else ():
                yield language_pb2.InstallDependenciesResponse(stdout=line.encode())
        except (InstallationFailed, UnsupportedOption) as error:
            refuse(context, str(error))

    def GeneratePackage(  # noqa: N802
        self, request: language_pb2.GeneratePackageRequest, context: grpc.ServicerContext
    ) -> language_pb2.GeneratePackageResponse:
        """Writes the Python SDK of a package, by Pulumi's own code generator in the program next to this one."""
        generator = FOLDER / "pulumi-python-sdkgen"
        with tempfile.NamedTemporaryFile("w", suffix=".json") as schema:
            schema.write(request.schema)
            schema.flush()
            command = [str(generator), schema.name, request.directory, request.loader_target]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            context.abort(grpc.StatusCode.INTERNAL, f"{generator.name}: {result.stderr.strip()}")
        return language_pb2.GeneratePackageResponse()

    def Link(  # noqa: N802
        self, request: language_pb2.LinkRequest, context: grpc.ServicerContext
    ) -> language_pb2.LinkResponse:
        """Adds generated SDKs to the program's ``requirements.txt`` and returns how to import them."""
        requirements = Path(request.info.root_directory, "requirements.txt")
        lines = requirements.read_text().splitlines() if requirements.exists() else []
        lines += [linked.path for linked in request.packages if linked.path not in lines]
        requirements.write_text("\n".join(lines) + "\n")
        names = [linked.package.name.replace("-", "_") for linked in request.packages]
        imports = "".join(f"  import pulumi_{name} as {name}\n" for name in names)
        return language_pb2.LinkResponse(
            import_instructions=f"You can import the SDK in your Python code with:\n\n{imports}"
        )

    def Run(  # noqa: N802
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        """Runs a program to its end, by the official ``pulumi-language-python-exec``."""
        if request.attach_debugger:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "The sandbox's Python language host attaches no debugger.")
        environment = os.environ | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        child = self.children.start(context, self._program(request, context), environment=environment)
        code = self.children.wait(child)
        if code in (0, ALREADY_REPORTED):
            return language_pb2.RunResponse(bail=code == ALREADY_REPORTED)
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")

    def RunPlugin(  # noqa: N802
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Runs a plugin, passing its output on; the first line of that is the port on which it listens."""
        python = _python(request.info, context)
        folder: str = request.info.program_directory
        environment = dict(entry.split("=", 1) for entry in request.env)
        if request.kind == "analyzer":
            proxy = PolicyProxy()
            yield language_pb2.RunPluginResponse(stdout=b"%d\n" % proxy.port)
            command = [python, "-u", "-m", "pulumi.policy", *request.args, folder]
            yield from self._pass_on(context, command, environment | proxy.environment(), folder, proxy)
        else:
            yield from self._pass_on(context, [python, "-u", folder, *request.args], environment, request.pwd, None)

    def Cancel(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Ends what runs."""
        self.children.terminate()
        return empty_pb2.Empty()

    def _program(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> list[str]:
        """The command line that runs a program."""
        flags = {
            "monitor": request.monitor_address,
            "engine": self.engine,
            "project": request.project,
            "root_directory": request.info.root_directory,
            "stack": request.stack,
            "pwd": request.pwd,
            "dry_run": str(request.dryRun).lower(),
            "parallel": str(request.parallel),
            "organization": request.organization,
        }
        arguments = [word for flag, value in flags.items() if value for word in (f"--{flag}", value)]
        runner = str(FOLDER / "pulumi-language-python-exec")
        return [_python(request.info, context), "-u", runner, *arguments, request.info.entry_point, *request.args]

    def _pass_on(
        self,
        context: grpc.ServicerContext,
        command: list[str],
        environment: Mapping[str, str],
        folder: str,
        proxy: PolicyProxy | None,
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Runs ``command`` and yields what it prints, then its exit code."""
        child = self.children.start(context, command, environment=environment, folder=folder, piped=True)
        output: queue.Queue[language_pb2.RunPluginResponse | None] = queue.Queue()

        def read_stdout() -> None:
            assert child.stdout
            if proxy:
                first = child.stdout.readline()
                if first.strip().isdigit():
                    proxy.attach(int(first))
                else:
                    output.put(language_pb2.RunPluginResponse(stdout=first))
            while chunk := child.stdout.read(65536):
                output.put(language_pb2.RunPluginResponse(stdout=chunk))
            output.put(None)

        def read_stderr() -> None:
            assert child.stderr
            while chunk := child.stderr.read(65536):
                output.put(language_pb2.RunPluginResponse(stderr=chunk))
            output.put(None)

        readers = (read_stdout, read_stderr)
        for reader in readers:
            threading.Thread(target=reader, daemon=True).start()
        for _ in readers:
            while (message := output.get()) is not None:
                yield message
        code = self.children.wait(child)
        if proxy:
            proxy.give_up(f"The policy pack in {folder} ended with exit code {code} before it could judge.")
        yield language_pb2.RunPluginResponse(exitcode=code)


def _python(info: language_pb2.ProgramInfo, context: grpc.ServicerContext) -> str:
    """The interpreter for ``info``, or the end of the call with the reason."""
    try:
        return python_for(info)
    except UnsupportedOption as error:
        refuse(context, str(error))


def refuse(context: grpc.ServicerContext, reason: str) -> NoReturn:
    """Ends the call; the CLI shows ``reason``."""
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)
    raise AssertionError("abort raises")
