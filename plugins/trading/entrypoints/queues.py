"""Names of the queues that Celery workers serve; a local executor ignores them. Light: every DAG file loads this."""

from __future__ import annotations

BROKER_QUEUE = "broker"
"""Tasks that connect to the broker. One worker of one slot serves it, wherever it runs."""
ANALYSIS_QUEUE = "analysis"
"""Every other task; as many workers as the machines carry."""
