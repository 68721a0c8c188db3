"""A week of the desk as people see it: real Airflow, the paper gateway, vendors and Telegram on loopback."""
