"""A recorded cloud: runs a Pulumi program against mocks and keeps every option of every registration.

Pulumi's own mocks show inputs only; parents, providers, dependencies and ignored changes are what matters here.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pulumi
from pulumi.runtime import mocks, rpc, settings, stack

from components import autoscaler_release, errors
from components.pure import compatibility

# The age of the version tables is reported by the day; a test has no clock.
autoscaler_release.today = lambda: compatibility.READ_ON

ACCOUNT = "123456789012"
REGION = "us-east-1"
CLUSTER = "series-api"
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{CLUSTER}"
ISSUER_PATH = f"oidc.eks.{REGION}.amazonaws.com/id/EXAMPLE"
ISSUER = f"https://{ISSUER_PATH}"
PROVIDER_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER_PATH}"
PROJECT = "eks-cluster-autoscaler"

_REFERENCE = {"4dabf18193072939515e22adb298388d": "5cf8f73096256a8f31e491e813e4eb8e"}
"""Marks a value as a reference to a resource on Pulumi's wire."""


class Registration(NamedTuple):
    """One resource as the program registered it."""

    type: str
    name: str
    urn: str
    parent: str
    provider: str
    inputs: dict[str, Any]
    depends_on: frozenset[str]
    property_dependencies: dict[str, tuple[str, ...]]
    ignore_changes: tuple[str, ...]
    retain_on_delete: bool
    delete_before_replace: bool | None
    """None: not set, the provider decides."""
    replace_on_changes: tuple[str, ...]
    timeouts: dict[str, str]
    protect: bool | None
    """None: not set."""
    import_id: str
    aliases: tuple[str, ...]
    """Former names."""
    custom: bool


class Graph:
    """All registrations of one run, and the outputs of its components and stack."""

    def __init__(self) -> None:
        self.registrations: list[Registration] = []
        self.outputs: dict[str, dict[str, Any]] = {}
        self.invokes: list[tuple[str, dict[str, Any], str]] = []
        self.warnings: list[str] = []

    def of(self, type_: str) -> list[Registration]:
        """Registrations of one type, in order of registration."""
        return [found for found in self.registrations if found.type == type_]

    def one(self, type_: str, name: str | None = None) -> Registration:
        """The only registration of a type (and name)."""
        (found,) = [entry for entry in self.of(type_) if name in (None, entry.name)]
        return found

    def tags(self) -> dict[str, str]:
        """Tags put on Auto Scaling Groups, value by key."""
        found = [entry.inputs["tag"] for entry in self.of("aws:autoscaling/tag:Tag")]
        return {tag["key"]: tag["value"] for tag in found}

    def stack_outputs(self) -> dict[str, Any]:
        """What the program exported."""
        (found,) = [values for urn, values in self.outputs.items() if "::pulumi:pulumi:Stack::" in urn]
        return found

    def reached_from(self, urn: str) -> set[str]:
        """Every URN that must outlive this one: dependencies and parents, all the way."""
        by_urn = {entry.urn: entry for entry in self.registrations}
        seen: set[str] = set()
        left = [urn]
        while left:
            entry = by_urn.get(left.pop())
            for other in {*entry.depends_on, entry.parent} - seen if entry else ():
                seen.add(other)
                left.append(other)
        return seen


