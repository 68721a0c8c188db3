"""What only Airflow needs: run context, timetables, callbacks."""
