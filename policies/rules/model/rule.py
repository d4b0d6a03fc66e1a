"""How a rule is put together: its words, its settings and one judging function become a Pulumi policy."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from .memory import recall, remember, require
from .properties import texts
from .stack import Stack

Schema = dict[str, dict[str, object]]


def number(default: int, description: str) -> dict[str, object]:
    """Return the schema of a setting that is a whole number."""
    return {"type": "integer", "default": default, "description": description}


def text(default: str, description: str, choices: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the schema of a setting that is a text, one of `choices` if there are any."""
    return {"type": "string", "default": default, "description": description} | (
        {"enum": list(choices)} if choices else {}
    )


def text_list(default: tuple[str, ...], description: str) -> dict[str, object]:
    """Return the schema of a setting that is a list of texts."""
    return {"type": "array", "items": {"type": "string"}, "default": list(default), "description": description}


@dataclass(frozen=True)
class Settings:
    """The values of a rule's settings: those of the policy pack's configuration over the schema's defaults."""

    values: Mapping[str, object]

    def number(self, name: str) -> int:
        """Return a whole number; the engine sends every number as a float."""
        return int(str(self.values[name]).removesuffix(".0"))

    def text(self, name: str) -> str:
        """Return a text."""
        return str(self.values[name])

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        return texts(self.values[name])


ResourceJudge = Callable[[ResourceValidationArgs, Settings], Iterator[str]]
StackJudge = Callable[[PolicyResource, Stack, Settings], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The words and settings of a rule; `per_resource` or `per_stack` adds its judge and makes it a Pulumi policy.

    A judge yields one sentence per violation, with the value found and the one expected. A value that is not known
    before the update raises `UnknownValueError`, which the engine reports as "can't be judged yet".

    Attributes:
        name: Name of the rule, by which it is configured.
        reason: Why the rule exists.
        fix: What to do about a violation; it is shown with each of them.
        types: Pulumi type tokens of the resources to judge.
        level: What a violation does unless the pack's configuration sets another level.
        severity: How much harm a violation can do.
        settings: Schema of each setting, with its default.
    """

    name: str
    reason: str
    fix: str
    types: tuple[str, ...]
    level: EnforcementLevel = EnforcementLevel.MANDATORY
    severity: Severity = Severity.HIGH
    settings: Schema = field(default_factory=dict)

    def per_resource(self, judge: ResourceJudge) -> ResourceValidationPolicy:
        """Return a rule that judges one resource by its inputs, before the resource is created or changed."""

        def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
            remember(args)
            if args.resource_type in self.types:
                for finding in judge(args, self._chosen(args.get_config())):
                    report_violation(self._message(finding), None)

        return ResourceValidationPolicy(
            name=self.name,
            description=self.reason,
            remediation_steps=self.fix,
            validate=validate,
            enforcement_level=self.level,
            severity=self.severity,
            config_schema=self._schema(),
        )

    def per_stack(self, judge: StackJudge) -> StackValidationPolicy:
        """Return a rule that judges a resource and its surroundings, when all of the stack was previewed or updated."""

        def validate(args: StackValidationArgs, report_violation: ReportViolation) -> None:
            for resource in args.resources:
                recall(resource)
            stack = Stack(tuple(args.resources))
            chosen = self._chosen(args.get_config())
            unknown: UnknownValueError | None = None
            for resource in stack.of(*self.types):
                try:
                    require(resource)
                    for finding in judge(resource, stack, chosen):
                        report_violation(self._message(finding), resource.urn)
                except UnknownValueError as error:
                    # One resource that cannot be judged yet must not hide what is wrong with the next.
                    unknown = unknown or error
            if unknown:
                raise unknown

        return StackValidationPolicy(
            name=self.name,
            description=self.reason,
            remediation_steps=self.fix,
            validate=validate,
            enforcement_level=self.level,
            severity=self.severity,
            config_schema=self._schema(),
        )

    def _schema(self) -> PolicyConfigSchema | None:
        return PolicyConfigSchema(self.settings) if self.settings else None

    def _chosen(self, configured: Mapping[str, object]) -> Settings:
        return Settings({name: setting["default"] for name, setting in self.settings.items()} | dict(configured))

    def _message(self, finding: str) -> str:
        return f"{finding}\nFix: {self.fix}"
