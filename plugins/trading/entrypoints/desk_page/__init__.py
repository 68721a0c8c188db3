"""The Desk page: a FastAPI app for Airflow's api-server to mount. It knows nothing of Airflow itself."""
