"""The real engine on the provider: what a user sees of objects and releases."""

import subprocess

import pytest

from sandbox.tests.providers.program import Program

SOURCE = """
import pulumi
import pulumi_kubernetes as k8s

config = pulumi.Config()
provider = k8s.Provider("cluster", kubeconfig=open({kubeconfig!r}).read())
opts = pulumi.ResourceOptions(provider=provider)
namespace = k8s.core.v1.Namespace("ns", metadata={{"name": {namespace!r}}}, opts=opts)
settings = k8s.core.v1.ConfigMap(
    "settings", metadata={{"namespace": namespace.metadata.name}}, data={{"colour": "red"}}, opts=opts
)
release = k8s.helm.v3.Release(
    "app",
    name="app",
    chart={chart!r},
    namespace=namespace.metadata.name,
    values={{
        "annotations": {{"role": "arn", "settings": settings.metadata.name}},
        "limits": {{"memory": None}},
        "password": pulumi.Output.secret("hush-hush"),
    }},
    opts=opts,
)
pulumi.export("settings", settings.metadata.name)
pulumi.export("status", release.status.status)
pulumi.export("revision", release.status.revision)
pulumi.export("names", release.resource_names)
"""


@pytest.fixture
def program(sandbox, tools, tmp_path, port):
    return Program(sandbox.layout, tmp_path / "program", {"kubernetes": port})


def test_a_program_comes_up_stays_as_it_is_is_repaired_and_goes(program, cluster, chart):
    name = "the-engine"
    program.write(SOURCE.format(kubeconfig=str(cluster.kubeconfig), namespace=name, chart=chart))
    planned = program.run("preview", "--diff")
    assert "+ kubernetes:helm.sh/v3:Release: (create)" in planned
    program.up()
    outputs = program.outputs()
    assert outputs["settings"].startswith("settings-")
    assert outputs["status"] == "deployed"
    assert outputs["revision"] == 1
    assert outputs["names"]["Deployment.apps/apps/v1"] == [f"{name}/app"]
    assert cluster.get("cm", "app", "-n", name)["data"]["limits"] == '{"cpu":"1000m"}'
    assert "hush-hush" not in program.run("stack", "export")

    program.run("preview", "--diff", "--expect-no-changes")
    program.run("refresh", "--yes", "--expect-no-changes")

    cluster.kubectl("annotate", "sa", "app", "-n", name, "role-")
    seen = program.run("refresh", "--yes", "--diff")
    assert "ServiceAccount app" in seen
    assert "is missing, should be 'arn'" in seen
    planned = program.run("preview", "--diff")
    assert "~ kubernetes:helm.sh/v3:Release: (update)" in planned
    assert "drift" in planned
    program.up()
    assert cluster.get("sa", "app", "-n", name)["metadata"]["annotations"]["role"] == "arn"
    assert program.outputs()["revision"] == 2
    program.run("refresh", "--yes", "--expect-no-changes")
    program.run("preview", "--expect-no-changes")

    program.run("destroy", "--yes", "--skip-preview")
    assert not cluster.exists("namespace", name)


def test_a_kubeconfig_that_only_the_update_will_know_lets_the_preview_plan(program, cluster, chart):
    program.write(
        f"""
import pulumi
import pulumi_kubernetes as k8s

kubeconfig = open({str(cluster.kubeconfig)!r}).read()
first = k8s.Provider("first", kubeconfig=kubeconfig)
made = k8s.core.v1.ConfigMap("made", opts=pulumi.ResourceOptions(provider=first))
second = k8s.Provider("second", kubeconfig=made.metadata.uid.apply(lambda uid: kubeconfig + "# " + uid))
opts = pulumi.ResourceOptions(provider=second)
k8s.core.v1.Secret("key", string_data={{"a": "1"}}, opts=opts)
k8s.helm.v3.Release("late", chart={chart!r}, values={{"replicas": 0}}, opts=opts)
"""
    )
    assert "Release: (create)" in program.run("preview", "--diff")
    program.up()
    assert program.resources()["late"]["outputs"]["status"]["status"] == "deployed"
    program.run("preview", "--expect-no-changes")
    program.run("destroy", "--yes", "--skip-preview")


def test_a_wrong_property_and_a_wrong_setting_stop_the_preview_by_name(program, cluster, chart):
    program.write(
        f"""
import pulumi
import pulumi_kubernetes as k8s

opts = pulumi.ResourceOptions(provider=k8s.Provider("cluster", kubeconfig={str(cluster.kubeconfig)!r}))
k8s.helm.v3.Release("app", chart={chart!r}, lint=True, value_yaml_files=[pulumi.StringAsset("a: 1")], opts=opts)
"""
    )
    said = program.run("preview", fails=True)
    assert "does not do `lint` of a Release" in said
    assert "does not do `valueYamlFiles` of a Release" in said
    assert "Traceback" not in said
    program.write("import pulumi_kubernetes as k8s\nk8s.Provider('other', render_yaml_to_directory='out')\n")
    assert "does not do `renderYamlToDirectory`" in program.run("preview", fails=True)


def test_a_release_made_by_hand_is_taken_over_by_import(program, cluster, chart, namespace):
    program.write(
        f"""
import pulumi
import pulumi_kubernetes as k8s

opts = pulumi.ResourceOptions(provider=k8s.Provider("cluster", kubeconfig={str(cluster.kubeconfig)!r}))
k8s.helm.v3.Release(
    "app", name="app", chart={chart!r}, namespace={namespace!r}, values={{"password": "mine"}}, opts=opts
)
"""
    )
    helm = program.layout.bin / "helm"
    place = ["--kubeconfig", str(cluster.kubeconfig), "-n", namespace]
    subprocess.run([helm, "install", "app", chart, *place], check=True, capture_output=True)
    assert f"there already is a Helm release {namespace}/app" in program.up(fails=True)
    token, provider = "kubernetes:helm.sh/v3:Release", program.resources()["cluster"]
    parent = f"cluster={provider['urn']}"
    arguments = ("--yes", "--generate-code=false", "--protect=false", "--provider", parent)
    program.run("import", token, "app", f"{namespace}/app", *arguments)
    assert "~ kubernetes:helm.sh/v3:Release: (update)" in program.run("preview", "--diff")
    program.up()
    outputs = program.resources()["app"]["outputs"]
    assert outputs["status"]["revision"] == 2
    assert outputs["values"] == {"password": "mine"}
    program.run("preview", "--expect-no-changes")
    program.run("destroy", "--yes", "--skip-preview")
