FROM apache/airflow:3.3.2-python3.12

# Bytecode is wanted: without it every process compiles Airflow again and starts twice as slowly.
ENV PYTHONDONTWRITEBYTECODE= \
    PYTHONPATH=/opt/airdesk/plugins \
    AIRDESK_ROOT=/opt/airdesk \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/airdesk/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/airdesk/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False

COPY requirements.txt /opt/airdesk/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /opt/airdesk/requirements.txt

COPY airdesk pyproject.toml LICENSE /opt/airdesk/
COPY dags /opt/airdesk/dags
COPY include /opt/airdesk/include
COPY plugins /opt/airdesk/plugins
# Volumes take over the owner of the folder that they cover.
RUN mkdir -p /opt/airflow/auth /opt/airflow/airdesk-state
WORKDIR /opt/airdesk
