"""Prometheus metrics of the SDK, and readiness read back from them."""

import re

import httpx
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

_POLLERS = re.compile(r"^temporal_num_pollers\{(?P<labels>[^}]*)\}\s+(?P<value>[0-9.eE+]+)$", re.M)


def metrics_runtime(port: int) -> Runtime | None:
    """The process's one runtime, its metrics on loopback; None when `port` is 0 (the default).

    Make it before the first client: a second runtime would split the figures.
    """
    if port == 0:
        return None
    return Runtime(
        telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=f"127.0.0.1:{port}"))
    )


def pollers_in(exposition: str, task_queue: str) -> int | None:
    """Pollers on a task queue by a metrics page; None when the page does not say.

    Unknown is not zero: a page without the gauge comes from a worker that has not begun to
    poll, or from something that is not a worker.
    """
    counts = [
        round(_number(found["value"]))
        for found in _POLLERS.finditer(exposition)
        if f'task_queue="{task_queue}"' in found["labels"]
    ]
    return sum(counts) if counts else None


async def worker_pollers(metrics_url: str, task_queue: str) -> int | None:
    """Pollers of the worker behind `metrics_url`; None when it does not answer or say."""
    try:
        async with httpx.AsyncClient(timeout=2) as http:
            answer = await http.get(metrics_url)
    except httpx.HTTPError:
        return None
    return pollers_in(answer.text, task_queue) if answer.is_success else None


def _number(text: str) -> float:
    return float(text)
