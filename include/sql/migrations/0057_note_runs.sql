-- Which run of Airflow made a decision, so that the two lead to one another; decided by hand or in process: no row.
CREATE TABLE desk.decision_runs (
    decision_id text PRIMARY KEY REFERENCES desk.decisions ON DELETE CASCADE,
    dag_id text NOT NULL,
    run_id text NOT NULL
);
CREATE INDEX desk_decision_runs_run ON desk.decision_runs (dag_id, run_id);

COMMENT ON TABLE desk.decision_runs IS 'Which run of Airflow made a decision.';
COMMENT ON COLUMN desk.decision_runs.decision_id IS 'The decision.';
COMMENT ON COLUMN desk.decision_runs.dag_id IS 'DAG of the run.';
COMMENT ON COLUMN desk.decision_runs.run_id IS 'The run, as Airflow names it.';
