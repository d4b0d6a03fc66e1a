"""Which groups grow for which pods."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.autoscaler.backoff import Backoff
from sandbox.autoscaler.balancing import similar, spread
from sandbox.autoscaler.expander import ExpanderError, Option, PriorityMapError, check, choose, read_priorities
from sandbox.autoscaler.objects import quantities
from sandbox.autoscaler.scale_up import BACKED_OFF, MAX_SIZE_REACHED, MAX_TOTAL_REACHED, Offer, plan
from sandbox.autoscaler.simulation import Simulation, daemon_overhead, estimate
from sandbox.tests.autoscaler.making import NOW, group, node, options, pod

TEN = [pod(f"p{n}") for n in range(10)]


def first(found):
    return found[0]


def planned(pods, offers, *arguments, nodes=1, choose=first):
    return plan(pods, offers, nodes, options(*arguments), choose)


def offer(name="group", template=None, **fields):
    refusal = fields.pop("refusal", "")
    return Offer(group(name, **fields), template or node(f"{name}-template", pods="4"), refusal=refusal)


def test_a_group_grows_by_as_many_nodes_as_the_pods_need():
    found = planned(TEN, [offer(size=2)])

    assert found.targets == {"group": 5}, "ten pods, four to a node: three more"
    assert {one.name for one in found.helped} == {one.name for one in TEN}
    assert found.refused == {}


def test_a_group_never_grows_beyond_its_maximum():
    assert planned(TEN, [offer(size=2, max_size=4)]).targets == {"group": 4}


@pytest.mark.parametrize(
    ("its_offer", "reason"),
    [
        (offer(size=3, max_size=3), MAX_SIZE_REACHED),
        (offer(refusal=BACKED_OFF), BACKED_OFF),
        (offer(template=node("other", cpu="50m")), "Insufficient cpu"),
        (Offer(group(), None), "no template node could be built"),
    ],
)
def test_a_pod_that_nothing_helps_is_told_why_by_group(its_offer, reason):
    found = planned([pod("p")], [its_offer])

    assert found.targets == {}
    assert found.refused == {"default/p": {"group": reason}}


def test_the_clusters_total_caps_growth_and_says_so():
    capped = planned(TEN, [offer(size=2)], "--max-nodes-total=4", nodes=3)
    full = planned(TEN, [offer(size=2)], "--max-nodes-total=3", nodes=3)

    assert (capped.targets, capped.capped) == ({"group": 3}, True)
    assert (full.targets, full.capped) == ({}, True)
    assert full.refused["default/p0"] == {"group": MAX_TOTAL_REACHED}


def test_similar_groups_share_the_load_when_told_to():
    labels = [{"topology.kubernetes.io/zone": zone, "pool": "a"} for zone in ("a", "b", "c")]
    offers = [offer(f"g{n}", node(f"t{n}", pods="2", labels=labels[n]), size=n) for n in range(3)]
    other = offer("other", node("t", pods="2", labels={"pool": "b"}), size=0)

    assert planned(TEN, offers).targets == {"g0": 5}
    balanced = planned(TEN, [*offers, other], "--balance-similar-node-groups=true").targets
    assert balanced == {"g0": 3, "g1": 3}, "five more: the smallest groups first, and 'other' is not alike"


def test_balancing_compares_only_the_labels_that_it_is_told_to():
    one, other = node("a", labels={"pool": "x", "tmp": "1"}), node("b", labels={"pool": "x", "tmp": "2"})

    assert not similar(one, other, options())
    assert similar(one, other, options("--balancing-ignore-label=tmp"))
    assert similar(one, node(cpu="8", labels={"pool": "x"}), options("--balancing-label=pool"))
    assert not similar(one, node(cpu="8", labels=one.labels), options())


def test_a_small_difference_in_memory_is_none():
    def with_memory(amount):
        return node(allocatable=quantities({"cpu": "2", "memory": amount}))

    assert similar(with_memory("1000Mi"), with_memory("986Mi"), options())
    assert not similar(with_memory("1000Mi"), with_memory("980Mi"), options())


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=5), st.integers(0, 40))
def test_spreading_fills_from_below_and_never_overfills(sizes, nodes):
    groups = [group(f"g{n}", size, max_size=size + room) for n, (size, room) in enumerate(sizes)]
    targets = {one.name: one.target for one in groups} | spread(groups, nodes)
    added = sum(targets.values()) - sum(one.target for one in groups)

    assert all(targets[one.name] <= one.max_size for one in groups)
    assert added == min(nodes, sum(one.max_size - one.target for one in groups))
    grown = [one for one in groups if targets[one.name] > one.target]
    roomy = [targets[one.name] for one in groups if targets[one.name] < one.max_size]
    assert all(targets[one.name] - 1 <= size for one in grown for size in roomy), "no group with room was passed over"


def an_option(name, pods=1, nodes=1, cpu="2"):
    return Option(group(name), node(cpu=cpu), tuple(pod(f"p{n}", cpu="500m") for n in range(pods)), nodes)


def best(found, *names, priorities=None):
    return choose(found, names, priorities or {}, Random(1)).group.name


def test_each_expander_has_its_favourite():
    wasteful, tight = an_option("wasteful", pods=1, cpu="16"), an_option("tight", pods=2)
    many, few = an_option("many", pods=4, nodes=4), an_option("few", pods=3, nodes=1)

    assert best([wasteful, tight], "least-waste") == "tight"
    assert best([many, few], "most-pods") == "many"
    assert best([many, few], "least-nodes") == "few"


def test_an_expander_leaves_ties_to_the_next():
    found = [an_option("a", pods=2, nodes=2), an_option("b", pods=2, nodes=1), an_option("c", pods=1, nodes=1)]

    assert best(found, "most-pods", "least-nodes") == "b"


def test_the_priority_expander_prefers_what_matches_and_is_passed_over_without_a_map():
    found = [an_option("spot-a"), an_option("demand")]

    assert best(found, "priority", priorities={10: [".*"], 50: ["^spot"]}) == "spot-a"
    assert best(found, "priority", priorities={10: ["demand"]}) == "demand"
    assert best(found, "priority", priorities={10: ["nothing"]}) in ("spot-a", "demand")
    assert best(found, "priority", priorities={}) in ("spot-a", "demand")


def test_the_priority_map_is_read_or_refused_with_a_reason():
    assert read_priorities({"priorities": "10:\n- a\n50:\n- b.*\n"}) == {10: ["a"], 50: ["b.*"]}
    with pytest.raises(PriorityMapError, match="doesn't contain priorities key"):
        read_priorities({"priority": "10: [a]"})
    for wrong in ("- a", "x: [a]", "10: 5", "10: ['(']", "{"):
        with pytest.raises(PriorityMapError, match="can't parse YAML"):
            read_priorities({"priorities": wrong})


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (["price"], "Couldn't access cloud provider pricing"),
        (["fastest"], "Expander fastest not supported"),
        (["grpc"], "not played by the sandbox"),
        (["least-waste", "least-waste"], "specified multiple times"),
        (["random", "least-waste"], "Expander least-waste came after an expander random"),
    ],
)
def test_a_chain_of_expanders_that_the_real_one_does_not_start_with_is_refused(chain, message):
    with pytest.raises(ExpanderError, match=message):
        check(chain)


def test_a_sound_chain_of_expanders_is_accepted():
    check(["priority", "least-waste", "random"])


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
def test_packing_takes_every_pod_that_fits_and_not_absurdly_many_nodes(millicores):
    pods = [pod(f"p{n}", cpu=f"{cpu}m") for n, cpu in enumerate(millicores)]
    found = estimate(pods, node(cpu="1", pods="110"), {}, 1000)

    assert len(found.pods) == len(pods)
    assert sum(millicores) / 1000 <= found.nodes <= 2 * sum(millicores) / 1000 + 1


def test_packing_stops_at_the_limit():
    assert estimate(TEN, node(pods="4"), {}, 2).nodes == 2
    assert len(estimate(TEN, node(pods="4"), {}, 2).pods) == 8


def test_daemon_sets_take_their_part_of_each_new_node():
    daemons = [pod("d", cpu="1", owner="DaemonSet"), pod("elsewhere", cpu="1", node_selector={"a": "b"})]
    overhead = daemon_overhead(node(), daemons)

    assert overhead == {"cpu": 1, "memory": 10 * 1024**2, "pods": 1}
    assert estimate([pod(cpu="1"), pod("q", cpu="1")], node(), overhead, 9).nodes == 2


def test_finished_pods_hold_no_place():
    bound = [pod(f"b{n}", node="node", finished=n > 0) for n in range(5)]
    simulation = Simulation([node(pods="2")], bound)

    assert simulation.place(pod("new")) == "node"
    assert simulation.place(pod("newer")) is None


def test_a_failed_group_is_left_alone_twice_as_long_each_time():
    backoff = Backoff(options("--initial-node-group-backoff-duration=1m", "--max-node-group-backoff-duration=3m"))

    assert backoff.fail("g", NOW, "denied") == NOW + timedelta(minutes=1)
    assert backoff.reason("g", NOW + timedelta(seconds=59)) == "denied"
    assert backoff.reason("g", NOW + timedelta(seconds=60)) == ""
    assert backoff.reason("other", NOW) == ""
    assert backoff.fail("g", NOW, "denied") == NOW + timedelta(minutes=2)
    assert backoff.fail("g", NOW, "denied") == NOW + timedelta(minutes=3), "never longer than the flag says"
    assert backoff.fail("g", NOW + timedelta(hours=4), "denied") == NOW + timedelta(hours=4, minutes=1)
    backoff.succeed("g")
    assert backoff.reason("g", NOW) == ""
