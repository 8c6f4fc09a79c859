"""Prometheus text and OpenTelemetry, read back."""

from __future__ import annotations

import gc
import re
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
import ringway as rw
from ringway import errors, telemetry
from ringway.telemetry import otel

SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\S+)')


@pytest.fixture
def runtime() -> Iterator[rw.Runtime]:
    with rw.Runtime("cpu", workers=1, name="one") as started:
        options = rw.LaunchOptions(latency_sample=1)
        relay = started.launch("relay", name="relay", options=options)
        echo = started.launch("echo", name='a "b"\\\nc', options=options)
        started.link(relay, echo)
        for _ in range(5):
            echo.request(b"x", timeout=20)
        jobs = started.queue("jobs", bytes, capacity=16, policy="drop_new")
        for _ in range(18):
            jobs.send(b"x")
        jobs.receive(timeout=20)
        started.launch("echo", name="far", options=rw.LaunchOptions(bridge="pumped")).request(b"x", 20)
        yield started


def samples(text: str) -> dict[str, dict[str, float]]:
    """Every sample by name and labels; each line of the text is one of the format's."""
    found: dict[str, dict[str, float]] = {}
    typed: dict[str, str] = {}
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in typed
            typed[name] = kind
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        base = re.sub("_(bucket|sum|count)$", "", match[1])
        assert typed[match[1] if match[1] in typed else base]
        assert match[2] not in found.setdefault(match[1], {})
        found[match[1]][match[2]] = float(match[3])
    return found


def test_prometheus_text(runtime: rw.Runtime) -> None:
    found = {
        metric: {
            labels.removesuffix(',runtime="one"').replace(',runtime="one",', ","): value
            for labels, value in of.items()
        }
        for metric, of in samples(telemetry.prometheus_text(runtime)).items()
    }
    name = r'kernel="a \"b\"\\\nc"'
    assert found["ringway_kernel_processed_total"] == {'kernel="relay"': 0, name: 5, 'kernel="far"': 1}
    assert found["ringway_kernel_outbox_depth"][name] == 0
    assert found["ringway_bridge_to_device_total"] == {'kernel="far"': 1}
    queue = 'queue="jobs"'
    assert found["ringway_queue_sent_total"][queue] == 16
    assert found["ringway_queue_received_total"][queue] == 1
    assert found["ringway_queue_dropped_total"][f'{queue},reason="new"'] == 2
    assert found["ringway_queue_depth"][queue] == 15
    assert found["ringway_queue_latency_seconds_count"][queue] == 1
    assert found["ringway_kernel_dropped_total"][f'{name},reason="late"'] == 0
    assert found["ringway_kernel_state"][f'{name},state="active"'] == 1
    assert found["ringway_kernel_uptime_seconds"][name] > 0
    assert list(found["ringway_link_received_total"].values()) == [0]
    assert found["ringway_kernel_latency_seconds_count"][name] == 5
    assert 0 < found["ringway_kernel_latency_seconds_sum"][name] < 5
    buckets = {
        float(re.search(r'le="([^"]*)"', labels)[1]): value  # type: ignore[index]
        for labels, value in found["ringway_kernel_latency_seconds_bucket"].items()
        if labels.startswith(name)
    }
    assert list(buckets) == sorted(buckets)
    assert list(buckets.values()) == sorted(buckets.values())
    assert buckets[float("inf")] == 5


def test_prometheus_labels(runtime: rw.Runtime) -> None:
    found = samples(telemetry.prometheus_text(runtime, {"instance": "one"}))
    assert all(
        labels.endswith('instance="one"') or ",instance" in labels for of in found.values() for labels in of
    )


def test_runtimes_are_told_apart_by_a_label(runtime: rw.Runtime) -> None:
    with rw.Runtime(workers=1, name="two") as other:
        other.launch("echo", name="relay")
        found = samples(telemetry.prometheus_text([runtime, other]))
    assert {
        'kernel="relay",runtime="one"',
        'kernel="relay",runtime="two"',
    } <= set(found["ringway_kernel_processed_total"])
    with pytest.raises(errors.InvalidOption, match="runtime"):
        telemetry.prometheus_text(runtime, {"runtime": "mine"})


def fetched(url: str) -> tuple[str, str]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def test_metrics_over_http(runtime: rw.Runtime) -> None:
    with rw.serve_metrics(0) as server:
        kind, text = fetched(server.url)
        assert kind == "text/plain; version=0.0.4; charset=utf-8"
        assert 'kernel="relay",runtime="one"' in text
        samples(text)
        with rw.Runtime(workers=1, name="later") as later:
            later.launch("echo", name="x")
            assert 'runtime="later"' in fetched(server.url)[1]
        assert 'runtime="later"' not in fetched(server.url)[1]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetched(server.url + "/more")
        with pytest.raises(errors.Error, match=f"cannot serve metrics at 127.0.0.1:{server.port}: "):
            rw.serve_metrics(server.port)
        port = server.port
    server.close()
    with pytest.raises(urllib.error.URLError):
        fetched(f"http://127.0.0.1:{port}/metrics")


def test_metrics_of_chosen_runtimes_which_are_not_kept_alive() -> None:
    other = rw.Runtime(workers=1, name="chosen")
    other.launch("echo", name="x")
    with rw.Runtime(workers=1, name="not chosen"), rw.serve_metrics(0, runtimes=other) as server:
        assert 'runtime="chosen"' in fetched(server.url)[1]
        assert "not chosen" not in fetched(server.url)[1]
        del other
        gc.collect()
        assert "chosen" not in fetched(server.url)[1]


@pytest.mark.parametrize("port", [-1, 65536, "80", 1.5, None])
def test_a_wrong_port_is_refused(port: object) -> None:
    with pytest.raises(errors.InvalidOption, match="port is"):
        rw.serve_metrics(port)  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["no such host", "256.0.0.1", "x" * 300, ""])
def test_a_wrong_host_or_the_whole_machine(host: str) -> None:
    if host == "":
        rw.serve_metrics(0, host=host).close()
        return
    with pytest.raises(errors.Error, match="cannot serve metrics at"):
        rw.serve_metrics(0, host=host)


def test_without_opentelemetry_the_remedy_is_named(
    runtime: rw.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(errors.Error, match=r"pip install 'ringway\[otel\]'"):
        telemetry.observe(runtime)


def test_opentelemetry_metrics(runtime: rw.Runtime) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    telemetry.observe(runtime, provider.get_meter("test"))
    data = reader.get_metrics_data()
    assert data is not None
    metrics = {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    points = {
        point.attributes["kernel"]: point.value
        for point in metrics["ringway.kernel.processed"].data.data_points
    }
    assert points == {"relay": 0, 'a "b"\\\nc': 5, "far": 1}
    assert len(metrics["ringway.kernel.latency"].data.data_points) == 3 * len(otel.QUANTILES)
    assert len(metrics["ringway.link.latency"].data.data_points) == len(otel.QUANTILES)
    assert len(metrics["ringway.queue.latency"].data.data_points) == len(otel.QUANTILES)
    provider.shutdown()
