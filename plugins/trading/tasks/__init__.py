"""One function per Airflow task: ports in, `StepReport` out. No Airflow, no adapter, no clock but the port.

Every function has the shape `(services, spec, book, slot) -> StepReport` and may be run again at any time.
"""
