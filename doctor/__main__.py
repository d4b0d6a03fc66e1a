"""``python -m doctor`` and the command ``ca-doctor``."""

import sys

EXTRA = "pip install 'pulumi-eks-cluster-autoscaler[doctor]'"


def main() -> None:
    """Run the command line; without the packages of the extra ``doctor``, show how to install them."""
    try:
        from .cli import main as run
    except ModuleNotFoundError as missing:
        if missing.name not in ("boto3", "kubernetes", "pydantic", "rich", "typer", "urllib3", "yaml"):
            raise
        sys.exit(f"ca-doctor: the package {missing.name} is not installed. Run: {EXTRA}")
    run()


if __name__ == "__main__":
    main()