class Cloud(mocks.Mocks):
    """Answers as AWS and Kubernetes would; at preview it knows nothing of what is still to be made."""

    def __init__(self, *, preview: bool = False, cluster_version: str = "1.35") -> None:
        self.preview = preview
        self.cluster_version = cluster_version
        self.has_cluster = True
        """Whether the cluster exists, as one does that the program creates from its second preview on."""
        self.cluster_role = f"arn:aws:iam::{ACCOUNT}:role/cluster-eksRole-role-1a2b3c4"
        self.has_oidc_provider = False
        """Whether IAM has a provider for every issuer."""
        self.oidc_audiences = ["sts.amazonaws.com"]
        self.oidc_url = ISSUER_PATH
        self.addons: set[str] = set()
        """Add-ons that every cluster has."""
        self.cluster_urn = ""
        self.other_stack: dict[str, Any] = {"name": CLUSTER}
        """Outputs of the stack that a StackReference reads."""
        self.deployed: dict[str, Any] = {}
        """Outputs of the last update of the stack."""
        self.caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/session"
        self.reverse_dns_prefix = "com.amazonaws"
        self.endpoint_zones = {"eks-auth": [f"{REGION}a"]}
        """Zones of VPC endpoint services, by the end of their name; AWS names none for others."""
        self.endpoints_in: dict[str, str] = {}
        """Prefix of the full name of VPC endpoint services, by the end of their name; others have the common one."""
        self.public_subnets: set[str] = set()
        """Subnets that give public addresses."""
        self.live_groups: dict[str, dict[str, Any]] = {}
        """Answers of getNodeGroup by name, of the groups that getNodeGroups lists."""
        self.live_scaling_groups: dict[str, dict[str, Any]] = {}
        """Answers of getGroup by name, of the Auto Scaling groups that belong to the cluster."""
        self.authentication_mode = "API_AND_CONFIG_MAP"
        self.ip_family = "ipv4"
        self.failures: dict[str, str] = {}
        """What the look-up of a name fails with, by the name."""

    def instance_type(self, name: str) -> Any:
        """What EC2 returns about an instance type."""
        return _instance_type(name)

    def endpoint_service(self, args: Mapping[str, Any]) -> Any:
        """Return what EC2 describes of the one service that has one of the names."""
        names = [args["serviceName"]] if "serviceName" in args else args["filters"][0]["values"]
        region, _, service = names[0].partition(".amazonaws.")[2].partition(".")
        name = f"{self.endpoints_in.get(service, 'com.amazonaws')}.{region}.{service}"
        if name not in names or service.startswith("no-"):
            return {}, [("", "no matching EC2 VPC Endpoint Service found")]
        return {"serviceName": name, "availabilityZones": self.endpoint_zones.get(service)}

    def created_cluster(self, name: str, version: str) -> dict[str, Any]:
        """The outputs of a cluster that pulumi-eks creates."""
        return _created_cluster(name, version)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = dict(args.inputs)
        if args.typ == "eks:index:Cluster":
            return "", {**inputs, "eksCluster": {**_REFERENCE, "urn": self.cluster_urn, "id": args.inputs["name"]}}
        if args.typ == "pulumi:pulumi:StackReference":
            return inputs["name"], {**inputs, "outputs": self.other_stack, "secretOutputNames": []}
        if self.preview:
            return "", inputs
        made = _MADE.get(args.typ, lambda _: {})(args)
        return f"{args.name}-id", {**inputs, **made}

    def call(self, args: mocks.MockCallArgs) -> Any:
        for name, reason in self.failures.items():
            if name in args.args.values():
                return {}, [("", f"reading {args.token} ({name}): {reason}")]
        match args.token:
            case "aws:eks/getCluster:getCluster":
                if not self.has_cluster:
                    return {}, [("", f"reading EKS Cluster ({args.args['name']}): couldn't find resource")]
                found = {**_cluster(args.args["name"], self.cluster_version), "roleArn": self.cluster_role}
                found["accessConfigs"] = [{"authenticationMode": self.authentication_mode}]
                cidr = {"serviceIpv4Cidr": "172.20.0.0/16", "serviceIpv6Cidr": "fd00::/108"}
                return {**found, "kubernetesNetworkConfigs": [{"ipFamily": self.ip_family, **cidr}]}
            case "aws:ssm/getParameter:getParameter":
                return {"name": args.args["name"], "insecureValue": f"ami-of-{args.args['name']}"}
            case "pulumi:pulumi:readStackOutputs":
                return {"name": args.args["name"], "outputs": self.deployed, "secretOutputNames": []}
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"arn": self.caller, "accountId": ACCOUNT}
            case "aws:index/getPartition:getPartition":
                return {"partition": "aws", "reverseDnsPrefix": self.reverse_dns_prefix}
            case "aws:index/getRegion:getRegion":
                return {"region": REGION}
            case "aws:ec2/getVpcEndpointService:getVpcEndpointService":
                return self.endpoint_service(args.args)
            case "aws:ec2/getInstanceType:getInstanceType":
                return self.instance_type(args.args["instanceType"])
            case "aws:eks/getNodeGroups:getNodeGroups":
                return {"clusterName": args.args["clusterName"], "names": list(self.live_groups)}
            case "aws:eks/getNodeGroup:getNodeGroup":
                name = args.args["nodeGroupName"]
                return self.live_groups.get(name, _node_group(name))
            case "aws:autoscaling/getGroup:getGroup":
                name = args.args["name"]
                return self.live_scaling_groups.get(name, {"name": name, "minSize": 1, "maxSize": 9})
            case "aws:autoscaling/getAmiIds:getAmiIds":
                return {"names": list(self.live_scaling_groups)}
            case "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider":
                if not self.has_oidc_provider:
                    return {}, [("", f"finding IAM OIDC Provider by url ({args.args['url']}): not found")]
                return {"arn": PROVIDER_ARN, "url": self.oidc_url, "clientIdLists": self.oidc_audiences}
            case "aws:eks/getAddon:getAddon":
                if (addon := args.args["addonName"]) not in self.addons:
                    return {}, [("", f"reading EKS Add-On ({addon}): couldn't find resource")]
                return {"addonName": addon, "clusterName": args.args["clusterName"]}
            case "aws:eks/getAddonVersion:getAddonVersion":
                version = args.args["kubernetesVersion"].partition(".")[2]
                return {"version": f"v1.{version}.0-eksbuild.1", "addonName": args.args["addonName"]}
            case "aws:ec2/getSubnets:getSubnets":
                asked = {each["name"]: each["values"] for each in args.args["filters"]}
                return {"ids": [each for each in asked["subnet-id"] if each not in self.public_subnets]}
            case "aws:ec2/getRouteTables:getRouteTables":
                return {"ids": ["rtb-main"]}
            case "aws:ec2/getRouteTable:getRouteTable":
                return {"associations": [{"subnetId": "", "main": True}], "routes": [{"gatewayId": ""}]}
            case "aws:ec2/getSubnet:getSubnet":
                return {"id": args.args["id"], "availabilityZone": f"{REGION}{args.args['id'][-1]}"}
        raise AssertionError(f"the program called {args.token}, which this cloud does not know")


