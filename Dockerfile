FROM apache/airflow:3.3.2-python3.12

# Bytecode is wanted: without it every process compiles Airflow again and starts twice as slowly.
ENV PYTHONDONTWRITEBYTECODE= \
    PYTHONPATH=/opt/airdesk/plugins:/opt/airdesk/config \
    AIRDESK_ROOT=/opt/airdesk \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/airdesk/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/airdesk/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False

COPY requirements.txt /opt/airdesk/requirements.txt
RUN pip install --no-cache-dir --require-hashes --no-deps -r /opt/airdesk/requirements.txt

COPY airdesk pyproject.toml LICENSE /opt/airdesk/
COPY dags /opt/airdesk/dags
COPY include /opt/airdesk/include
COPY plugins /opt/airdesk/plugins
COPY deploy /opt/airdesk/deploy

# The code stays root's: nothing that runs in the container can change it. Only what volumes cover belongs to group 0,
# which any user id is a member of here; a volume takes over owner and mode of the folder that it covers.
USER root
RUN mkdir -p /opt/airdesk/config /opt/airdesk/state /opt/airflow/auth \
    && python -c "from trading.entrypoints.airflow_environment import LOCAL_SETTINGS as text; print(text)" \
        > /opt/airdesk/config/airflow_local_settings.py \
    && python -m compileall -q /opt/airdesk/plugins /opt/airdesk/dags /opt/airdesk/config \
    && chown airflow:0 /opt/airdesk/state /opt/airflow/auth && chmod 0770 /opt/airdesk/state /opt/airflow/auth
USER airflow
WORKDIR /opt/airdesk
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/opt/airdesk/deploy/with-secrets", "/entrypoint"]
