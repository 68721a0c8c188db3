"""Where processes start: the CLI, the supervisor, Airflow."""
