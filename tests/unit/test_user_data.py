"""User data of nodes: its form for each operating system, and the number of pods in it."""

import email
import tomllib

import pytest
import yaml

from components.pure import bootstrap, user_data

AL2023, BOTTLEROCKET, WINDOWS = "AL2023_x86_64_STANDARD", "BOTTLEROCKET_x86_64", "WINDOWS_CORE_2022_x86_64"
SCRIPT = "#!/bin/bash\necho hello\n"
NODE_CONFIG = "---\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet: {}\n"
HEAD = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="B"\n\n'
MIME = f"{HEAD}--B\nContent-Type: text/x-shellscript\n\n{SCRIPT}\n--B--\n"
TOML = "[settings.kernel]\nlockdown = 'integrity'\n"
POWERSHELL = "<powershell>\nWrite-Host hello\n</powershell>\n"


def parts(text):
    message = email.message_from_string(text)
    return [(part.get_content_type(), part.get_payload()) for part in message.get_payload()]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (SCRIPT, "text/x-shellscript"),
        (NODE_CONFIG, "application/node.eks.aws"),
        ("#cloud-config\npackages: [jq]\n", "text/cloud-config"),
    ],
)
def test_amazon_linux_gets_a_mime_document(text, kind):
    ((found, payload),) = parts(user_data.document(AL2023, text, None))
    assert (found, payload.strip()) == (kind, text.strip())


def test_a_whole_document_toml_and_powershell_stay_as_they_are():
    assert user_data.document(AL2023, MIME, None) == MIME
    assert user_data.document(BOTTLEROCKET, TOML, None) == TOML
    assert user_data.document(WINDOWS, POWERSHELL, None) == POWERSHELL
    assert user_data.document(AL2023, None, None) is None
    assert user_data.document(BOTTLEROCKET, None, None) is None


def test_the_number_of_pods_is_a_flag_because_the_configuration_of_eks_comes_last():
    script, config = parts(user_data.document(AL2023, SCRIPT, 58))
    assert script[0] == "text/x-shellscript"
    assert config[0] == "application/node.eks.aws"
    assert "flags:\n      - --max-pods=58" in config[1]


def test_bottlerocket_has_a_setting_for_the_number_of_pods():
    assert user_data.document(BOTTLEROCKET, TOML, 58) == f"{TOML.rstrip()}\n[settings.kubernetes]\nmax-pods = 58\n"
    assert user_data.document(BOTTLEROCKET, None, 58) == "[settings.kubernetes]\nmax-pods = 58\n"


@pytest.mark.parametrize(
    "text",
    [
        '# first\n[settings.kubernetes] # ours\nserver-tls-bootstrap = true\n[settings.kernel]\nlockdown = "none"\n',
        '[settings.kubernetes.node-labels]\na = "b"\n',
        "[settings]\nkubernetes.server-tls-bootstrap = true\n",
        "settings.kubernetes.server-tls-bootstrap = true\n",
    ],
    ids=["table", "table within", "key of a table", "key"],
)
def test_the_number_of_pods_joins_the_settings_of_kubernetes_that_the_user_has(text):
    assert user_data.faults("userData", "maxPods", BOTTLEROCKET, text, 58) == []
    written = tomllib.loads(user_data.document(BOTTLEROCKET, text, 58))
    assert written["settings"]["kubernetes"].pop("max-pods") == 58
    before = tomllib.loads(text)
    assert written == before


def test_the_number_of_pods_is_one_more_part_of_a_mime_document():
    script, config = parts(user_data.document(AL2023, MIME, 58))
    assert (script[0], script[1].strip()) == ("text/x-shellscript", SCRIPT.strip())
    assert config[0] == "application/node.eks.aws"
    assert yaml.safe_load(config[1])["spec"]["kubelet"]["flags"] == ["--max-pods=58"]
    unclosed = parts(user_data.document(AL2023, MIME.replace("--B--\n", ""), 58))
    assert [kind for kind, _ in unclosed] == ["text/x-shellscript", "application/node.eks.aws"]


@pytest.mark.parametrize(
    ("image", "text", "pods", "path"),
    [
        (AL2023, "echo hello", None, "userData"),
        (AL2023, TOML, None, "userData"),
        ("AL2_x86_64", NODE_CONFIG, None, "userData"),
        (BOTTLEROCKET, SCRIPT, None, "userData"),
        (WINDOWS, SCRIPT, None, "userData"),
        (AL2023, SCRIPT + "#" * user_data.LARGEST, None, "userData"),
        (AL2023, None, 0, "maxPods"),
        ("AL2_x86_64", None, 58, "maxPods"),
        (WINDOWS, None, 58, "maxPods"),
        (AL2023, "MIME-Version: 1.0\n", 58, "userData"),
        (AL2023, f"{HEAD}--B--\n", None, "userData"),
        (WINDOWS, MIME, None, "userData"),
        (
            "AL2_x86_64",
            f"{HEAD}--B\nContent-Type: application/node.eks.aws\n\n{NODE_CONFIG}\n--B--\n",
            None,
            "userData",
        ),
        (BOTTLEROCKET, "[settings.kubernetes]\nmax-pods = 9\n", 58, "userData"),
        (BOTTLEROCKET, "settings.kubernetes = 3\n", 58, "userData"),
        (BOTTLEROCKET, "[settings]\nkubernetes = {server-tls-bootstrap = true}\n", 58, "maxPods"),
    ],
)
def test_what_the_nodes_could_not_read_is_refused(image, text, pods, path):
    assert [fault.path for fault in user_data.faults("userData", "maxPods", image, text, pods)] == [path]


