"""Pictures of networks: what they draw, where, with which numbers, and what they refuse."""

import sys

import numpy as np
import pytest

import ionlink as il

matplotlib = pytest.importorskip("matplotlib")
LINK = il.basic_link(efficiency=(0.2, 0.2), attempt_period_s=1e-5)


@pytest.fixture(autouse=True)
def pyplot():
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def hub(modules=6, rate_hz=60.0, **station):
    """Modules around a switch and a pool; the first two have a link of their own too."""
    network = il.Network()
    for module in range(modules):
        network.add_node(f"m{module}", communication_ions=2)
    network.add_station("pool", **({"count": 2} | station))
    network.add_switch("crossconnect", ports=32, loss_db=1.0, reconfiguration_s=1e-3)
    for a in range(modules):
        for b in range(a):
            network.add_link(LINK, (f"m{a}", f"m{b}"), station="pool", switch="crossconnect")
            network.demand(f"m{a}", f"m{b}", rate_hz=rate_hz)
    network.add_link(LINK, ("m0", "m1"), name="own")
    return network


def chain(**demand):
    network = il.Network()
    for name in ("alice", "carol", "bob"):
        network.add_node(name, communication_ions=2)
    network.add_link(LINK, between=("alice", "carol"), parallel=2)
    network.add_link(LINK, between=("carol", "bob"))
    network.demand("alice", "bob", **(demand or {"saturate": True}))
    return network


HUB = hub()
HUB_RUN = HUB.run(2.0, seed=7, states="mean")
CHAIN = chain()
CHAIN_RUN = CHAIN.run(1.0, seed=7)


def artist(ax, gid):
    (found,) = [one for one in ax.get_children() if one.get_gid() == gid]
    return found


def texts(ax):
    return [one.get_text() for one in ax.texts]


# --- the diagram


def test_a_hub_shows_modules_around_the_switch_and_what_is_in_use():
    ax = il.plot.network(HUB, HUB_RUN)
    use = HUB_RUN.utilization
    np.testing.assert_array_equal(artist(ax, "nodes").get_array(), use.nodes)
    np.testing.assert_array_equal(artist(ax, "stations").get_array(), use.stations)
    assert artist(ax, "nodes").get_clim() == artist(ax, "stations").get_clim() == (0, 1)
    places = artist(ax, "nodes").get_offsets()
    np.testing.assert_allclose(np.hypot(*places.T), 1.0)
    assert len(np.unique(places.round(6), axis=0)) == 6
    assert len(artist(ax, "switches").get_offsets()) == 1
    assert f"pool\n2 analyzers\n{use.stations[0]:.0%} in use" in texts(ax)
    assert {"crossconnect\n32 ports", "m0", "m5"} <= set(texts(ax))
    assert ax.get_title(loc="left") == "6 nodes, 16 links, 2 s"
    assert "in use (%)" in ax.figure.axes[1].get_ylabel()


def test_widths_of_lines_are_the_mean_numbers_of_links_at_work():
    ax = il.plot.network(HUB, HUB_RUN)
    at_work = HUB_RUN.utilization.links
    spokes, own = artist(ax, "spokes"), artist(ax, "links")
    # six from modules to the switch, one from there to the station, which all shared links pass
    ends = [tuple(map(tuple, segment.round(9))) for segment in spokes.get_segments()]
    assert len(ends) == 7
    pairs = HUB.pairs[:-1]
    expected = [at_work[:-1][(pairs == node).any(axis=1)].sum() for node in range(6)]
    total = at_work[:-1].sum()
    assert total > 1
    places = [tuple(place) for place in artist(ax, "nodes").get_offsets().data.round(9)]
    widths = {start: width for (start, _), width in zip(ends, spokes.get_linewidth(), strict=True)}
    for node, load in enumerate(expected):
        assert widths[places[node]] == pytest.approx(0.5 + 3.5 * load / total)
    (between,) = set(widths) - set(places)
    assert widths[between] == pytest.approx(4.0)
    assert ax.get_xlabel() == f"line width: links at work at a time, up to {total:.2g}"
    assert own.get_linewidth() == pytest.approx([0.5 + 3.5 * at_work[-1] / total])


def test_parallel_links_stand_side_by_side_and_nodes_apart():
    ax = il.plot.network(CHAIN, CHAIN_RUN)
    segments = np.array(artist(ax, "links").get_segments())
    assert len(segments) == 3
    first, second = segments[:2]
    assert np.hypot(*(first - second).T) == pytest.approx([0.05, 0.05])
    assert {"alice", "carol", "bob"} <= set(texts(ax))
    assert not [one for one in ax.get_children() if one.get_gid() in {"stations", "switches", "spokes"}]


