"""What `weighbridge generate agent` writes: hardened, and without a right that the work does not take."""

import pytest
import yaml
from click.testing import CliRunner

from weighbridge.cli.main import cli
from weighbridge.control.agent.rights import AgentObjects, agent_objects, workload_rules

IMAGE = "registry.example.com/weighbridge@sha256:" + "1" * 64
GIVEN = ["--cluster", "east", "--environment", "prod", "--server", "https://control:8443", "--image", IMAGE]
NEVER = {"secrets", "constrainttemplates", "customresourcedefinitions", "roles", "clusterroles", "rolebindings", "*"}


def written(*arguments):
    result = CliRunner().invoke(cli, ["generate", "agent", *GIVEN, *arguments])
    assert result.exit_code == 0, result.output
    return list(yaml.safe_load_all(result.stdout))


def of(objects, kind, name=None):
    return [each for each in objects if each["kind"] == kind and name in {None, each["metadata"]["name"]}]


def test_no_role_ever_holds_what_the_agent_must_not_touch():
    for role in [each for each in written() if "rules" in each]:
        for rule in role["rules"]:
            assert not NEVER & {*rule["resources"], *rule["verbs"], *rule["apiGroups"]}
            assert not {"gatekeeper", "admissionregistration"} & {group.split(".")[0] for group in rule["apiGroups"]}


@pytest.mark.parametrize(
    ("choice", "verbs"),
    [
        ("report", {"list", "create"}),
        ("cordon", {"list", "create", "patch", "delete"}),
        ("scale-to-zero", {"list", "create", "patch", "delete"}),
    ],
)
def test_rights_follow_the_choice(choice, verbs):
    rules = workload_rules((choice,))
    assert {verb for rule in rules for verb in rule["verbs"]} == verbs
    changed = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    assert ("deployments", "patch") not in changed
    assert (("pods", "delete") in changed) is (choice == "scale-to-zero")
    assert (("networkpolicies", "patch") in changed) is (choice == "cordon")
    assert ("deployments", "patch") in {
        (resource, verb)
        for rule in workload_rules(("rollback",))
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_workloads_can_be_left_to_chosen_namespaces():
    objects = written("--in-namespace", "models", "--on-revoked", "report")
    assert [each["metadata"]["name"] for each in of(objects, "ClusterRoleBinding")] == ["weighbridge-agent"]
    assert {each["metadata"]["namespace"] for each in of(objects, "RoleBinding")} == {"weighbridge-system", "models"}


def test_the_deployment_is_hardened_and_says_what_the_command_takes():
    (deployment,) = of(written("--environment", "staging"), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert deployment["spec"]["replicas"] == 2
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    named = {option for each in cli.get_command(None, "agent").params for option in each.opts}
    assert {argument.partition("=")[0] for argument in container["args"][1:]} <= named
    tokens = [argument for argument in container["args"] if argument.startswith("--token-file=")]
    assert tokens == [f"--token-file=/etc/weighbridge/tokens/{each}" for each in ("prod", "staging")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": "registry.example.com/weighbridge:latest"},
        {"server": "http://control"},
        {"server": "https://control/$(TOKEN)"},
        {"cluster": "East\n"},
        {"environments": ("../prod",)},
        {"namespace": "a/b"},
        {"in_namespaces": ("--all",)},
    ],
)
def test_what_is_not_of_its_form_is_refused(wrong):
    given = {"cluster": "east", "server": "https://control", "environments": ("prod",), "image": IMAGE, **wrong}
    arguments = [f"--{name.replace('_', '-').removesuffix('s')}={each}" for name, value in given.items()
                 for each in ([value] if isinstance(value, str) else value)]  # fmt: skip
    result = CliRunner().invoke(cli, ["generate", "agent", *arguments])
    assert type(result.exception).__name__ == "InputError"
    assert not result.stdout
    assert agent_objects(AgentObjects("east", "https://control", ("prod",), IMAGE))