@pytest.mark.parametrize(
    ("image", "text", "pods"),
    [
        (AL2023, SCRIPT, 58),
        (AL2023, NODE_CONFIG, 58),
        (AL2023, MIME, None),
        (AL2023, MIME, 58),
        ("AL2_x86_64", f"{SCRIPT}cat <<E\napiVersion: node.eks.aws/v1alpha1\nE\n", None),
        (BOTTLEROCKET, TOML, 58),
        (WINDOWS, POWERSHELL, None),
        (AL2023, object(), 58),
    ],
    ids=["script", "NodeConfig", "MIME", "MIME with pods", "script with NodeConfig", "TOML", "PowerShell", "an Output"],
)
def test_what_the_nodes_read_is_accepted(image, text, pods):
    assert user_data.faults("userData", "maxPods", image, text, pods) == []


def node_config(spec="{}", api_version="node.eks.aws/v1alpha1", kind="NodeConfig"):
    return f"apiVersion: {api_version}\nkind: {kind}\nspec: {spec}\n"


def as_part(text):
    return f"{HEAD}--B\nContent-Type: application/node.eks.aws\n\n{text}\n--B--\n"


WRONG = [
    (node_config("{kubelet: {config: {maxPods: 10}}}"), "'maxPods: 10'", "set maxPods"),
    (node_config("{kubelet: {flags: [--max-pods=10]}}"), "'--max-pods=10'", "set maxPods"),
    (node_config("{kubelet: {maxPodsExpression: '20'}}"), "'maxPodsExpression: 20'", "set maxPods"),
    (node_config("{kubelet: {confg: {}}}"), "'spec.kubelet.confg', which nodeadm ignores", "'spec.kubelet.config'"),
    (node_config("{maxPods: 10}"), "'maxPods: 10'", "no number of pods: set maxPods"),
    (node_config("{kubelet: {maxPods: 10}}"), "'maxPods: 10'", "no number of pods: set maxPods"),
    (node_config("{instance: {localStorage: {stategy: RAID0}}}"), "'spec.instance.localStorage.stategy'", "strategy"),
    (node_config("{kubelet: [a]}"), "'spec.kubelet: ['a']'", "an object with config, flags"),
    (
        node_config(api_version="node.eks.aws/v1"),
        "'apiVersion: node.eks.aws/v1'",
        "'apiVersion: node.eks.aws/v1alpha1'",
    ),
    (node_config(kind="Nodeconfig"), "'kind: Nodeconfig'", "'kind: NodeConfig'"),
    ("kind: NodeConfig\nspec: {}\n", "'apiVersion: None'", "'apiVersion: node.eks.aws/v1alpha1'"),
    (node_config("{kubelet: {"), "a NodeConfig that is not YAML", "one YAML document"),
    (f"{node_config()}---\n{node_config()}", "a NodeConfig that is not YAML", "one YAML document"),
]


def test_a_key_that_a_newer_nodeadm_may_have_is_accepted():
    text = node_config("{kubelet: {drainTimeout: 1m}, storage: {}}")
    assert user_data.faults("userData", "maxPods", AL2023, text, None) == []


@pytest.mark.parametrize(("text", "got", "expected"), WRONG, ids=[row[1] for row in WRONG])
def test_a_node_config_that_nodeadm_reads_otherwise_is_refused_for_every_kind_of_group(text, got, expected):
    found = [
        user_data.faults("userData", "maxPods", AL2023, text, None),
        user_data.faults("userData", "maxPods", AL2023, as_part(text), None),
        bootstrap.faults("userData", AL2023, text),
    ]
    for faults in found:
        (fault,) = faults
        assert fault.path == "userData"
        assert got in fault.got
        assert expected in fault.expected


EVERY_KEY = """
apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
metadata: {name: mine}
spec:
  cluster:
    name: a
    apiServerEndpoint: https://a
    certificateAuthority: Q0E=
    cidr: 10.100.0.0/16
    enableOutpost: false
    id: b
  containerd: {config: "", baseRuntimeSpec: {process: {}}}
  featureGates: {InstanceIdNodeName: true}
  instance:
    environment: {default: {A: b}}
    localStorage: {strategy: RAID0, mountPath: /mnt, disabledMounts: [PodLogs]}
    network: {nameservers: [10.0.0.2], domains: [example.com]}
  kubelet: {config: {evictionHard: {memory.available: 500Mi}}, flags: [--v=2]}
"""


@pytest.mark.parametrize(
    "text",
    [
        EVERY_KEY,
        f"# What the nodes need\n\n---\n{node_config()}",
        "kind: NodeConfig\napiVersion: node.eks.aws/v1alpha1\n",
        '{"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": {"kubelet": null}}',
        "--- # mine\n" + node_config(),
    ],
    ids=["every key", "comment", "kind first", "JSON", "mark with a comment"],
)
def test_a_node_config_in_any_form_that_nodeadm_reads_is_accepted(text):
    assert user_data.content_type(text) == "application/node.eks.aws"
    assert user_data.faults("userData", "maxPods", AL2023, text, 58) == []
    assert user_data.faults("userData", "maxPods", AL2023, as_part(text), None) == []
    assert bootstrap.faults("userData", AL2023, text) == []


def test_a_packed_node_config_is_left_to_nodeadm():
    assert user_data.faults("userData", "maxPods", AL2023, as_part("YXBpVmVyc2lvbjogeA=="), None) == []


def test_the_number_of_pods_of_bottlerocket_is_refused_for_every_kind_of_group():
    text = "[settings.kubernetes]\nmax-pods = 10\n"
    for faults in (user_data.faults("u", "p", BOTTLEROCKET, text, None), bootstrap.faults("u", BOTTLEROCKET, text)):
        assert [str(fault) for fault in faults] == [
            "u: got 'max-pods = 10'; expected no number of pods: set maxPods, for the kubelet and the tags"
        ]
