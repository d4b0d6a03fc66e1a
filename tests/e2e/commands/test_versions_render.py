"""`make versions` judges a new chart by the ClusterRole that the real helm renders from it."""

import io
import tarfile
from pathlib import Path

from scripts.versions.parsing import readable_resources
from scripts.versions.sources import Sources

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: cluster-autoscaler\nversion: 0.0.1\n",
    "values.yaml": "cloudProvider: gce\nrbac: {create: true, additionalRules: []}\nvpa: {enabled: false}\n",
    "templates/clusterrole.yaml": """
{{- if .Values.rbac.create }}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: {{ .Release.Name }}}
rules:
- {apiGroups: [""], resources: [pods], verbs: [list, watch]}
{{- if eq .Values.cloudProvider "aws" }}
- {apiGroups: [""], resources: [nodes], verbs: [list, watch]}
{{- end }}
{{- if .Values.vpa.enabled }}
- {apiGroups: [apps], resources: [deployments], verbs: [list, watch]}
{{- end }}
{{- if semverCompare ">=1.34-0" .Capabilities.KubeVersion.Version }}
- {apiGroups: [resource.k8s.io], resources: [resourceclaims], verbs: [list, watch]}
{{- end }}
{{- end }}
""",
}


def packed(files: dict[str, str]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"cluster-autoscaler/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return written.getvalue()


def test_only_the_rules_that_apply_on_aws_and_to_that_kubernetes_count(tools: Path) -> None:
    sources = Sources(helm=str(tools / "helm"))
    older, newer = (readable_resources(sources.manifests(packed(CHART), minor)) for minor in ("1.33", "1.34"))

    assert older == {("", "pods"), ("", "nodes")}
    assert newer == older | {("resource.k8s.io", "resourceclaims")}