def test_without_a_run_there_are_places_and_no_shares():
    ax = il.plot.network(HUB)
    assert len(ax.figure.axes) == 1
    assert artist(ax, "nodes").get_array() is None
    assert "pool\n2 analyzers" in texts(ax)
    assert ax.get_title(loc="left") == "6 nodes, 16 links"


def test_nodes_stand_at_their_positions_if_all_have_one():
    network = il.Network()
    given = {"a": (0.0, 0.0), "b": (3.0, 0.0), "c": (3.0, 4.0)}
    for name, position in given.items():
        network.add_node(name, position=position)
    network.add_links(LINK, [("a", "b"), ("b", "c")])
    places = artist(il.plot.network(network), "nodes").get_offsets()
    # the longer side becomes two units long, about the middle
    np.testing.assert_allclose(places, (np.array(list(given.values())) - (1.5, 2.0)) / 2.0)
    one = il.Network()
    one.add_node("a", position=(5.0, 5.0))
    assert np.isfinite(artist(il.plot.network(one), "nodes").get_offsets()).all()
    assert il.plot.network(il.Network()).get_title(loc="left") == "0 nodes, 0 links"


@pytest.mark.parametrize("springs", [True, False])
def test_other_networks_are_pulled_into_shape_or_stand_on_a_circle(springs, monkeypatch):
    if springs:
        pytest.importorskip("networkx")
    else:
        monkeypatch.setitem(sys.modules, "networkx", None)
    network = il.Network()
    network.add_links(LINK, [(number, number + 1) for number in range(7)])
    one, other = (artist(il.plot.network(network), "nodes").get_offsets() for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert np.allclose(np.hypot(*one.T), 1.0) != springs
    # neighbors in the chain are nearer than its ends
    if springs:
        steps = np.hypot(*np.diff(one, axis=0).T)
        assert steps.max() < np.hypot(*(one[-1] - one[0]))


def test_shares_that_do_not_exist_are_gray_and_big_networks_have_no_names():
    network = il.Network()
    network.add_links(LINK, [(number, number + 1) for number in range(30)])
    network.saturate_links()
    ax = il.plot.network(network, network.run(0.01, seed=1))
    nodes = artist(ax, "nodes")
    assert np.isnan(np.ma.filled(nodes.get_array(), np.nan)).all()
    ax.figure.canvas.draw()
    assert matplotlib.colors.to_hex(nodes.get_facecolors()[0]) == "#e4e7eb"
    assert texts(ax) == []


def test_links_that_work_for_themselves_wait_from_pair_to_pair():
    network = il.Network()
    network.add_links(LINK, [(0, 1), (1, 2)])
    network.saturate_links()
    run = network.run(0.1, seed=1)
    figure = il.plot.network_run(network, run)
    assert "from pair to pair" in figure.axes[1].get_xlabel()
    latency_s = run.deliveries.latency_s[run.deliveries.demand == 1]
    (mean, *_) = lines(il.plot.waiting_times(run, a=1)).values()
    assert mean == pytest.approx(latency_s.mean() * (1e3 if mean > 0.1 else 1.0))


def test_many_stations_stand_in_a_ring():
    network = il.Network()
    for name in "ab":
        network.add_node(name)
    for number in range(6):
        network.add_station(f"s{number}")
        network.add_link(LINK, ("a", "b"), station=f"s{number}")
    ax = il.plot.network(network)
    np.testing.assert_allclose(np.hypot(*artist(ax, "stations").get_offsets().T), 0.55)
    assert len(artist(ax, "spokes").get_segments()) == 12
    assert sum(text.endswith("1 analyzer") for text in texts(ax)) == 6


def test_what_is_no_network_or_no_run_of_it_is_refused():
    with pytest.raises(il.ParameterError, match=r"`network` must be an il\.Network; its run is the second"):
        il.plot.network(HUB_RUN)
    with pytest.raises(il.ParameterError, match=r"`run` must be an il\.NetworkRun, or left out"):
        il.plot.network(HUB, "run")
    for picture in (il.plot.network, il.plot.network_run):
        with pytest.raises(il.ParameterError, match="`run` must be a run of this network"):
            picture(HUB, CHAIN_RUN)
    with pytest.raises(il.ParameterError, match=r"`run` must be an il\.NetworkRun"):
        il.plot.network_run(HUB, None)


# --- waiting


def lines(ax):
    """Where vertical lines stand, by their labels."""
    return {one.get_label(): one.get_xdata()[0] for one in ax.lines if len(set(one.get_xdata())) == 1}


def test_waiting_times_have_the_density_mean_and_percentiles_of_the_deliveries(pyplot):
    _, given = pyplot.subplots()
    ax = il.plot.waiting_times(HUB_RUN, given, percentiles=(50, 90, 99))
    assert ax is given
    latency_ms = 1e3 * HUB_RUN.deliveries.latency_s
    (patch,) = ax.patches
    heights, edges_ms, _ = patch.get_data()
    assert (heights * np.diff(edges_ms)).sum() == pytest.approx(1.0)
    inside = (latency_ms >= edges_ms[2]) & (latency_ms < edges_ms[3])
    assert heights[2] == pytest.approx(inside.mean() / (edges_ms[3] - edges_ms[2]))
    found = list(lines(ax).items())
    expected = [latency_ms.mean(), *np.percentile(latency_ms, (50, 90, 99))]
    assert [value for _, value in found] == pytest.approx(expected)
    assert [label.split(" within")[0] for label, _ in found[1:]] == ["50 %", "90 %", "99 %"]
    assert found[0][0] == f"mean {latency_ms.mean():.3g} ms"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time from request to pair (ms)", "density (1/ms)")


def test_summaries_draw_their_histogram_and_percentiles_within_a_bin():
    ax = il.plot.waiting_times(HUB.run(2.0, seed=7, states="mean", record="summary"))
    heights, edges_ms, _ = ax.patches[0].get_data()
    assert (heights * np.diff(edges_ms)).sum() == pytest.approx(1.0)
    latency_ms = 1e3 * HUB_RUN.deliveries.latency_s
    mean, *found = lines(ax).values()
    assert mean == pytest.approx(latency_ms.mean())
    # bins are 2**(1/4) wide
    ratio = np.array(found) / np.percentile(latency_ms, (50, 95))
    assert (ratio > 2**-0.25).all()
    assert (ratio < 2**0.25).all()


def test_pairs_can_be_chosen_and_saturated_demands_count_from_pair_to_pair():
    ax = il.plot.waiting_times(HUB_RUN, a="m1", b="m0")
    number = HUB_RUN.delivered("m0", "m1")
    assert ax.get_legend().get_texts()[0].get_text() == f"{number:,} pairs"
    assert "from pair to pair" in il.plot.waiting_times(CHAIN_RUN).get_xlabel()


def test_a_comparison_is_drawn_in_the_units_of_the_axes():
    mean_s = HUB_RUN.latency_s().value

    def exponential(t_s):
        return np.exp(-t_s / mean_s) / mean_s

    times_s = np.array([0.0, mean_s])
    for density in (exponential, (times_s, exponential(times_s))):
        ax = il.plot.waiting_times(HUB_RUN, density=density)
        (curve,) = [one for one in ax.lines if one.get_label() == "comparison"]
        x, y = curve.get_data()
        np.testing.assert_allclose(y, np.exp(-x / (1e3 * mean_s)) / (1e3 * mean_s))


@pytest.mark.parametrize("record", ["summary", "deliveries"])
def test_runs_without_deliveries_say_so(record):
    run = chain(times_s=[]).run(0.5, seed=1, record=record)
    ax = il.plot.waiting_times(run, density=lambda t_s: 0 * t_s + 1.0)
    assert texts(ax) == ["no pairs delivered"]
    assert not ax.patches
    assert [one.get_label() for one in ax.lines] == ["comparison"]


def test_wrong_arguments_of_waiting_times_are_refused():
    with pytest.raises(il.ParameterError, match="`run` must be"):
        il.plot.waiting_times(HUB)
    for wrong in ((0.0,), (100.0,), (float("nan"),), 50.0, "many"):
        with pytest.raises(il.ParameterError, match=r"`percentiles` must be numbers in \(0, 100\)"):
            il.plot.waiting_times(HUB_RUN, percentiles=wrong)
    for wrong in (3.0, ([0.0, 1.0], [1.0]), ([0.0], [float("nan")]), lambda _: 1.0, lambda _: "text"):
        with pytest.raises(il.ParameterError, match="`density` must be"):
            il.plot.waiting_times(HUB_RUN, density=wrong)
    with pytest.raises(il.ParameterError, match="one histogram, of all pairs"):
        il.plot.waiting_times(HUB.run(0.1, seed=1, record="summary"), a="m0", b="m1")
    with pytest.raises(il.ParameterError, match="`a, b`"):
        il.plot.waiting_times(HUB_RUN, a="m0")


def test_the_diagram_and_waiting_times_stand_side_by_side(tmp_path):
    figure = il.plot.network_run(HUB, HUB_RUN)
    assert tuple(figure.get_size_inches()) == (11, 4.6)
    diagram, waits = figure.axes[:2]
    assert artist(diagram, "nodes") is not None
    assert waits.get_title(loc="left") == "Waiting times"
    figure.savefig(tmp_path / "network.png")