def unknown_instance_type(name: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What the provider answers for a type that EC2 does not know.

    ``findInstanceTypes`` in internal/service/ec2/find.go of hashicorp/terraform-provider-aws passes on EC2's error;
    EC2's text is that of scylladb/scylla-cluster-tests 12419.
    """
    reason = f"api error InvalidInstanceType: The following supplied instance types do not exist: [{name}]"
    call = "operation error EC2: DescribeInstanceTypes, https response error StatusCode: 400, RequestID: 1"
    return {}, [("", f"reading EC2 Instance Type: {call}, {reason}")]


def _instance_type(name: str) -> dict[str, Any]:
    """The same size for every type."""
    arm = name.partition(".")[0].endswith("g")
    gpus = [{"manufacturer": "NVIDIA", "count": 1}] if name[0] in "gp" else None
    neurons = [{"name": "Inferentia2", "count": 1}] if name.startswith(("inf", "trn")) else None
    return {
        "supportedArchitectures": ["arm64" if arm else "x86_64"],
        "defaultVcpus": 2,
        "memorySize": 8192,
        "hypervisor": "nitro",
        "maximumNetworkInterfaces": 3,
        "maximumIpv4AddressesPerInterface": 10,
        **({"gpuses": gpus} if gpus else {}),
        **({"neuronDevices": neurons} if neurons else {}),
    }


def _name_references(properties: Any) -> None:
    """Replace references to resources by their URNs: to read one, the SDK would ask for the resource in this thread."""
    for value in properties.fields.values():
        fields = value.struct_value.fields
        if all(fields[key].string_value == mark if key in fields else False for key, mark in _REFERENCE.items()):
            value.string_value = fields["urn"].string_value


class _Kept(logging.Handler):
    """Keeps messages."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


class _Monitor(mocks.MockMonitor):
    """Keeps each request whole."""

    def __init__(self, cloud: Cloud, graph: Graph) -> None:
        super().__init__(cloud)
        self.graph = graph
        self.loop = asyncio.get_event_loop()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 -- Pulumi's name
        _name_references(request.object)
        if request.type == "eks:index:Cluster":
            self._make_cluster(request)
        self._transform(request)
        answer = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            self.graph.registrations.append(
                Registration(
                    type=request.type,
                    name=request.name,
                    urn=answer.urn,
                    parent=request.parent,
                    provider=request.provider or ",".join(sorted(dict(request.providers))),
                    inputs=rpc.deserialize_properties(request.object, keep_unknowns=True),
                    depends_on=frozenset(request.dependencies),
                    property_dependencies={
                        name: tuple(found.urns) for name, found in request.propertyDependencies.items()
                    },
                    ignore_changes=tuple(request.ignoreChanges),
                    retain_on_delete=request.retainOnDelete,
                    delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
                    replace_on_changes=tuple(request.replaceOnChanges),
                    timeouts={field.name: limit for field, limit in request.customTimeouts.ListFields()},
                    protect=request.protect if request.HasField("protect") else None,
                    import_id=request.importId,
                    # The SDK of Kubernetes itself names older API versions of a type.
                    aliases=tuple(a.spec.name or a.urn for a in request.aliases if not a.spec.type),
                    custom=request.custom,
                )
            )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self.graph.outputs[request.urn] = rpc.deserialize_properties(request.outputs, keep_unknowns=True)
        return super().RegisterResourceOutputs(request)

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        if request.tok != "pulumi:pulumi:getResource":
            self.graph.invokes.append((request.tok, rpc.deserialize_properties(request.args), request.provider))
        return super().Invoke(request)

    def _transform(self, request: Any) -> None:
        """Run the transforms of a resource, as the engine does and Pulumi's mocks do not."""
        for transform in mocks._resolve_callbacks(request.transforms):
            opts = pulumi.ResourceOptions(ignore_changes=list(request.ignoreChanges))
            props = rpc.deserialize_properties(request.object, keep_unknowns=True)
            args = pulumi.ResourceTransformArgs(request.custom, request.type, request.name, props, opts)
            # This is a thread of the SDK's own; the program's loop is free meanwhile.
            result = asyncio.run_coroutine_threadsafe(transform(args), self.loop).result(30)
            if result is not None:
                changed = asyncio.run_coroutine_threadsafe(rpc.serialize_properties(result.props, {}), self.loop)
                request.object.CopyFrom(changed.result(30))
                request.ignoreChanges[:] = result.opts.ignore_changes or []
                request.importId = result.opts.import_ or ""

    def _make_cluster(self, request: Any) -> None:
        """pulumi-eks answers with a reference to the cluster that it made."""
        inputs = rpc.deserialize_properties(request.object)
        urn = self.make_urn(request.parent, "aws:eks/cluster:Cluster", f"{request.name}-eksCluster")
        self.mocks.cluster_urn = urn
        # From here on a look-up finds it.
        self.mocks.has_cluster = self.mocks.has_cluster or not self.mocks.preview
        state = {} if self.mocks.preview else self.mocks.created_cluster(inputs["name"], inputs["version"])
        self.resources[urn] = mocks.MockMonitor.ResourceRegistration(urn, inputs["name"], state)


_MADE: dict[str, Callable[[mocks.MockResourceArgs], dict[str, Any]]] = {
    "aws:iam/role:Role": lambda args: {
        "arn": f"arn:aws:iam::{ACCOUNT}:role{args.inputs.get('path', '/')}{args.name}",
        "name": args.name,
    },
    "aws:iam/policy:Policy": lambda args: {
        "arn": f"arn:aws:iam::{ACCOUNT}:policy{args.inputs.get('path', '/')}{args.inputs['name']}"
    },
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": lambda _: {"arn": PROVIDER_ARN},
    "aws:eks/nodeGroup:NodeGroup": lambda args: {
        "nodeGroupName": f"{args.name}-abc1234",
        "resources": [{"autoscalingGroups": [{"name": f"eks-{args.name}-uuid"}]}],
    },
    "aws:iam/instanceProfile:InstanceProfile": lambda args: {
        "arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{args.name}"
    },
    "aws:autoscaling/group:Group": lambda args: {"name": f"{args.name}-abc1234"},
    "aws:ec2/vpc:Vpc": lambda args: (
        {"ipv6CidrBlock": "2001:db8:1234:1a00::/56"} if args.inputs.get("assignGeneratedIpv6CidrBlock") else {}
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": lambda _: {"latestVersion": 1},
    "kubernetes:helm.sh/v3:Release": lambda args: {"status": {"status": "deployed", "name": args.inputs["name"]}},
}


def run(
    program: Callable[[], None],
    cloud: Cloud | None = None,
    config: Mapping[str, object] | None = None,
    stack_name: str = "test",
    graph: Graph | None = None,
) -> Graph:
    """Run a program against the recorded cloud to its end, all registrations landed.

    Args:
        program: The program.
        cloud: The cloud; by default one that has all made.
        config: Config values by key, with the project's name before it.
        stack_name: Name of the stack.
        graph: Filled and returned; given, it holds what a program registered that ended with an error.
    """
    cloud = cloud or Cloud()
    graph = graph or Graph()
    naming = errors.naming
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        logger = logging.Logger("program", logging.WARNING)
        logger.addHandler(_Kept(graph.warnings))
        mocks.set_mocks(
            cloud,
            project=PROJECT,
            stack=stack_name,
            preview=cloud.preview,
            logger=logger,
            monitor=_Monitor(cloud, graph),
        )
        # What an earlier run left behind, failed or not, must not be waited for.
        settings.SETTINGS.rpc_manager.clear()
        settings.SETTINGS.outputs.clear()
        # set_mocks makes a separate stack and ends it at once, before a program could export anything.
        settings.set_root_resource(None)  # type: ignore[arg-type]
        pulumi.runtime.set_all_config({key: _wire(value) for key, value in (config or {}).items()})
        loop.run_until_complete(stack.run_in_stack(program))
    finally:
        pulumi.runtime.set_all_config({})
        # A program has a process to itself, and may set this for it.
        errors.naming = naming
        # What a failed program left waiting would be found, as never awaited, in the middle of another test.
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
        asyncio.set_event_loop(None)
    return graph


def _wire(value: object) -> str:
    """A config value as the engine hands it over."""
    return value if isinstance(value, str) else json.dumps(value)


def _cluster(name: str, version: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}",
        "version": version,
        "endpoint": "https://EXAMPLE.eks.amazonaws.com",
        "identities": [{"oidcs": [{"issuer": ISSUER}]}],
        "certificateAuthorities": [{"data": "Q0E="}],
        "vpcConfig": {
            "subnetIds": ["subnet-0000000a", "subnet-0000000b"],
            "vpcId": "vpc-1",
            "clusterSecurityGroupId": "sg-cluster",
        },
    }


def _created_cluster(name: str, version: str) -> dict[str, Any]:
    """The same cluster as a resource, whose properties pulumi-aws spells in its own way."""
    found = _cluster(name, version)
    return {**found, "certificateAuthority": found["certificateAuthorities"][0]}


def _node_group(name: str) -> dict[str, Any]:
    return {
        "nodeGroupName": name,
        "nodeRoleArn": f"arn:aws:iam::{ACCOUNT}:role/eksctl/{name}-NodeInstanceRole",
        "resources": [{"autoscalingGroups": [{"name": f"eks-{name}-uuid"}]}],
        "scalingConfigs": [{"minSize": 1, "maxSize": 5, "desiredSize": 2}],
    }
