"""User data of nodes: its form for each operating system, and the number of pods in it."""

import email

import pytest

from components.pure import user_data

AL2023, BOTTLEROCKET, WINDOWS = "AL2023_x86_64_STANDARD", "BOTTLEROCKET_x86_64", "WINDOWS_CORE_2022_x86_64"
SCRIPT = "#!/bin/bash\necho hello\n"
NODE_CONFIG = "---\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet: {}\n"
MIME = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="B"\n\n--B--\n'
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
        (AL2023, MIME, 58, "maxPods"),
        (BOTTLEROCKET, "[settings.kubernetes]\nmax-pods = 9\n", 58, "maxPods"),
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
        (BOTTLEROCKET, TOML, 58),
        (WINDOWS, POWERSHELL, None),
        (AL2023, object(), 58),
    ],
    ids=["script", "NodeConfig", "MIME", "TOML", "PowerShell", "an Output"],
)
def test_what_the_nodes_read_is_accepted(image, text, pods):
    assert user_data.faults("userData", "maxPods", image, text, pods) == []
