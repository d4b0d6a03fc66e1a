"""Read the public sources, and let helm render charts. What this returns is parsed elsewhere."""

import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import boto3
import botocore.exceptions
import botocore.loaders

from .parsing import SourceError

CORE_REPOSITORY = "kubernetes-sigs/cluster-autoscaler"
"""Has the flags of Cluster Autoscaler since August 2026; providers and the chart stay in kubernetes/autoscaler."""

CORE_MODULE = "sigs.k8s.io/cluster-autoscaler"


@dataclass(frozen=True)
class Sources:
    """Where each source is.

    Attributes:
        images: The registry's list of tags of the image.
        charts: Index of the chart repository.
        files: Root of raw files: ``<files>/<owner>/<name>/<tag>/<path>``.
        helm: The program that renders a chart, on PATH or by its path.
        timeout: Seconds that one answer may take.
    """

    images: str = "https://registry.k8s.io/v2/autoscaling/cluster-autoscaler/tags/list"
    charts: str = "https://kubernetes.github.io/autoscaler/index.yaml"
    files: str = "https://raw.githubusercontent.com"
    helm: str = "helm"
    timeout: float = 60

    def image_tags(self) -> str:
        """The tags of the image, as the registry lists them."""
        return self._get(self.images).decode()

    def chart_index(self) -> str:
        """The index of the chart repository."""
        return self._get(self.charts).decode()

    def chart(self, url: str) -> bytes:
        """One packed chart; a relative address is one of the repository's."""
        return self._get(urljoin(self.charts, url))

    def manifests(self, archive: bytes, kubernetes: str) -> str:
        """The objects of a packed chart, as helm renders them for a cluster on AWS without further values.

        Args:
            archive: The packed chart.
            kubernetes: The minor of the cluster, which templates may ask for.

        Raises:
            SourceError: There is no helm, or it cannot render the chart.
        """
        with tempfile.NamedTemporaryFile(suffix=".tgz") as chart:
            chart.write(archive)
            chart.flush()
            command = [self.helm, "template", "cluster-autoscaler", chart.name, "--kube-version", f"{kubernetes}.0"]
            command += ["--set", "cloudProvider=aws,awsRegion=us-east-1,autoDiscovery.clusterName=any"]
            try:
                run = subprocess.run(command, capture_output=True, text=True, timeout=self.timeout, check=False)
            except FileNotFoundError as error:
                needed = "expected Helm 3 on PATH or by --helm; `make sandbox-tools` builds one into .sandbox/bin"
                raise SourceError(
                    f"helm renders the ClusterRole of a new chart: got no {self.helm}; {needed}"
                ) from error
            except subprocess.TimeoutExpired as error:
                raise SourceError(f"{self.helm} template: no answer within {self.timeout:.0f} s") from error
        if run.returncode:
            raise SourceError(f"{self.helm} template: {run.stderr.strip()}")
        return run.stdout

    def file(self, repository: str, tag: str, path: str) -> str | None:
        """One file of a repository at a tag, None if there is no such file."""
        try:
            return self._get(f"{self.files}/{repository}/{tag}/{path}").decode()
        except FileNotFoundError:
            return None

    def cluster_versions(self) -> Mapping[str, Any] | None:
        """The answer of EKS DescribeClusterVersions, None without credentials."""
        try:
            client = boto3.client("eks", region_name="us-east-1")
            pages = client.get_paginator("describe_cluster_versions").paginate(includeAll=True)
            return {"clusterVersions": [version for page in pages for version in page["clusterVersions"]]}
        except botocore.exceptions.NoCredentialsError:
            return None
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise SourceError(f"EKS DescribeClusterVersions: {error}") from error

    def ami_types(self) -> list[str]:
        """AMI types of the EKS API that botocore knows."""
        model = botocore.loaders.Loader().load_service_model("eks", "service-2")
        return list(model["shapes"]["AMITypes"]["enum"])

    def _get(self, url: str) -> bytes:
        try:
            with urllib.request.urlopen(url, timeout=self.timeout) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise FileNotFoundError(url) from error
            raise SourceError(f"{url}: HTTP {error.code}") from error
        except OSError as error:
            raise SourceError(f"{url}: {error}") from error
